"""Who asks, and whether they may: the one seam between a request and its handler.

One token, one user, everything allowed. Roles would come in as another `Authorizer`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from netproof.lab.apiserver import errors
from netproof.lab.apiserver.objects import Obj


@dataclass(frozen=True, slots=True)
class User:
    """Somebody the server knows."""

    name: str
    groups: tuple[str, ...] = ()


ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is to be done: the fields that an authorizer decides by."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Authorizer(Protocol):
    """Decides what a user may do."""

    def allows(self, user: User, attributes: Attributes) -> bool:
        """Tell whether the user may do it."""


class AllowAll:
    """Lets everybody who is known do everything, as cluster-admin may."""

    def allows(self, user: User, attributes: Attributes) -> bool:  # noqa: ARG002
        """Say yes."""
        return True


class TokenAuthenticator:
    """Knows one user by one bearer token."""

    def __init__(self, token: str, user: User = ADMIN) -> None:
        """Take the token; an empty one would let everybody in and is refused with ValueError."""
        if not token:
            raise ValueError("the API server needs a token")
        self._expected = token.encode()
        self._user = user

    def authenticate(self, headers: Mapping[str, str]) -> User:
        """Return who sent a request with these headers; raise ApiError (Unauthorized)."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        # Compared in constant time: the port is open to every process of the machine.
        given = token.strip().encode(errors="surrogateescape")
        good = hmac.compare_digest(given, self._expected)
        if scheme.lower() != "bearer" or not good:
            raise errors.unauthorized()
        return self._user


def review(authorizer: Authorizer, user: User, asked: Obj) -> Obj:
    """Return the status of a SelfSubjectAccessReview with the given spec."""
    resource = asked.get("resourceAttributes") or {}
    plain = asked.get("nonResourceAttributes") or {}
    keys = ("group", "resource", "subresource", "namespace", "name")
    attributes = Attributes(
        verb=str(resource.get("verb") or plain.get("verb") or ""),
        path=str(plain.get("path") or ""),
        **{key: str(resource.get(key) or "") for key in keys},
    )
    return {"allowed": authorizer.allows(user, attributes)}
