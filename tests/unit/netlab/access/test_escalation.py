"""Nobody gives away what they do not have."""

from typing import Any

import pytest

from netlab.access.attributes import Attributes
from netlab.access.authorization import RbacAuthorizer
from netlab.access.gates import EscalationGuard
from netlab.access.users import ADMIN, User
from netlab.objects.apierrors import ApiError
from netlab.objects.kinds import BY_PLURAL, RBAC_GROUP
from netlab.objects.registry import Registry
from tests.unit.netlab.access.clusters import ANN, add_role, bind, cluster, rule, user


@pytest.fixture
def registry() -> Registry:
    """Return a registry in which ann is an admin of the namespace shop."""
    made = cluster()
    bind(made, "admin", user(), namespace="shop")
    return made


def check(registry: Registry, who: User, plural: str, **parts: Any) -> None:
    guard = EscalationGuard(registry.store, RbacAuthorizer(registry.store))
    obj = {"metadata": {"name": "x", "namespace": "shop"}, **parts}
    kind = BY_PLURAL[plural]
    creation = Attributes("create", kind.group, plural, namespace="shop")
    guard.check(who, creation, kind, obj, None)


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (rule("get create", "pods/portforward pods/exec"), True),
        (rule("get", "pods", names="web"), True),
        (rule("get", "nodes"), False),
        (rule("*", "pods"), False),
        (rule("get", "*"), False),
        (rule("patch", "pods/ephemeralcontainers"), False),
    ],
)
def test_a_role_of_what_one_has(registry: Registry, given: Any, allowed: bool) -> None:
    """An admin gives what admins have, and stars to nobody."""
    if allowed:
        check(registry, ANN, "roles", rules=[given])
        return
    with pytest.raises(ApiError, match="is attempting to grant RBAC permissions not currently"):
        check(registry, ANN, "roles", rules=[given])


@pytest.mark.parametrize(("role", "allowed"), [("edit", True), ("cluster-admin", False)])
def test_a_binding_to_what_one_has(registry: Registry, role: str, allowed: bool) -> None:
    """Likewise."""
    parts = {"roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [user("bob")]}
    if allowed:
        check(registry, ANN, "rolebindings", **parts)
        return
    with pytest.raises(ApiError) as caught:
        check(registry, ANN, "rolebindings", **parts)
    assert '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}' in caught.value.message


def test_escalation_may_be_allowed(registry: Registry) -> None:
    """By a verb of its own, for roles; and for the administrator always."""
    nodes = rule("get", "nodes")
    add_role(registry, "escalator", rule("escalate", "roles", groups=RBAC_GROUP))
    bind(registry, "escalator", user("eve"))
    check(registry, User("eve"), "roles", rules=[nodes])
    check(registry, ADMIN, "roles", rules=[nodes])


def test_binding_may_be_allowed(registry: Registry) -> None:
    """By a verb of its own, for one role."""
    add_role(
        registry, "binder", rule("bind", "clusterroles", groups=RBAC_GROUP, names="cluster-admin")
    )
    bind(registry, "binder", user("eve"))
    ref = {"kind": "ClusterRole", "name": "cluster-admin"}
    check(registry, User("eve"), "rolebindings", roleRef=ref)
    with pytest.raises(ApiError):
        check(registry, User("eve"), "rolebindings", roleRef={**ref, "name": "view"})


def test_other_objects_give_no_rights(registry: Registry) -> None:
    """They are not looked into."""
    check(registry, User("nobody"), "pods")
