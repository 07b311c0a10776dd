"""Who sent a request: the administrator, a service account, or somebody they act as.

Tokens of service accounts have the form and claims of the JWTs that a cluster issues, so that
clients may look into them; they are signed by a key that lives as long as the lab. Impersonation
follows k8s.io/apiserver pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from netlab.access.attributes import Attributes
from netlab.access.users import (
    ADMIN,
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    RequestHeaders,
    User,
    service_account,
    service_account_groups,
    service_account_name,
    service_account_of,
)
from netlab.objects import apierrors
from netlab.objects.obj import Obj
from netlab.objects.store import Store

AUDIENCE = "https://kubernetes.default.svc"
"""Whom a token is for where nothing else is asked: this API."""


class ServiceAccountTokens:
    """Issues tokens for the service accounts of a store and knows them again."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        """Look accounts up in a store; `clock` gives seconds since the epoch."""
        self._store = store
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def issue(self, account: Obj, audiences: Sequence[str], lifetime_s: int) -> tuple[str, float]:
        """Return a token for a service account and the time at which it ends."""
        meta, begins = account["metadata"], int(self._clock())
        who = {"name": meta["name"], "uid": meta["uid"]}
        claims = {
            "iss": AUDIENCE,
            "sub": service_account_name(meta["namespace"], meta["name"]),
            "aud": list(audiences) or [AUDIENCE],
            "iat": begins,
            "nbf": begins,
            "exp": begins + lifetime_s,
            "jti": secrets.token_hex(16),
            "kubernetes.io": {"namespace": meta["namespace"], "serviceaccount": who},
        }
        signed = f"{_encoded_json({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded_json(claims)}"
        return f"{signed}.{self._signature(signed)}", float(begins + lifetime_s)

    def user_of(self, token: str) -> User | None:
        """Return whose token it is, None for one that is not ours, for others, or out of date.

        A token ends with its account: the next one of the same name has another uid.
        """
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return None
        claims = _decoded_claims(signed)
        if AUDIENCE not in claims["aud"] or claims["exp"] <= self._clock():
            return None
        bound = claims["kubernetes.io"]
        namespace, who = bound["namespace"], bound["serviceaccount"]
        found = self._store.find("serviceaccounts", namespace, who["name"])
        if found is None or found["metadata"]["uid"] != who["uid"]:
            return None
        return service_account(namespace, who["name"], who["uid"])

    def _signature(self, signed: str) -> str:
        return _base64url(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())


def _encoded_json(value: Any) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded_claims(signed: str) -> Any:
    text = signed.rpartition(".")[2]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@dataclass(frozen=True, slots=True)
class Impersonation:
    """Whom a request wants to be."""

    user: str
    groups: tuple[str, ...]
    uid: str

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
        if self.uid:
            yield _impersonate_right("uids", self.uid, group="authentication.k8s.io")

    def granted(self) -> User:
        """Return the user one becomes; the groups that everybody is in are added."""
        account = service_account_of(self.user)
        groups = self.groups
        if account and not groups:
            groups = service_account_groups(account[0])
        standing = UNAUTHENTICATED if self.user == ANONYMOUS else AUTHENTICATED
        if standing not in groups:
            groups = (*groups, standing)
        return User(self.user, groups, self.uid)


def impersonation_of(headers: RequestHeaders) -> Impersonation | None:
    """Return whom a request wants to be, None for itself; raise ApiError where it says half."""
    user = headers.get("Impersonate-User", "")
    groups = tuple(headers.getall("Impersonate-Group", ()))
    uid = headers.get("Impersonate-Uid", "")
    if user:
        return Impersonation(user, groups, uid)
    if groups or uid:
        raise apierrors.internal("requested groups or a uid without impersonating a user")
    return None


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
