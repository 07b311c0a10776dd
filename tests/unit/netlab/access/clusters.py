"""Roles and bindings for tests, in few words."""

from __future__ import annotations

from typing import Any

from netlab.access.attributes import Attributes
from netlab.access.authorization import RbacAuthorizer
from netlab.access.users import User
from netlab.controllers.clusterroles import ClusterRoleController, create_built_in
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.registry import Registry
from netlab.objects.store import Store

ANN = User("ann", ("system:authenticated",))


def cluster() -> Registry:
    """Return a registry with the built-in roles and the namespaces shop and other."""
    store = Store()
    registry = Registry(store)
    ClusterRoleController(store).start()
    create_built_in(registry)
    for name in ("shop", "other"):
        registry.create(BY_PLURAL["namespaces"], None, {"metadata": {"name": name}})
    return registry


def rule(verbs: str, resources: str, *, groups: str = "", names: str = "") -> dict[str, Any]:
    """Return a PolicyRule; words are separated by blanks, no groups is the core group."""
    made: dict[str, Any] = {"verbs": verbs.split(), "resources": resources.split()}
    made["apiGroups"] = groups.split() or [""]
    return {**made, **({"resourceNames": names.split()} if names else {})}


def add_role(registry: Registry, name: str, *rules: Any, **more: Any) -> None:
    """Create a ClusterRole, or with `namespace` a Role."""
    namespace = more.pop("namespace", None)
    body = {"metadata": {"name": name, **more.pop("metadata", {})}, "rules": list(rules), **more}
    registry.create(BY_PLURAL["roles" if namespace else "clusterroles"], namespace, body)


def bind(
    registry: Registry, role: str, *subjects: dict[str, str], namespace: str | None = None
) -> None:
    """Bind a role in a namespace, or without one in the cluster; KIND/NAME or a ClusterRole."""
    kind, _, name = role.rpartition("/")
    body = {
        "metadata": {"name": f"b-{name}"},
        "roleRef": {"kind": kind or "ClusterRole", "name": name},
        "subjects": list(subjects),
    }
    plural = "rolebindings" if namespace else "clusterrolebindings"
    registry.create(BY_PLURAL[plural], namespace, body)


def user(name: str = "ann") -> dict[str, str]:
    return {"kind": "User", "name": name}


def asked(what: str, namespace: str = "shop", *, name: str = "", group: str = "") -> Attributes:
    """Return attributes from "get pods/exec"."""
    verb, _, resource = what.partition(" ")
    plural, _, below = resource.partition("/")
    return Attributes(
        verb=verb, group=group, resource=plural, subresource=below, namespace=namespace, name=name
    )


def may(registry: Registry, who: User, attributes: Attributes) -> bool:
    return RbacAuthorizer(registry.store).decide(who, attributes).allowed
