"""Acting as somebody else: the Impersonate headers, and what it takes to be allowed to.

Source: k8s.io/apiserver pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netlab.apiserver import errors
from netlab.apiserver.access.attributes import Attributes
from netlab.apiserver.access.headers import Headers
from netlab.apiserver.access.identity import (
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    User,
    as_service_account,
    service_account_groups,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom a request wants to be."""

    user: str
    groups: tuple[str, ...]
    uid: str

    def rights(self) -> Iterator[Attributes]:
        """Yield what one must be allowed to do, one right for each part of the wish."""
        account = as_service_account(self.user)
        if account:
            namespace, name = account
            yield _impersonate("serviceaccounts", name, namespace=namespace)
        else:
            yield _impersonate("users", self.user)
        for group in self.groups:
            yield _impersonate("groups", group)
        if self.uid:
            yield _impersonate("uids", self.uid, group="authentication.k8s.io")

    def granted(self) -> User:
        """Return the user one becomes; the groups that everybody is in are added."""
        account = as_service_account(self.user)
        groups = self.groups
        if account and not groups:
            groups = service_account_groups(account[0])
        standing = UNAUTHENTICATED if self.user == ANONYMOUS else AUTHENTICATED
        if standing not in groups:
            groups = (*groups, standing)
        return User(self.user, groups, self.uid)


def wish(headers: Headers) -> Wish | None:
    """Return whom a request wants to be, None for itself; raise ApiError where it says half."""
    user = headers.get("Impersonate-User", "")
    groups = tuple(headers.getall("Impersonate-Group", ()))
    uid = headers.get("Impersonate-Uid", "")
    if user:
        return Wish(user, groups, uid)
    if groups or uid:
        raise errors.internal("requested groups or a uid without impersonating a user")
    return None


def _impersonate(resource: str, name: str, *, namespace: str = "", group: str = "") -> Attributes:
    return Attributes(
        verb="impersonate", group=group, resource=resource, namespace=namespace, name=name
    )
