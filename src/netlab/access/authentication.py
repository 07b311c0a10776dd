"""Who sent a request: the administrator, a service account, or somebody they act as.

Impersonation follows k8s.io/apiserver pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from netlab.access.attributes import Attributes
from netlab.access.tokens import ServiceAccountTokens
from netlab.access.users import (
    ADMIN,
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    RequestHeaders,
    User,
    service_account_groups,
    service_account_of,
)
from netlab.objects import apierrors


@dataclass(frozen=True, slots=True)
class Impersonation:
    """Whom a request wants to be."""

    user: str
    groups: tuple[str, ...]
    uid: str
    extra: tuple[tuple[str, str], ...] = ()

    def rights(self) -> Iterator[Attributes]:
        """Yield what one must be allowed to do, one right for each part of the wish."""
        account = service_account_of(self.user)
        if account:
            namespace, name = account
            yield _impersonate_right("serviceaccounts", name, namespace=namespace)
        else:
            yield _impersonate_right("users", self.user)
        for group in self.groups:
            yield _impersonate_right("groups", group)
        for key, value in self.extra:
            right = _impersonate_right("userextras", value, group=_GROUP)
            yield replace(right, subresource=key)
        if self.uid:
            yield _impersonate_right("uids", self.uid, group=_GROUP)

    def granted(self) -> User:
        """Return the user one becomes; the groups that everybody is in are added."""
        account = service_account_of(self.user)
        groups = self.groups
        if account and not groups:
            groups = service_account_groups(account[0])
        # Whoever names the group of the unauthenticated is not in that of the others as well.
        anonymous = self.user == ANONYMOUS or UNAUTHENTICATED in groups
        standing = UNAUTHENTICATED if anonymous else AUTHENTICATED
        if standing not in groups:
            groups = (*groups, standing)
        return User(self.user, groups, self.uid, self.extra)


def impersonation_of(headers: RequestHeaders) -> Impersonation | None:
    """Return whom a request wants to be, None for itself.

    Raises ApiError (BadRequest) where it says half: 400 since Kubernetes 1.35, 500 before.
    """
    user = headers.get("Impersonate-User", "")
    groups = tuple(headers.getall("Impersonate-Group", ()))
    uid = headers.get("Impersonate-Uid", "")
    extra = tuple(
        (_extra_key(name), value)
        for name, value in headers.items()
        if name.lower().startswith(_EXTRA)
    )
    if user:
        return Impersonation(user, groups, uid, extra)
    if groups or uid or extra:
        raise apierrors.bad_request("requested groups, extra or a uid without impersonating a user")
    return None


def _extra_key(header: str) -> str:
    """Return a key as it is spelled in a header: lowered, then unescaped where all of it can be."""
    key = header.lower()[len(_EXTRA) :]
    return key if re.search("%(?![0-9a-f]{2})", key) else unquote(key)


_EXTRA = "impersonate-extra-"
_GROUP = "authentication.k8s.io"


def _impersonate_right(
    resource: str, name: str, *, namespace: str = "", group: str = ""
) -> Attributes:
    return Attributes(
        verb="impersonate", group=group, resource=resource, namespace=namespace, name=name
    )


class Authenticator:
    """Knows users by their bearer tokens; anonymous requests are refused."""

    def __init__(self, admin_token: str, tokens: ServiceAccountTokens) -> None:
        """Take the administrator's token; ValueError for an empty one, which lets everybody in."""
        if not admin_token:
            raise ValueError("the API server needs a token")
        self._expected = admin_token.encode()
        self._tokens = tokens

    def authenticate(self, headers: RequestHeaders) -> User:
        """Return who sent a request with these headers; raise ApiError (Unauthorized)."""
        scheme, _, text = headers.get("Authorization", "").partition(" ")
        token = text.strip()
        if scheme.lower() != "bearer":
            raise apierrors.unauthorized()
        # Compared in constant time: the port is open to every process of the machine.
        if hmac.compare_digest(token.encode(errors="surrogateescape"), self._expected):
            return ADMIN
        user = self._tokens.user_of(token) if token.isascii() else None
        if user is None:
            raise apierrors.unauthorized()
        return user
