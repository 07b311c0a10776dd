"""Nobody gives away what they do not have: roles and bindings are checked against their writer.

Source: pkg/registry/rbac/{role,rolebinding,...}/policybased in kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netlab.apiserver import errors
from netlab.apiserver.access.attributes import Attributes
from netlab.apiserver.access.identity import MASTERS, User
from netlab.apiserver.access.rbac import GROUP, Authorizer
from netlab.apiserver.access.rules import covers
from netlab.apiserver.objects import Obj
from netlab.apiserver.resources import Resource
from netlab.apiserver.store import Store

_ROLES = frozenset({"clusterroles", "roles"})
_EVERYTHING: Sequence[Obj] = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)


class EscalationGuard:
    """Checks what is to be written of RBAC."""

    def __init__(self, store: Store, authorizer: Authorizer) -> None:
        """Look roles up in a store and rights at an authorizer."""
        self._store = store
        self._authorizer = authorizer

    def check(self, user: User, resource: Resource, obj: Obj) -> None:
        """Raise ApiError (Forbidden) where an object gives rights that its writer has not.

        Others than roles and bindings give none. The verbs `escalate` on roles and `bind` on what
        is bound lift the rule.
        """
        if resource.group != GROUP or MASTERS in user.groups:
            return
        namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
        lifted, rules = self._given(resource, obj, namespace)
        old = self._store.find(resource.plural, namespace or None, name)
        if old is not None and _essence(old) == _essence(obj):
            return
        if self._authorizer.decide(user, lifted).allowed:
            return
        own, _ = self._authorizer.rules(user, namespace)
        lacking = [part for rule in rules for part in _lacking(rule, own)]
        if lacking:
            groups = " ".join(f'"{group}"' for group in user.groups)
            listed = "\n".join(_shown(part) for part in lacking)
            why = (
                f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions '
                f"not currently held:\n{listed}"
            )
            raise errors.forbidden(resource, name, why)

    def _given(
        self, resource: Resource, obj: Obj, namespace: str
    ) -> tuple[Attributes, Sequence[Obj]]:
        """Return the right that lifts the rule, and the rules that an object gives."""
        if resource.plural in _ROLES:
            rules = _EVERYTHING if obj.get("aggregationRule") else obj.get("rules") or ()
            return _right("escalate", resource.plural, obj["metadata"]["name"], namespace), rules
        ref = obj["roleRef"]
        plural = "roles" if ref["kind"] == "Role" else "clusterroles"
        inside = namespace if plural == "roles" else None
        right = _right("bind", plural, ref["name"], namespace)
        return right, self._store.get(plural, inside, ref["name"]).get("rules") or ()


def _right(verb: str, plural: str, name: str, namespace: str) -> Attributes:
    return Attributes(verb=verb, group=GROUP, resource=plural, name=name, namespace=namespace)


def _essence(obj: Obj) -> tuple[object, ...]:
    return tuple(obj.get(key) for key in ("rules", "aggregationRule", "roleRef", "subjects"))


def _lacking(rule: Obj, own: Sequence[Obj]) -> Iterator[Attributes]:
    """Yield the single rights in a rule that are in none of one's own."""
    for part in _parts(rule):
        if not any(covers(mine, part) for mine in own):
            yield part


def _parts(rule: Obj) -> Iterator[Attributes]:
    for verb in rule.get("verbs") or ():
        for url in rule.get("nonResourceURLs") or ():
            yield Attributes(verb=verb, path=url)
        for group in rule.get("apiGroups") or ():
            for whole in rule.get("resources") or ():
                resource, _, below = whole.partition("/")
                for name in rule.get("resourceNames") or ("",):
                    yield Attributes(verb, group, resource, below, name=name)


def _shown(part: Attributes) -> str:
    if part.path:
        return f'{{NonResourceURLs:["{part.path}"], Verbs:["{part.verb}"]}}'
    named = f'ResourceNames:["{part.name}"], ' if part.name else ""
    return (
        f'{{APIGroups:["{part.group}"], Resources:["{part.whole_resource}"], '
        f'{named}Verbs:["{part.verb}"]}}'
    )
