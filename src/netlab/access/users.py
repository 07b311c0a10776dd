"""Users, their groups, and the headers that name them. Must not know: how somebody proves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
SERVICE_ACCOUNTS = "system:serviceaccounts"

_SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody the server knows."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    """What else is known of them: keys and values, a key once for each of its values."""


ADMIN = User("kubernetes-admin", (MASTERS, AUTHENTICATED))


def service_account(namespace: str, name: str, uid: str = "") -> User:
    """Return a service account as the user it is to the API."""
    groups = (*service_account_groups(namespace), AUTHENTICATED)
    return User(service_account_name(namespace, name), groups, uid)


def service_account_name(namespace: str, name: str) -> str:
    """Return the user name of a service account."""
    return f"{_SERVICE_ACCOUNT}{namespace}:{name}"


def service_account_groups(namespace: str) -> tuple[str, str]:
    """Return the groups that all service accounts of a namespace are in."""
    return SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}"


def service_account_of(user_name: str) -> tuple[str, str] | None:
    """Return namespace and name of the service account with a user name, None for others."""
    if not user_name.startswith(_SERVICE_ACCOUNT):
        return None
    namespace, _, name = user_name.removeprefix(_SERVICE_ACCOUNT).partition(":")
    return (namespace, name) if namespace and name and ":" not in name else None


class RequestHeaders(Protocol):
    """Headers by name, in any case; a name may occur more than once."""

    def get(self, key: str, default: str, /) -> str:
        """Return the first value of a header."""

    def getall(self, key: str, default: Sequence[str], /) -> Sequence[str]:
        """Return all values of a header."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return all headers."""
