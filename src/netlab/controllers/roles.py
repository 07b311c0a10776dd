"""Aggregated ClusterRoles: their rules are those of all ClusterRoles that their labels select.

Source: pkg/controller/clusterroleaggregation in kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable

from netlab.apiserver.access import builtin
from netlab.apiserver.objects import Obj, at, labels_of
from netlab.apiserver.registry import Registry
from netlab.apiserver.resources import BY_PLURAL
from netlab.apiserver.selectors import matches_labels
from netlab.apiserver.store import Event, Store


class RoleController:
    """Acts on every change of a ClusterRole, within the change's own commit."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._store = store

    def start(self) -> Callable[[], None]:
        """Begin to act; return the undoing."""
        return self._store.subscribe("clusterroles", self._hear)

    def _hear(self, event: Event) -> None:
        del event  # whichever role changed, any other may be made of it
        roles = self._store.list("clusterroles")
        for role in roles:
            selectors = at(role, "aggregationRule", "clusterRoleSelectors")
            if selectors is None:
                continue
            rules = _gathered(roles, role, selectors)
            if rules != (role.get("rules") or []):
                self._store.update("clusterroles", {**role, "rules": rules})


def create_built_in(registry: Registry) -> None:
    """Create the roles and bindings that a cluster has from its start."""
    for role in builtin.cluster_roles():
        registry.create(BY_PLURAL["clusterroles"], None, role)
    for binding in builtin.cluster_role_bindings():
        registry.create(BY_PLURAL["clusterrolebindings"], None, binding)


def _gathered(roles: list[Obj], whole: Obj, selectors: list[Obj]) -> list[Obj]:
    """Return the rules of all selected roles, each rule once, in the order of the roles' names."""
    rules: list[Obj] = []
    for role in roles:
        if role["metadata"]["name"] == whole["metadata"]["name"]:
            continue
        if any(matches_labels(selector, labels_of(role)) for selector in selectors):
            rules += [rule for rule in role.get("rules") or [] if rule not in rules]
    return rules
