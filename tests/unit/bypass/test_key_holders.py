"""Who holds the key to a door, against roles made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from netproof.bypass.key_holders import Rbac, every_key, holders, in_namespace, of_door
from netproof.model.doors import FACTS, Door, Grant, Permission

Obj = dict[str, Any]

FORWARD = Permission("pods/portforward", ("create", "get"))
NODES = Permission("nodes/proxy", ("create", "get"))
ALICE = {"kind": "User", "name": "alice"}


def rule(resources: str, verbs: str, groups: str | None = "", **more: Any) -> Obj:
    return {
        "apiGroups": [] if groups is None else groups.split(" "),
        "resources": resources.split(),
        "verbs": verbs.split(),
        **more,
    }


def cluster_role(name: str, *rules: Obj, **more: Any) -> Obj:
    meta = {"name": name, "labels": more.pop("labels", {})}
    return {"kind": "ClusterRole", "metadata": meta, "rules": list(rules), **more}


def role(namespace: str, name: str, *rules: Obj) -> Obj:
    return {
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": list(rules),
    }


def bind(ref: str, *subjects: Obj, namespace: str = "", kind: str = "ClusterRole") -> Obj:
    meta = {"name": f"b-{ref}", **({"namespace": namespace} if namespace else {})}
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": meta,
        "roleRef": {"kind": kind, "name": ref},
        "subjects": list(subjects or (ALICE,)),
    }


def found(*objects: Obj, of: Permission = FORWARD) -> tuple[Grant, ...]:
    return holders(Rbac.of(objects), (of,))


@pytest.mark.parametrize(
    ("given", "verbs"),
    [
        (rule("pods/portforward", "create"), ("create",)),
        (rule("pods/portforward", "get"), ("get",)),
        (rule("pods/portforward", "create get delete"), ("create", "get")),
        (rule("pods/portforward", "*"), ("create", "get")),
        (rule("*", "create"), ("create",)),
        (rule("*/portforward", "create"), ("create",)),
        (rule("pods/portforward", "create", "*"), ("create",)),
        (rule("*", "*", "*"), ("create", "get")),
        (rule("secrets pods/portforward", "create", "apps "), ("create",)),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else "rule",
)
def test_a_rule_that_gives_the_key(given: Obj, verbs: tuple[str, ...]) -> None:
    """By name or by wildcard, in group, resource or verb."""
    assert [verbs] == [one.verbs for one in found(cluster_role("r", given), bind("r"))]


@pytest.mark.parametrize(
    "given",
    [
        rule("pods", "create"),
        rule("pods/*", "create"),
        rule("pods/exec", "create"),
        rule("services/portforward", "create"),
        rule("*/exec", "*"),
        rule("pods/portforward", "list watch"),
        rule("pods/portforward", "create", "apps"),
        rule("pods/portforward", "create", None),
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ],
    ids=str,
)
def test_a_rule_that_does_not_give_the_key(given: Obj) -> None:
    """`pods/*` is no wildcard to the RBAC authorizer, and `pods` has no subresources in it."""
    assert () == found(cluster_role("r", given), bind("r"))


def test_a_grant_says_who_by_what_and_where() -> None:
    """Subject, binding, role, rule and namespace are told as they stand."""
    given = rule("pods/portforward", "create", resourceNames=["web", "api"])
    expected = Grant(
        resource="pods/portforward",
        verbs=("create",),
        subject="User alice",
        binding="RoleBinding shop/b-debug",
        role="Role shop/debug",
        rule="create on pods/portforward",
        namespace="shop",
        names=("web", "api"),
    )
    bound = bind("debug", namespace="shop", kind="Role")
    assert (expected,) == found(role("shop", "debug", given), bound)


def test_a_role_binding_gives_a_cluster_role_in_its_namespace() -> None:
    """The rules of a ClusterRole hold where the binding is."""
    (one,) = found(cluster_role("edit", rule("*", "*")), bind("edit", namespace="shop"))
    assert ("ClusterRole edit", "shop") == (one.role, one.namespace)


def test_a_role_of_another_namespace_is_not_bound() -> None:
    """A RoleBinding names a Role of its own namespace."""
    there = role("other", "debug", rule("*", "*"))
    assert () == found(there, bind("debug", namespace="shop", kind="Role"))


def test_a_binding_to_a_role_that_is_gone_gives_nothing() -> None:
    """A dangling reference is no grant."""
    assert () == found(bind("gone"))


def test_a_role_that_nobody_is_bound_to_gives_nothing() -> None:
    """Rules alone open nothing."""
    assert () == found(cluster_role("r", rule("*", "*")))


def test_a_namespaced_binding_gives_no_nodes() -> None:
    """Nodes have no namespace, so a RoleBinding gives none of them."""
    everything = cluster_role("admin", rule("*", "*", "*"))
    assert () == found(everything, bind("admin", namespace="shop"), of=NODES)
    assert 1 == len(found(everything, bind("admin"), of=NODES))


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"kind": "Group", "name": "devs"}, "Group devs"),
        ({"kind": "Group", "name": "system:authenticated"}, "Group system:authenticated"),
        ({"kind": "ServiceAccount", "name": "ci", "namespace": "ci"}, "ServiceAccount ci/ci"),
        ({"kind": "ServiceAccount", "name": "ci"}, "ServiceAccount shop/ci"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_subjects_of_every_kind_are_told(subject: Obj, expected: str) -> None:
    """A service account without a namespace is of the binding's."""
    (one,) = found(cluster_role("r", rule("*", "*")), bind("r", subject, namespace="shop"))
    assert expected == one.subject


def _parts() -> tuple[Obj, Obj, Obj]:
    key = rule("pods/portforward", "create")
    part = cluster_role("debugging", key, labels={"to-edit": "true"})
    other = cluster_role("reading", rule("pods", "get"), labels={"to-edit": "true"})
    whole = cluster_role(
        "edit",
        key,
        rule("pods", "get"),
        aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"to-edit": "true"}}]},
    )
    return part, other, whole


def test_an_aggregated_rule_is_told_once_with_the_role_it_comes_from() -> None:
    """The API server has copied it into the role that is bound."""
    (one,) = found(*_parts(), bind("edit"))
    assert ("ClusterRole edit", "debugging") == (one.role, one.origin)


def test_an_aggregated_rule_counts_before_it_is_copied() -> None:
    """The controller will do it within the second."""
    part, other, whole = _parts()
    (one,) = found(part, other, whole | {"rules": []}, bind("edit"))
    assert "debugging" == one.origin


def test_aggregation_goes_on_and_never_round_in_circles() -> None:
    """A role may aggregate one that aggregates; two that aggregate each other end."""
    part, other, whole = _parts()
    whole["metadata"]["labels"] = {"to-admin": "yes"}
    expression = {"key": "to-admin", "operator": "Exists"}
    selector = {"clusterRoleSelectors": [{"matchExpressions": [expression]}]}
    admin = cluster_role("admin", aggregationRule=selector, labels={"to-admin": "yes"})
    (one,) = found(part, other, whole, admin, bind("admin"))
    assert ("ClusterRole admin", "debugging") == (one.role, one.origin)


def test_all_together_exact() -> None:
    """Of a small cluster, exactly those who hold the key, everywhere first, then by namespace."""
    objects = (
        cluster_role("cluster-admin", rule("*", "*", "*")),
        bind("cluster-admin", {"kind": "Group", "name": "system:masters"}),
        *_parts(),
        bind("edit", {"kind": "Group", "name": "devs"}, ALICE, namespace="shop"),
        bind("edit", {"kind": "ServiceAccount", "name": "ci"}, namespace="ci"),
        cluster_role("view", rule("pods services", "get list watch")),
        bind("view", {"kind": "Group", "name": "system:authenticated"}),
        role("shop", "one-pod", rule("pods/portforward", "create", resourceNames=["web"])),
        bind("one-pod", {"kind": "User", "name": "bob"}, namespace="shop", kind="Role"),
    )
    expected = [
        ("", "Group system:masters", "ClusterRole cluster-admin", ()),
        ("ci", "ServiceAccount ci/ci", "ClusterRole edit", ()),
        ("shop", "Group devs", "ClusterRole edit", ()),
        ("shop", "User alice", "ClusterRole edit", ()),
        ("shop", "User bob", "Role shop/one-pod", ("web",)),
    ]
    grants = found(*objects)
    assert expected == [(g.namespace, g.subject, g.role, g.names) for g in grants]
    assert ["", "ci"] == [g.namespace for g in in_namespace(grants, "ci")]


@pytest.mark.parametrize("door", [door for door in Door if FACTS[door].permissions])
def test_every_door_with_a_key_is_opened_by_everything(door: Door) -> None:
    """Who may do everything holds the key of every door."""
    grants = every_key(Rbac.of((cluster_role("r", rule("*", "*", "*")), bind("r"))))
    wanted = {permission.resource for permission in FACTS[door].permissions}
    assert wanted == {one.resource for one in of_door(grants, door)}
