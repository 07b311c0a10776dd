"""Somebody with some rights in the lab tries to get more: by roles, bindings, labels, patches."""

from __future__ import annotations

from typing import Any

import pytest

from netlab.objects.kinds import RBAC_GROUP
from tests.attacks.labapi import RBAC, LabApi, rule

WRITE = "create update patch get list delete"
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
ALL_URLS = {"verbs": ["*"], "nonResourceURLs": ["*"]}
INTO_VIEW = {f"{RBAC_GROUP}/aggregate-to-view": "true"}


def may(api: LabApi, user: str, verb: str, resource: str, namespace: str = "") -> bool:
    asked = {"verb": verb, "resource": resource, "namespace": namespace}
    body = {"spec": {"resourceAttributes": asked}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return bool(api.ask("POST", path, body, user=user).value["status"]["allowed"])


def bound(role: str, user: str, kind: str = "ClusterRole") -> dict[str, Any]:
    ref = {"apiGroup": RBAC_GROUP, "kind": kind, "name": role}
    subject = {"apiGroup": RBAC_GROUP, "kind": "User", "name": user}
    return {"metadata": {"name": "b"}, "roleRef": ref, "subjects": [subject]}


def aggregated(*, name: str = "collected", **labels: str) -> dict[str, Any]:
    selectors = [{"matchLabels": labels or INTO_VIEW}]
    aggregation = {"clusterRoleSelectors": selectors}
    return {"metadata": {"name": name}, "aggregationRule": aggregation}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (MERGE, {"metadata": {"labels": INTO_VIEW}}),
        (STRATEGIC, {"metadata": {"labels": INTO_VIEW}}),
        (JSON_PATCH, [{"op": "add", "path": "/metadata/labels", "value": INTO_VIEW}]),
        (f"{APPLY}", {"metadata": {"labels": INTO_VIEW}}),
    ],
)
def test_a_label_that_makes_cluster_admin_a_part_of_view(
    api: LabApi, kind: str, change: Any
) -> None:
    """Who may patch ClusterRoles and view does not become the administrator by a label."""
    api.let("mallory", rule(WRITE, "clusterroles", RBAC_GROUP))
    path = f"{RBAC}/clusterroles/cluster-admin"
    answer = api.ask("PATCH", f"{path}?fieldManager=m", change, kind=kind, user="mallory")
    assert (403, True) == (answer.code, "not currently held" in answer.text)
    assert "secrets" not in str(api.store.get("clusterroles", None, "view")["rules"])
    assert {"*"} not in [
        set(given["verbs"]) for given in api.store.get("clusterroles", None, "view")["rules"]
    ]


def test_a_whole_role_put_back_with_a_label(api: LabApi) -> None:
    """The same by PUT."""
    api.let("mallory", rule(WRITE, "clusterroles", RBAC_GROUP))
    path = f"{RBAC}/clusterroles/cluster-admin"
    role = api.ask("GET", path).value
    role["metadata"]["labels"] |= INTO_VIEW
    assert api.ask("PUT", path, role, user="mallory").code == 403


@pytest.mark.parametrize("key", ["finalizers", "ownerReferences"])
def test_what_the_garbage_collector_writes_gives_nothing(api: LabApi, key: str) -> None:
    """These two fields alone may be changed, as the API server allows it."""
    api.let("collector", rule(WRITE, "clusterroles", RBAC_GROUP))
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
    change = {"metadata": {key: ["a/b"] if key == "finalizers" else [owner]}}
    path = f"{RBAC}/clusterroles/cluster-admin"
    assert api.ask("PATCH", path, change, kind=MERGE, user="collector").code == 200


@pytest.mark.parametrize(
    ("plural", "namespace", "body"),
    [
        ("clusterroles", "", {"metadata": {"name": "x"}, "rules": [EVERYTHING]}),
        ("clusterroles", "", {"metadata": {"name": "x"}, "rules": [ALL_URLS]}),
        ("clusterroles", "", {"metadata": {"name": "x"}, "rules": [rule("get", "secrets")]}),
        ("clusterroles", "", {"metadata": {"name": "x"}, "rules": [rule("get", "*")]}),
        ("clusterroles", "", {"metadata": {"name": "x"}, "rules": [rule("get", "*/exec")]}),
        ("clusterroles", "", {"metadata": {"name": "x"}, "rules": [rule("*", "pods")]}),
        ("clusterroles", "", {"metadata": {"name": "x"}, "rules": [rule("get", "pods", "*")]}),
        ("clusterroles", "", {"metadata": {"name": "x"}, "rules": [rule("impersonate", "users")]}),
        ("clusterroles", "", aggregated()),
        ("clusterroles", "", aggregated(nothing="selected")),
        ("roles", "shop", {"metadata": {"name": "x"}, "rules": [rule("get", "secrets")]}),
        ("rolebindings", "shop", bound("cluster-admin", "mallory")),
        ("rolebindings", "shop", bound("admin", "mallory")),
        ("clusterrolebindings", "", bound("cluster-admin", "mallory")),
    ],
)
@pytest.mark.parametrize("way", ["POST", "PATCH"])
def test_a_role_or_a_binding_of_more_than_one_has(
    api: LabApi, plural: str, namespace: str, body: Any, way: str
) -> None:
    """Neither by creating it nor by applying it."""
    writable = "clusterroles roles rolebindings clusterrolebindings"
    api.let("mallory", rule("get list", "pods"), rule(WRITE, writable, RBAC_GROUP))
    inside = f"/namespaces/{namespace}" if namespace else ""
    path = f"{RBAC}{inside}/{plural}"
    if way == "POST":
        answer = api.ask("POST", path, body, user="mallory")
    else:
        path = f"{path}/{body['metadata']['name']}?fieldManager=m"
        answer = api.ask("PATCH", path, body, kind=APPLY, user="mallory")
    assert answer.code == 403, answer.text
    assert not may(api, "mallory", "get", "secrets", "shop")


@pytest.mark.parametrize(
    "lifting",
    [
        (rule("escalate", "clusterroles", RBAC_GROUP),),
        (rule("*", "clusterroles", RBAC_GROUP),),
        (EVERYTHING, ALL_URLS),
    ],
)
def test_escalate_and_everything_lift_the_rule(api: LabApi, lifting: Any) -> None:
    """Also for aggregation, which may collect anything."""
    api.let("boss", rule(WRITE, "clusterroles", RBAC_GROUP), *lifting)
    role = {"metadata": {"name": "x"}, "rules": [rule("get", "secrets")]}
    for body in (role, aggregated()):
        answer = api.ask("POST", f"{RBAC}/clusterroles", body, user="boss")
        assert answer.code == 201, answer.text


def test_all_resources_without_all_urls_collect_nothing(api: LabApi) -> None:
    """An aggregation may collect paths, too: it needs both stars, on the old object as well."""
    api.let("almost", {**EVERYTHING, "verbs": ["create", "update", "patch", "get", "list", "bind"]})
    path = f"{RBAC}/clusterroles"
    answer = api.ask("POST", path, aggregated(), user="almost")
    assert "must have cluster-admin privileges to use the aggregationRule" in answer.text
    role = api.ask("GET", f"{path}/view").value
    del role["aggregationRule"]
    assert api.ask("PUT", f"{path}/view", role, user="almost").code == 403


def test_escalate_on_one_role_is_no_right_to_create_it(api: LabApi) -> None:
    """A creation by POST has no name in its path, so that a rule with names does not hold."""
    named = rule("escalate", "clusterroles", RBAC_GROUP, "x")
    api.let("eve", rule(WRITE, "clusterroles", RBAC_GROUP), named)
    role = {"metadata": {"name": "x"}, "rules": [rule("get", "secrets")]}
    assert api.ask("POST", f"{RBAC}/clusterroles", role, user="eve").code == 403
    assert api.ask("POST", f"{RBAC}/clusterroles", {**role, "rules": []}).code == 201
    assert api.ask("PUT", f"{RBAC}/clusterroles/x", role, user="eve").code == 200


@pytest.mark.parametrize(
    ("given", "role", "code"),
    [
        (rule("bind", "clusterroles", RBAC_GROUP, "edit"), "edit", 201),
        (rule("bind", "clusterroles", RBAC_GROUP, "edit"), "admin", 403),
        (rule("bind", "roles", RBAC_GROUP), "edit", 403),
        (rule("bind", "clusterroles", "*"), "cluster-admin", 201),
        (rule("escalate", "clusterroles", RBAC_GROUP), "edit", 403),
        (rule("bind", "clusterroles", RBAC_GROUP), "missing", 201),
        (rule("get", "pods"), "missing", 404),
    ],
)
def test_bind_is_a_right_to_one_role(api: LabApi, given: Any, role: str, code: int) -> None:
    """By its name and kind; a binding to a role that is not there needs it as well."""
    api.let("eve", rule(WRITE, "rolebindings", RBAC_GROUP), given)
    path = f"{RBAC}/namespaces/shop/rolebindings"
    assert api.ask("POST", path, bound(role, "eve"), user="eve").code == code


def test_bind_in_one_namespace_is_none_in_another(api: LabApi) -> None:
    """Nor in the whole cluster."""
    writable = rule(WRITE, "rolebindings clusterrolebindings", RBAC_GROUP)
    api.let("eve", writable)
    shop, default = (f"{RBAC}/namespaces/{name}" for name in ("shop", "default"))
    role = {"metadata": {"name": "x"}, "rules": [rule("bind", "clusterroles", RBAC_GROUP)]}
    api.ask("POST", f"{shop}/roles", role)
    api.ask("POST", f"{shop}/rolebindings", bound("x", "eve", "Role"))
    body = {**bound("edit", "eve"), "metadata": {"name": "c"}}
    assert api.ask("POST", f"{shop}/rolebindings", body, user="eve").code == 201
    assert api.ask("POST", f"{default}/rolebindings", body, user="eve").code == 403
    assert api.ask("POST", f"{RBAC}/clusterrolebindings", body, user="eve").code == 403


def test_a_binding_keeps_its_role(api: LabApi) -> None:
    """The administrator cannot change it either: whoever was bound to it would get another."""
    path = f"{RBAC}/namespaces/shop/rolebindings"
    api.ask("POST", path, bound("view", "ann"))
    answer = api.ask("PUT", f"{path}/b", bound("edit", "ann"))
    assert (422, "roleRef") == (answer.code, answer.value["details"]["causes"][0]["field"])


def test_a_subject_joins_only_a_binding_to_what_its_writer_has(api: LabApi) -> None:
    """A patch of the subjects of a binding is checked like a new one."""
    api.let("mallory", rule(WRITE, "clusterrolebindings", RBAC_GROUP))
    group = {"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:authenticated"}
    path = f"{RBAC}/clusterrolebindings/cluster-admin"
    change = {"subjects": [group]}
    assert api.ask("PATCH", path, change, kind=MERGE, user="mallory").code == 403


@pytest.mark.parametrize(("verbs", "code"), [("patch", 403), ("patch create", 201)])
@pytest.mark.parametrize("plural", ["configmaps", "services", "serviceaccounts"])
def test_an_apply_that_creates(api: LabApi, verbs: str, code: int, plural: str) -> None:
    """Needs the right to create, for every kind."""
    api.let("ann", rule(verbs, plural))
    body: dict[str, Any] = {"metadata": {"name": "x"}}
    if plural == "services":
        body["spec"] = {"ports": [{"port": 80}]}
    path = f"/api/v1/namespaces/shop/{plural}/x?fieldManager=m"
    answer = api.ask("PATCH", path, body, kind=APPLY, user="ann")
    assert answer.code == code, answer.text
    if code == 403:
        assert f'cannot create resource "{plural}"' in answer.value["message"]
        api.ask("POST", f"/api/v1/namespaces/shop/{plural}", body)
        assert api.ask("PATCH", path, body, kind=APPLY, user="ann").code == 200


def test_an_apply_to_a_subresource_creates_nothing(api: LabApi) -> None:
    """With the right to the status of objects alone no object is made."""
    api.let("ann", rule("patch create", "pods/status"))
    path = "/api/v1/namespaces/shop/pods/x/status?fieldManager=m"
    body = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert api.ask("PATCH", path, body, kind=APPLY, user="ann").code == 404


AS_BOB = (("Impersonate-User", "bob"),)
_EXTRAS = "authentication.k8s.io"


@pytest.mark.parametrize(
    ("given", "wish", "code"),
    [
        ((), AS_BOB, 403),
        ((rule("impersonate", "users"),), AS_BOB, 201),
        ((rule("impersonate", "users", names="bob"),), AS_BOB, 201),
        ((rule("impersonate", "users", names="ann"),), AS_BOB, 403),
        ((rule("impersonate", "users"),), (*AS_BOB, ("Impersonate-Group", "system:masters")), 403),
        ((rule("impersonate", "users"),), (*AS_BOB, ("Impersonate-Uid", "1")), 403),
        (
            (rule("impersonate", "users"), rule("impersonate", "uids", _EXTRAS)),
            (*AS_BOB, ("Impersonate-Uid", "1")),
            201,
        ),
        ((rule("impersonate", "users"),), (*AS_BOB, ("Impersonate-Extra-scopes", "all")), 403),
        (
            (rule("impersonate", "users"), rule("impersonate", "userextras/scopes", _EXTRAS)),
            (*AS_BOB, ("Impersonate-Extra-Scopes", "all")),
            201,
        ),
        (
            (rule("impersonate", "users"), rule("impersonate", "userextras/scopes", _EXTRAS)),
            (*AS_BOB, ("Impersonate-Extra-other", "all")),
            403,
        ),
        (
            (rule("impersonate", "users"), rule("impersonate", "userextras/*", _EXTRAS)),
            (*AS_BOB, ("Impersonate-Extra-other", "all")),
            403,
        ),
        (
            (rule("impersonate", "users"), rule("impersonate", "*/other", _EXTRAS)),
            (*AS_BOB, ("Impersonate-Extra-other", "all")),
            201,
        ),
    ],
)
def test_to_be_somebody_else_takes_a_right_for_each_part(
    api: LabApi, given: Any, wish: Any, code: int
) -> None:
    """User, groups, uid and each value of extra; asked by a service account with its token."""
    account = {"kind": "ServiceAccount", "namespace": "shop", "name": "ci"}
    api.ask("POST", "/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "ci"}})
    api.ask("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "x"}, "rules": list(given)})
    api.ask("POST", f"{RBAC}/clusterrolebindings", {**bound("x", ""), "subjects": [account]})
    made = api.ask("POST", "/api/v1/namespaces/shop/serviceaccounts/ci/token", {})
    token = (("Authorization", f"Bearer {made.value['status']['token']}"),)
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = api.ask("POST", path, {}, headers=(*token, *wish))
    assert answer.code == code, answer.text
    if code == 201:
        assert answer.value["status"]["userInfo"]["username"] == "bob"


def test_the_extra_of_somebody_else_is_told(api: LabApi) -> None:
    """With its key in lower case and decoded."""
    wish = (*AS_BOB, ("Impersonate-Extra-Acme.com%2fProject", "a"))
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    info = api.ask("POST", path, {}, headers=wish).value["status"]["userInfo"]
    assert info["extra"] == {"acme.com/project": ["a"]}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((), {"system:authenticated"}),
        (("g",), {"g", "system:authenticated"}),
        (("system:unauthenticated",), {"system:unauthenticated"}),
        (("system:authenticated",), {"system:authenticated"}),
    ],
)
def test_the_groups_that_everybody_is_in(
    api: LabApi, groups: tuple[str, ...], expected: set[str]
) -> None:
    """One is authenticated unless one says otherwise; nobody is both."""
    wish = (*AS_BOB, *(("Impersonate-Group", name) for name in groups))
    given = {"metadata": {"name": "u"}, "rules": [rule("create", "*", "authentication.k8s.io")]}
    api.ask("POST", f"{RBAC}/clusterroles", given)
    everybody = {"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:unauthenticated"}
    api.ask("POST", f"{RBAC}/clusterrolebindings", {**bound("u", ""), "subjects": [everybody]})
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    info = api.ask("POST", path, {}, headers=wish).value["status"]["userInfo"]
    assert expected == set(info["groups"])


def test_a_role_of_a_million_single_rights(api: LabApi) -> None:
    """Is refused before they are compared, and in time."""
    words = [f"w{number}" for number in range(1_000)]
    huge = {"verbs": words, "resources": words, "apiGroups": [""], "resourceNames": words}
    api.let("mallory", rule(WRITE, "clusterroles", RBAC_GROUP))
    body = {"metadata": {"name": "x"}, "rules": [huge]}
    answer = api.ask("POST", f"{RBAC}/clusterroles", body, user="mallory")
    assert (403, True) == (answer.code, answer.seconds < 10)
