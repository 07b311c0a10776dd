"""Who holds the key: which subjects RBAC lets through a door, read from the cluster's own objects.

Input are Roles, ClusterRoles and their bindings as the API gives them; pure. What counts follows
the RBAC authorizer (k8s.io/kubernetes plugin/pkg/auth/authorizer/rbac, pkg/apis/rbac/v1 helpers):
`*` stands for any group, resource or verb, `*/exec` for a subresource of any resource, and a
RoleBinding gives a ClusterRole's rules in its own namespace only. Members of system:masters need
no binding and are therefore in no list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netproof.model.doors import FACTS, Door, Grant, Permission
from netproof.policy import LabelSelector, MatchExpression, Operator
from netproof.policy.matching import matches

Obj = Mapping[str, Any]

_ANY = "*"
_CLUSTER_SCOPED = frozenset({"nodes"})
"""Resources without a namespace, which a RoleBinding gives nobody."""


@dataclass(frozen=True, slots=True)
class Rbac:
    """The RBAC objects of a cluster."""

    roles: tuple[Obj, ...] = ()
    cluster_roles: tuple[Obj, ...] = ()
    role_bindings: tuple[Obj, ...] = ()
    cluster_role_bindings: tuple[Obj, ...] = ()

    @classmethod
    def of(cls, objects: Iterable[Obj]) -> Rbac:
        """Sort objects by their kind; others than those of RBAC are left out."""
        object_list = tuple(objects)
        kinds = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
        return cls(*(tuple(o for o in object_list if o["kind"] == kind) for kind in kinds))


def holders(rbac: Rbac, permissions: Iterable[Permission]) -> tuple[Grant, ...]:
    """Return every grant of any of the permissions, those that hold everywhere first."""
    wanted = tuple(dict.fromkeys(permissions))
    grants = {
        grant: None
        for binding in (*rbac.cluster_role_bindings, *rbac.role_bindings)
        for grant in _of_binding(rbac, binding, wanted)
    }
    order = {permission.resource: rank for rank, permission in enumerate(wanted)}
    return tuple(sorted(grants, key=lambda grant: _order(grant, order)))


def every_key(rbac: Rbac) -> tuple[Grant, ...]:
    """Return who holds the keys of all doors that have one."""
    return holders(rbac, (one for facts in FACTS.values() for one in facts.permissions))


def of_door(grants: Iterable[Grant], door: Door) -> tuple[Grant, ...]:
    """Return the grants that open a door."""
    opening = {permission.resource for permission in FACTS[door].permissions}
    return tuple(grant for grant in grants if grant.resource in opening)


def in_namespace(grants: Iterable[Grant], namespace: str) -> tuple[Grant, ...]:
    """Return the grants that hold in a namespace, those that hold everywhere included."""
    return tuple(grant for grant in grants if grant.namespace in ("", namespace))


def _order(grant: Grant, ranks: Mapping[str, int]) -> tuple[object, ...]:
    where = (grant.namespace, grant.binding, grant.role, grant.subject, grant.rule)
    return (ranks[grant.resource], *where, grant.names)


def _of_binding(rbac: Rbac, binding: Obj, wanted: Sequence[Permission]) -> Iterator[Grant]:
    role = _bound(rbac, binding)
    if role is None:
        return
    namespace = _namespace(binding)
    for rule, origin in _rules(rbac, role):
        for permission in wanted:
            if namespace and permission.resource.partition("/")[0] in _CLUSTER_SCOPED:
                continue
            verbs = _given(rule, permission)
            for subject in binding.get("subjects") or [] if verbs else []:
                yield Grant(
                    resource=permission.resource,
                    verbs=verbs,
                    subject=_subject(subject, namespace),
                    binding=_name(binding),
                    role=_name(role),
                    rule=_words(rule),
                    namespace=namespace,
                    names=tuple(rule.get("resourceNames") or ()),
                    origin=origin,
                )


def _bound(rbac: Rbac, binding: Obj) -> Obj | None:
    """Return the role that a binding names, None where there is none: it then gives nothing."""
    ref, namespace = binding["roleRef"], _namespace(binding)
    if ref["kind"] == "ClusterRole":
        candidates = rbac.cluster_roles
    else:
        candidates = tuple(r for r in rbac.roles if namespace and _namespace(r) == namespace)
    return next((role for role in candidates if role["metadata"]["name"] == ref["name"]), None)


def _rules(rbac: Rbac, role: Obj) -> Iterator[tuple[Obj, str]]:
    """Yield a role's rules, those it aggregates with the name of the role they stand in.

    The API server copies aggregated rules into the role; here each is told once, where it is from.
    """
    gathered = [
        (rule, name)
        for name, part in _aggregated(rbac, role, frozenset({role["metadata"]["name"]}))
        for rule in part.get("rules") or []
    ]
    yield from gathered
    copied = [rule for rule, _ in gathered]
    yield from ((rule, "") for rule in role.get("rules") or [] if rule not in copied)


def _aggregated(rbac: Rbac, role: Obj, visited: frozenset[str]) -> Iterator[tuple[str, Obj]]:
    """Yield the ClusterRoles whose labels a role's aggregationRule selects, and theirs in turn."""
    chosen = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    selectors = [_selector(one) for one in chosen]
    for other in rbac.cluster_roles:
        name, labels = other["metadata"]["name"], other["metadata"].get("labels") or {}
        if name in visited or not any(matches(selector, labels) for selector in selectors):
            continue
        if other.get("aggregationRule"):
            yield from _aggregated(rbac, other, visited | {name})
        else:
            yield name, other


def _selector(raw: Obj) -> LabelSelector:
    return LabelSelector(
        raw.get("matchLabels") or {},
        tuple(
            MatchExpression(one["key"], Operator(one["operator"]), tuple(one.get("values") or ()))
            for one in raw.get("matchExpressions") or []
        ),
    )


def _given(rule: Obj, permission: Permission) -> tuple[str, ...]:
    """Return the verbs of a permission that a rule gives, none where it is about something else."""
    subresource = permission.resource.partition("/")[2]
    resources = {_ANY, permission.resource, f"{_ANY}/{subresource}"}
    about = resources & set(rule.get("resources") or ())
    if not about or not {"", _ANY} & set(rule.get("apiGroups") or ()):
        return ()
    verbs = rule.get("verbs") or ()
    return tuple(verb for verb in permission.verbs if verb in verbs or _ANY in verbs)


def _subject(subject: Obj, namespace: str) -> str:
    if subject["kind"] != "ServiceAccount":
        return f"{subject['kind']} {subject['name']}"
    return f"ServiceAccount {subject.get('namespace') or namespace}/{subject['name']}"


def _name(obj: Obj) -> str:
    namespace = _namespace(obj)
    return f"{obj['kind']} {namespace + '/' if namespace else ''}{obj['metadata']['name']}"


def _namespace(obj: Obj) -> str:
    return str(obj["metadata"].get("namespace") or "") if obj["kind"].startswith("Role") else ""


def _words(rule: Obj) -> str:
    verbs, resources = rule.get("verbs") or (), rule.get("resources") or ()
    return f"{', '.join(verbs)} on {', '.join(resources)}"
