"""Bindings, roles and built-in roles: who may do what."""

from typing import Any

import pytest

from netlab.access.attributes import Attributes, refusal
from netlab.access.authorization import RbacAuthorizer
from netlab.access.users import ADMIN, User, service_account
from netlab.objects.apierrors import ApiError
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.registry import Registry
from tests.unit.netlab.access.clusters import (
    ANN,
    add_role,
    asked,
    bind,
    cluster,
    may,
    rule,
    user,
)

FORWARD = asked("create pods/portforward")


@pytest.fixture
def registry() -> Registry:
    """Return a registry with the built-in roles."""
    return cluster()


def test_nobody_may_anything_by_default(registry: Registry) -> None:
    """Being authenticated is no right to any object."""
    assert not may(registry, ANN, asked("get pods"))


def test_masters_may_everything(registry: Registry) -> None:
    """Without any role or binding."""
    for plural in ("clusterroles", "clusterrolebindings"):
        for obj in registry.store.list(plural):
            registry.delete(BY_PLURAL[plural], None, obj["metadata"]["name"])
    assert may(registry, ADMIN, asked("escalate roles", group="rbac.authorization.k8s.io"))


@pytest.mark.parametrize(
    ("subject", "who", "allowed"),
    [
        (user("ann"), ANN, True),
        (user("bob"), ANN, False),
        ({"kind": "Group", "name": "system:authenticated"}, ANN, True),
        ({"kind": "Group", "name": "ann"}, ANN, False),
        ({"kind": "ServiceAccount", "name": "ci"}, service_account("shop", "ci"), True),
        ({"kind": "ServiceAccount", "name": "ci"}, service_account("other", "ci"), False),
        (
            {"kind": "ServiceAccount", "name": "ci", "namespace": "other"},
            service_account("other", "ci"),
            True,
        ),
        (user("system:serviceaccount:shop:ci"), service_account("shop", "ci"), True),
        (
            {"kind": "Group", "name": "system:serviceaccounts:shop"},
            service_account("shop", "ci"),
            True,
        ),
    ],
)
def test_subjects(registry: Registry, subject: dict[str, str], who: User, allowed: bool) -> None:
    """Users, groups and service accounts are known by their names."""
    add_role(registry, "forward", rule("create", "pods/portforward"), namespace="shop")
    bind(registry, "Role/forward", subject, namespace="shop")
    assert may(registry, who, FORWARD) is allowed


@pytest.mark.parametrize(
    ("bound_in", "asked_in", "allowed"),
    [("shop", "shop", True), ("shop", "other", False), ("shop", "", False)]
    + [(None, place, True) for place in ("shop", "other", "")],
)
def test_a_cluster_role_reaches_as_far_as_its_binding(
    registry: Registry, bound_in: str | None, asked_in: str, allowed: bool
) -> None:
    """A RoleBinding gives it in its namespace, a ClusterRoleBinding everywhere."""
    add_role(registry, "reader", rule("get list", "pods"))
    bind(registry, "reader", user(), namespace=bound_in)
    assert may(registry, ANN, asked("list pods", asked_in)) is allowed


def test_paths_are_given_by_cluster_bindings_only(registry: Registry) -> None:
    """What a namespace's binding says of paths is void."""
    add_role(registry, "metrics", {"verbs": ["get"], "nonResourceURLs": ["/metrics"]})
    bind(registry, "metrics", user(), namespace="shop")
    asked_path = Attributes(verb="get", path="/metrics")
    assert not may(registry, ANN, asked_path)
    bind(registry, "metrics", user())
    assert may(registry, ANN, asked_path)


def test_a_role_that_is_missing_is_told(registry: Registry) -> None:
    """The refusal names it, as a typing error is likely."""
    bind(registry, "nosuch", user(), namespace="shop")
    decision = RbacAuthorizer(registry.store).decide(ANN, FORWARD)
    expected = 'RBAC: clusterrole.rbac.authorization.k8s.io "nosuch" not found'
    assert (False, expected) == (decision.allowed, decision.reason)


def test_a_permission_names_its_source(registry: Registry) -> None:
    """Binding, role and subject."""
    bind(registry, "edit", user(), namespace="shop")
    expected = 'RBAC: allowed by RoleBinding "b-edit/shop" of ClusterRole "edit" to User "ann"'
    assert expected == RbacAuthorizer(registry.store).decide(ANN, FORWARD).reason


DOORS = ("portforward", "exec", "attach", "proxy")


@pytest.mark.parametrize(
    ("role", "what", "allowed"),
    [
        *[("view", f"{verb} pods/{door}", False) for door in DOORS for verb in ("get", "create")],
        *[("edit", f"{verb} pods/{door}", True) for door in DOORS for verb in ("get", "create")],
        *[("admin", f"{verb} pods/{door}", True) for door in DOORS for verb in ("get", "create")],
        *[(role, "get services/proxy", role != "view") for role in ("view", "edit", "admin")],
        *[(role, "get nodes/proxy", False) for role in ("view", "edit", "admin")],
        *[(role, "patch pods/ephemeralcontainers", False) for role in ("view", "edit", "admin")],
        *[(role, "get pods/log", True) for role in ("view", "edit", "admin")],
        ("cluster-admin", "get nodes/proxy", True),
        ("cluster-admin", "patch pods/ephemeralcontainers", True),
        ("view", "get secrets", False),
        ("edit", "impersonate serviceaccounts", True),
        ("edit", "impersonate users", False),
        ("edit", "create serviceaccounts/token", True),
    ],
)
def test_built_in_roles(registry: Registry, role: str, what: str, allowed: bool) -> None:
    """They open the doors that they open upstream."""
    bind(registry, role, user(), namespace="shop")
    assert may(registry, ANN, asked(what)) is allowed


@pytest.mark.parametrize(("role", "allowed"), [("view", False), ("edit", False), ("admin", True)])
def test_only_admins_bind(registry: Registry, role: str, allowed: bool) -> None:
    """Roles and bindings of a namespace are its admin's."""
    bind(registry, role, user(), namespace="shop")
    group = "rbac.authorization.k8s.io"
    assert may(registry, ANN, asked("create rolebindings", group=group)) is allowed


def test_a_new_role_is_aggregated(registry: Registry) -> None:
    """By its labels into view, and through it into edit and admin; and out again."""
    label = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    widgets = rule("get", "widgets", groups="example.org")
    add_role(registry, "widgets", widgets, metadata={"labels": label})
    bind(registry, "admin", user(), namespace="shop")
    wanted = asked("get widgets", group="example.org")
    assert may(registry, ANN, wanted)
    registry.delete(BY_PLURAL["clusterroles"], None, "widgets")
    assert not may(registry, ANN, wanted)


def test_rules_of_an_aggregated_role_are_not_its_own(registry: Registry) -> None:
    """What is written into it by hand is replaced."""
    selectors = [{"matchExpressions": [{"key": "part", "operator": "In", "values": ["a"]}]}]
    own, part = rule("get", "nodes"), rule("get", "pods")
    add_role(registry, "whole", own, aggregationRule={"clusterRoleSelectors": selectors})
    add_role(registry, "part", part, metadata={"labels": {"part": "a"}})
    assert [part] == registry.store.get("clusterroles", None, "whole")["rules"]


_FORBIDDEN = {
    asked("get pods/portforward", "ns", name="x"): (
        'pods "x" is forbidden: User "ann" cannot get resource "pods/portforward" '
        'in API group "" in the namespace "ns"'
    ),
    asked("list nodes", ""): (
        'nodes is forbidden: User "ann" cannot list resource "nodes" '
        'in API group "" at the cluster scope'
    ),
    asked("create networkpolicies", "ns", group="networking.k8s.io"): (
        'networkpolicies.networking.k8s.io is forbidden: User "ann" cannot create resource '
        '"networkpolicies" in API group "networking.k8s.io" in the namespace "ns"'
    ),
    Attributes(verb="get", path="/metrics"): 'forbidden: User "ann" cannot get path "/metrics"',
}


@pytest.mark.parametrize(("attributes", "said"), _FORBIDDEN.items())
def test_words_of_refusal(attributes: Attributes, said: str) -> None:
    """They are the API server's."""
    error = refusal(ANN, attributes)
    assert (403, said) == (error.code, error.message)


@pytest.mark.parametrize(
    ("plural", "change", "said"),
    [
        ("roles", {"rules": [{"resources": ["pods"], "apiGroups": [""]}]}, "rules[0].verbs: Req"),
        ("roles", {"rules": [{"verbs": ["get"]}]}, "rules[0].apiGroups: Required value"),
        (
            "roles",
            {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]},
            "namespaced rules cannot apply to non-resource URLs",
        ),
        (
            "clusterroles",
            {"rules": [{**rule("get", "pods"), "nonResourceURLs": ["/x"]}]},
            "rules cannot apply to both regular resources and non-resource URLs",
        ),
        ("clusterroles", {"aggregationRule": {}}, "at least one clusterRoleSelector required"),
        ("rolebindings", {"roleRef": {"kind": "Role"}}, "roleRef.name: Required value"),
        (
            "clusterrolebindings",
            {"roleRef": {"kind": "Role", "name": "x"}},
            'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
        ),
        (
            "clusterrolebindings",
            {
                "roleRef": {"kind": "ClusterRole", "name": "x"},
                "subjects": [{"kind": "ServiceAccount", "name": "a"}],
            },
            "subjects[0].namespace: Required value",
        ),
        (
            "rolebindings",
            {"roleRef": {"kind": "Role", "name": "x"}, "subjects": [{"kind": "Cat", "name": "a"}]},
            'subjects[0].kind: Unsupported value: "Cat"',
        ),
    ],
)
def test_what_is_no_role_or_binding(
    registry: Registry, plural: str, change: dict[str, Any], said: str
) -> None:
    """It is refused in the API server's words."""
    namespace = None if plural.startswith("cluster") else "shop"
    with pytest.raises(ApiError) as caught:
        registry.create(BY_PLURAL[plural], namespace, {"metadata": {"name": "x:y"}, **change})
    assert caught.value.code == 422
    assert said in caught.value.message


def test_a_binding_stays_with_its_role(registry: Registry) -> None:
    """Another role needs another binding."""
    bind(registry, "view", user(), namespace="shop")
    bound = registry.store.get("rolebindings", "shop", "b-view")
    ref = {**bound["roleRef"], "name": "edit"}
    with pytest.raises(ApiError, match="cannot change roleRef"):
        registry.update(BY_PLURAL["rolebindings"], "shop", "b-view", {**bound, "roleRef": ref})
