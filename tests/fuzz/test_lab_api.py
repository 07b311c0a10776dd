"""The lab's API server against requests that nobody would send.

Whatever comes: no internal error, no controller that failed, no request that takes long, no memory
that is not given back.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import strategies as st

from netlab.objects.kinds import STORED
from tests.attacks.labapi import TOKEN, LabApi
from tests.fuzz.rounds import attack_for

LONG_S = 10.0

ODD = st.sampled_from(
    [
        *("\ud800", "\x00", "a\nb", "x" * 300, "²", "9" * 5000, "a/b", "../..", "10.0.0.1", "::1"),
        *(-1, 0, 80, 65536, 2**31, 2**63, 1e308, True, None),
    ]
)
WORDS = st.sampled_from(
    [
        "metadata",
        "spec",
        "status",
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "uid",
        "generateName",
        "containers",
        "initContainers",
        "ephemeralContainers",
        "ports",
        "image",
        "env",
        "data",
        "rules",
        "verbs",
        "resources",
        "apiGroups",
        "resourceNames",
        "nonResourceURLs",
        "roleRef",
        "subjects",
        "kind",
        "aggregationRule",
        "clusterRoleSelectors",
        "matchLabels",
        "matchExpressions",
        "key",
        "operator",
        "values",
        "podSelector",
        "ingress",
        "egress",
        "from",
        "to",
        "ipBlock",
        "cidr",
        "except",
        "policyTypes",
        "port",
        "endPort",
        "protocol",
        "selector",
        "type",
        "clusterIP",
        "clusterIPs",
        "externalIPs",
        "nodePort",
        "targetPort",
        "hard",
        "scopes",
        "endpoints",
        "addresses",
        "conditions",
        "phase",
        "podIPs",
        "containerStatuses",
        "state",
        "fieldsV1",
        "manager",
        "operation",
        "fieldsType",
        "f:spec",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$deleteFromPrimitiveList/finalizers",
        "user",
        "groups",
        "extra",
        "resourceAttributes",
        "audiences",
        "expirationSeconds",
        "involvedObject",
        "count",
        "lastTimestamp",
        "taints",
    ]
)
PLAIN = st.sampled_from(
    ["x", "In", "delete", "replace", "TCP", "shop", "Apply", "FieldsV1", "Role"]
)
SCALARS = st.one_of(ODD, PLAIN, st.integers(), st.text(max_size=10), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5),
    ),
    max_leaves=15,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries({}, optional={"name": st.just("x"), "labels": VALUES})
        | VALUES,
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "containers": st.just([{"name": "c", "image": "i"}]) | VALUES,
                "ports": st.just([{"port": 80}]) | VALUES,
                "selector": VALUES,
                "podSelector": VALUES,
                "hard": VALUES,
            },
        )
        | VALUES,
        "status": VALUES,
        "rules": VALUES,
        "roleRef": VALUES,
        "subjects": VALUES,
        "data": VALUES,
        "endpoints": VALUES,
    },
)
POINTERS = st.lists(WORDS | st.sampled_from(["0", "-", "~", "9" * 30]), max_size=4).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "copy", "move", "remove", "replace", "test"]) | VALUES},
        optional={"path": POINTERS | VALUES, "from": POINTERS | VALUES, "value": VALUES},
    )
    | VALUES,
    max_size=6,
)
SELECTOR = st.text(alphabet="ab,!=()<> inot0/.", max_size=60)
QUERIES = st.dictionaries(
    st.sampled_from(
        [
            "labelSelector",
            "fieldSelector",
            "resourceVersion",
            "limit",
            "continue",
            "dryRun",
            "fieldManager",
            "fieldValidation",
            "gracePeriodSeconds",
            "includeObject",
            "tailLines",
            "limitBytes",
            "container",
        ]
    ),
    SELECTOR | SCALARS.map(str) | st.sampled_from(["All", "m", "Strict", "1", "metadata.name=x"]),
    max_size=4,
)
KINDS = {
    "application/json": BODIES | VALUES,
    "application/yaml": BODIES | VALUES,
    "application/apply-patch+yaml": BODIES | VALUES,
    "application/json-patch+json": OPERATIONS | VALUES,
    "application/merge-patch+json": BODIES | VALUES,
    "application/strategic-merge-patch+json": BODIES | VALUES,
    "application/vnd.kubernetes.protobuf": st.binary(max_size=200).map(
        lambda data: b"k8s\0" + data
    ),
}
AS_TABLE = (("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1"),)


@pytest.fixture
def api() -> Iterator[LabApi]:
    """Yield a lab's API server with an object of each kind."""
    made = LabApi()
    for kind in STORED:
        _restore(made, kind.plural)
    yield made
    made.close()


BEGINNINGS: dict[str, Any] = {
    "pods": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
    "services": {"spec": {"ports": [{"port": 80}]}},
    "endpointslices": {"addressType": "IPv4"},
    "rolebindings": {"roleRef": {"kind": "ClusterRole", "name": "view"}},
    "clusterrolebindings": {"roleRef": {"kind": "ClusterRole", "name": "view"}},
}


def _restore(api: LabApi, plural: str) -> None:
    """Create the object x of a kind where there is none (any more)."""
    if api.ask("GET", f"{_path(plural)}/x").code == 404:
        body = {"metadata": {"name": "x"}, **BEGINNINGS.get(plural, {})}
        made = api.ask("POST", _path(plural), body)
        assert made.code in {201, 403}, made.text  # a quota of before may forbid it


def _path(plural: str) -> str:
    kind = next(kind for kind in STORED if kind.plural == plural)
    root = f"/apis/{kind.group}/v1" if kind.group else "/api/v1"
    return f"{root}/namespaces/shop/{plural}" if kind.namespaced else f"{root}/{plural}"


REQUESTS = st.tuples(
    st.sampled_from([kind.plural for kind in STORED]),
    st.sampled_from(["POST", "PUT", "PATCH", "PATCH", "PATCH", "PATCH", "DELETE", "GET"]),
    st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), KINDS[kind])),
    QUERIES,
    st.sampled_from(["", "/status", "/ephemeralcontainers", "/token", "/log", "/proxy"]),
)


def _written(kind: str, body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if "yaml" in kind:
        with contextlib.suppress(yaml.YAMLError, UnicodeEncodeError):
            return yaml.safe_dump(body).encode()
    return json.dumps(body).encode()


def test_requests(api: LabApi, failures: list[str]) -> None:
    """Verbs, bodies, patches of all four kinds, selectors and other parameters."""

    def attack(one: Any) -> None:
        plural, method, (kind, body), query, below = one
        _restore(api, plural)
        name = "" if method == "POST" and below != "/token" else f"/x{below}"
        asked = "&".join(
            f"{key}={quote(str(value).encode('utf-8', 'replace'))}" for key, value in query.items()
        )
        manager = "" if "fieldManager" in query else "&fieldManager=m"
        path = f"{_path(plural)}{name}?{asked}{manager}"
        answer = api.ask(method, path, _written(kind, body), kind=kind)
        refused = {501, 503} if below == "/proxy" else set()
        assert answer.code < 500 or answer.code in refused, (method, path, kind, body, answer.text)
        assert answer.seconds < LONG_S
        table = api.ask("GET", _path(plural), headers=AS_TABLE)
        assert (200, []) == (table.code, failures), (method, path, kind, body, failures[:1])

    attack_for(REQUESTS, attack)


REVIEWS = st.tuples(
    st.sampled_from(
        [
            *(
                f"/apis/authorization.k8s.io/v1/{plural}"
                for plural in (
                    *("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
                    *("subjectaccessreviews", "namespaces/shop/localsubjectaccessreviews"),
                )
            ),
            "/api/v1/namespaces/shop/serviceaccounts/x/token",
        ]
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "resourceAttributes": VALUES,
            "nonResourceAttributes": VALUES,
            "user": VALUES,
            "groups": VALUES,
            "uid": VALUES,
            "extra": VALUES,
            "namespace": VALUES,
            "audiences": VALUES,
            "expirationSeconds": VALUES,
        },
    ),
)


def test_reviews_and_tokens(api: LabApi, failures: list[str]) -> None:
    """Questions about rights, and tokens that are asked for."""

    def attack(one: Any) -> None:
        path, spec = one
        answer = api.ask("POST", path, {"spec": spec})
        assert answer.code < 500, (path, spec, answer.text)
        assert failures == []

    attack_for(REVIEWS, attack)


def test_the_token_is_the_one_that_is_used(api: LabApi) -> None:
    """Or the requests above would all have been refused."""
    assert api.ask("GET", "/version").code == 200
    wrong = (("Authorization", f"Bearer {TOKEN}x"),)
    assert api.ask("GET", "/version", headers=wrong).code == 401
