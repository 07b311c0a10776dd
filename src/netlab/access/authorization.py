"""The RBAC authorizer: roles and bindings in the store decide; who no binding names may nothing.

Source: plugin/pkg/auth/authorizer/rbac in kubernetes/kubernetes. Must not know: requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from netlab.access.attributes import Attributes, is_covered
from netlab.access.users import MASTERS, User, service_account_name
from netlab.objects.kinds import RBAC_GROUP
from netlab.objects.obj import Obj
from netlab.objects.store import Store


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """Whether somebody may, and what is to be said of it."""

    allowed: bool
    reason: str = ""


class Authorizer(Protocol):
    """Decides what a user may do."""

    def decide(self, user: User, asked: Attributes) -> AccessDecision:
        """Return the decision on a request."""

    def rules(self, user: User, namespace: str) -> tuple[Sequence[Obj], str]:
        """Return all rules that a user has in a namespace, and what kept others from being read."""


@dataclass(frozen=True, slots=True)
class BindingGrant:
    """The rules that one binding gives to one subject, or why it gives none."""

    rules: Sequence[Obj]
    said: str
    missing: str = ""


class RbacAuthorizer:
    """Decides by the objects of a store, as they are at the time."""

    def __init__(self, store: Store) -> None:
        """Read roles and bindings from a store."""
        self._store = store

    def decide(self, user: User, asked: Attributes) -> AccessDecision:
        """Return the decision on a request; members of system:masters may do everything."""
        if MASTERS in user.groups:
            return AccessDecision(allowed=True)
        missing: dict[str, None] = {}
        for grant in self._grants(user, asked.namespace):
            if grant.missing:
                missing[grant.missing] = None
            elif any(is_covered(rule, asked) for rule in grant.rules):
                return AccessDecision(allowed=True, reason=f"RBAC: allowed by {grant.said}")
        return AccessDecision(allowed=False, reason=_missing_roles(list(missing)))

    def rules(self, user: User, namespace: str) -> tuple[Sequence[Obj], str]:
        """Return all rules that a user has in a namespace, and which roles could not be read."""
        if MASTERS in user.groups:
            everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            return [everything, {"verbs": ["*"], "nonResourceURLs": ["*"]}], ""
        grants = list(self._grants(user, namespace))
        missing = list(dict.fromkeys(grant.missing for grant in grants if grant.missing))
        return [rule for grant in grants for rule in grant.rules], _missing_roles(missing)

    def _grants(self, user: User, namespace: str) -> Iterator[BindingGrant]:
        """Yield what each binding gives a user: those of the cluster, then the namespace's."""
        for binding in self._store.list("clusterrolebindings"):
            yield from self._grant(user, binding, "")
        if namespace:
            for binding in self._store.list("rolebindings", namespace):
                yield from self._grant(user, binding, namespace)

    def _grant(self, user: User, binding: Obj, namespace: str) -> Iterator[BindingGrant]:
        subjects = binding.get("subjects") or []
        subject = next((s for s in subjects if is_named(user, s, namespace)), None)
        if subject is None:
            return
        kind, name = binding["roleRef"].get("kind", ""), binding["roleRef"].get("name", "")
        plural, inside = ("roles", namespace) if kind == "Role" else ("clusterroles", None)
        role = self._store.find(plural, inside, name)
        if role is None:
            yield BindingGrant((), "", f'{kind.lower()}.{RBAC_GROUP} "{name}" not found')
            return
        bound = binding["metadata"]["name"]
        by = f'RoleBinding "{bound}/{namespace}"' if namespace else f'ClusterRoleBinding "{bound}"'
        description = f'{by} of {kind} "{name}" to {_described(subject, namespace)}'
        yield BindingGrant(role.get("rules") or (), description)


def is_named(user: User, subject: Obj, namespace: str) -> bool:
    """Tell whether a subject of a binding is a user; a service account may leave out its own."""
    name = subject.get("name", "")
    match subject.get("kind"):
        case "User":
            return bool(user.name == name)
        case "Group":
            return name in user.groups
        case "ServiceAccount":
            home = subject.get("namespace") or namespace
            return bool(home) and user.name == service_account_name(home, name)
        case _:
            return False


def _described(subject: Obj, namespace: str) -> str:
    kind, name = subject.get("kind", ""), subject.get("name", "")
    if kind == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or namespace}"
    return f'{kind} "{name}"'


def _missing_roles(roles: Sequence[str]) -> str:
    if not roles:
        return ""
    listed = roles[0] if len(roles) == 1 else f"[{', '.join(roles)}]"
    return f"RBAC: {listed}"
