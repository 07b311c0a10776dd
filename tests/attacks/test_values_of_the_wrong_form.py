"""Values that no honest client sends: the lab refuses them with the place, and answers on."""

from __future__ import annotations

from typing import Any

import pytest

from netlab.http.streams.front import HEAD_END, parse_head
from netlab.http.streams.remotecommand import parse_resize
from tests.attacks.labapi import LabApi

CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
PODS = "/api/v1/namespaces/shop/pods"
SERVICES = "/api/v1/namespaces/shop/services"
JSON_PATCH, MERGE = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
JSON, YAML = "application/json", "application/yaml"
APPLIED = {"metadata": {"labels": {"a": "b"}}}


@pytest.fixture
def shop(api: LabApi) -> LabApi:
    """Return a server with a ConfigMap, a pod, a Service and a node."""
    assert api.ask("POST", CONFIG_MAPS, {"metadata": {"name": "x"}}).code == 201
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert api.ask("POST", PODS, pod).code == 201
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    assert api.ask("POST", SERVICES, service).code == 201
    assert api.ask("POST", "/api/v1/nodes", {"metadata": {"name": "n"}}).code == 201
    return api


@pytest.mark.parametrize(
    ("patch", "place"),
    [
        ({"$retainKeys": 5}, "$retainKeys"),
        ({"spec": {"$retainKeys": [{}]}}, "spec.$retainKeys"),
        ({"metadata": {"$patch": "no"}}, "metadata.$patch"),
        ({"metadata": {"$patch": []}}, "metadata.$patch"),
        ({"spec": {"$setElementOrder/containers": 5}}, "spec.$setElementOrder/containers"),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": 5}}, "finalizers"),
        ({"metadata": {"$deleteFromPrimitiveList/labels": ["a"]}}, "metadata"),
        ({"spec": {"containers": [5]}}, "spec.containers"),
        ({"spec": {"containers": [{"image": "i"}]}}, "spec.containers"),
        ({"spec": {"volumes": [None]}}, "spec.volumes"),
        ({"spec": 5}, "spec"),
        ([], "patch"),
    ],
)
def test_a_directive_of_the_wrong_type(shop: LabApi, patch: Any, place: str) -> None:
    """Of strategic merge patch: 400, with its path."""
    shop.ask("PATCH", f"{PODS}/p", {"metadata": {"labels": {"a": "b"}}}, kind=MERGE)
    answer = shop.ask("PATCH", f"{PODS}/p", patch, kind=STRATEGIC)
    assert (400, True) == (answer.code, place in answer.value["message"]), answer.text


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (5, 400),
        ({"op": [], "path": "/a"}, 400),
        ({"op": "add", "path": 5, "value": 1}, 400),
        ({"op": "copy", "from": {}, "path": "/a"}, 400),
        ({"op": "move", "path": "/a"}, 400),
        ({"op": "add", "path": "/a"}, 400),
        ({"op": "add", "path": "no slash", "value": 1}, 422),
        ({"op": "add", "path": "/metadata/name/x", "value": 1}, 422),
        ({"op": "remove", "path": "/spec/containers/" + "9" * 5000}, 422),
        ({"op": "replace", "path": "/spec/containers/-", "value": 1}, 400),
        ({"op": "move", "from": "/spec", "path": "/spec/containers/0"}, 422),
        ({"op": "test", "path": "", "value": 1}, 422),
        ({"op": "replace", "path": "", "value": 1}, 400),
        ({"op": "remove", "path": ""}, 422),
        ({"op": "replace", "path": "/metadata", "value": [1]}, 400),
    ],
)
def test_an_operation_of_the_wrong_form(shop: LabApi, operation: Any, code: int) -> None:
    """Of JSON patch."""
    answer = shop.ask("PATCH", f"{PODS}/p", [operation], kind=JSON_PATCH)
    assert answer.code == code, answer.text


@pytest.mark.parametrize("kind", [JSON, YAML, MERGE, STRATEGIC, APPLY])
@pytest.mark.parametrize("depth", [90, 101, 300, 900, 5_000, 200_000])
def test_a_value_that_is_deep(shop: LabApi, kind: str, depth: int) -> None:
    """Beyond a hundred levels it is refused; below, the field's type says what is wrong."""
    body = b'{"metadata":{"name":"x"},"data":{"a":' + b"[" * depth + b"]" * depth + b"}}"
    path = f"{CONFIG_MAPS}/x?fieldManager=m" if "patch" in kind else CONFIG_MAPS
    answer = shop.ask("PATCH" if "patch" in kind else "POST", path, body, kind=kind)
    assert answer.code == 400, answer.text[:300]
    assert ("depth" in answer.text or "nesting" in answer.text) is (depth > 90)


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff", "\\ud800x", "\\udc00\\ud800", "\\uD83D"])
@pytest.mark.parametrize("kind", [JSON, MERGE])
def test_half_of_a_surrogate_pair(shop: LabApi, half: str, kind: str) -> None:
    """It becomes the sign for what cannot be shown, as in Go, and is refused in names."""
    post = kind == JSON
    method, path = ("POST", CONFIG_MAPS) if post else ("PATCH", f"{CONFIG_MAPS}/x")
    good = f'{{"metadata":{{"name":"{"y" if post else "x"}"}},"data":{{"a":"{half}"}}}}'
    answer = shop.ask(method, path, good.encode(), kind=kind)
    assert answer.code in {200, 201}, answer.text
    assert "\ufffd" in answer.value["data"]["a"]
    for field in (f'"labels":{{"a":"{half}"}}', f'"finalizers":["{half}"]'):
        body = f'{{"metadata":{{"name":"{"z" if post else "x"}",{field}}}}}'
        answer = shop.ask(method, path, body.encode(), kind=kind)
        assert answer.code == 422, answer.text
        assert answer.value["details"]["causes"][0]["field"].startswith("metadata.")


def test_a_whole_surrogate_pair(shop: LabApi) -> None:
    """Stays the sign that it is."""
    body = rb'{"data":{"a":"\\ud83d\ude00","b":"\ud83d\ude00"}}'
    answer = shop.ask("PATCH", f"{CONFIG_MAPS}/x", body, kind=MERGE)
    assert answer.value["data"]["b"] == "\U0001f600"


@pytest.mark.parametrize(
    "body",
    [b"\xff", b'{"data":{"a":"\xed\xa0\x80"}}', b'{"a":1e999}', b'{"a":NaN}', b"1" * 5000, b""],
)
@pytest.mark.parametrize("kind", [JSON, YAML])
def test_bytes_that_are_no_text_and_numbers_that_are_none(
    shop: LabApi, body: bytes, kind: str
) -> None:
    """All are a 400."""
    assert shop.ask("POST", CONFIG_MAPS, body, kind=kind).code in {400, 422}


@pytest.mark.parametrize(
    "number", ["9" * 5000, "²", "٣", "nan", "-1", "1e3", "99999999999999999999"]
)
def test_a_resource_version_that_is_no_number(shop: LabApi, number: str) -> None:
    """For lists and watches: 400, with the parameter."""
    for query in (f"resourceVersion={number}", f"watch=1&resourceVersion={number}"):
        answer = shop.ask("GET", f"{PODS}?{query}")
        assert (400, True) == (answer.code, "resourceVersion" in answer.text)


@pytest.mark.parametrize("number", ["9" * 5000, "²", "nan", "inf", "1e3", "1.5", "x"])
@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", f"{PODS}?watch=1&", "timeoutSeconds"),
        ("DELETE", f"{PODS}/p?", "gracePeriodSeconds"),
        ("DELETE", f"{PODS}?", "gracePeriodSeconds"),
        ("GET", f"{PODS}/p/log?", "tailLines"),
        ("GET", f"{PODS}/p/log?", "limitBytes"),
    ],
)
def test_a_number_of_a_query_that_is_none(
    shop: LabApi, method: str, path: str, name: str, number: str
) -> None:
    """400, with the parameter."""
    answer = shop.ask(method, f"{path}{name}={number}")
    assert (400, True) == (answer.code, name in answer.text), answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"preconditions": []},
        {"preconditions": {"uid": 5}},
        {"gracePeriodSeconds": []},
        {"gracePeriodSeconds": 2**70},
        {"gracePeriodSeconds": "soon"},
        {"dryRun": "All"},
        {"dryRun": [[]]},
        {"propagationPolicy": {}},
        [],
        "all",
    ],
)
def test_options_of_a_deletion(shop: LabApi, body: Any) -> None:
    """Of the wrong type: 400, and nothing is deleted."""
    for path in (f"{PODS}/p", PODS):
        assert shop.ask("DELETE", path, body).code == 400
    assert shop.ask("GET", f"{PODS}/p").code == 200


MANAGED = {"manager": "m", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {}}


@pytest.mark.parametrize(
    "entry",
    [
        {"manager": "m", "operation": "Apply"},
        {**MANAGED, "fieldsV1": None},
        {**MANAGED, "fieldsV1": []},
        {**MANAGED, "fieldsV1": {"f:spec": []}},
        {**MANAGED, "fieldsV1": {"spec": {}}},
        {**MANAGED, "operation": "Take"},
        {**MANAGED, "fieldsType": "FieldsV2"},
        {**MANAGED, "manager": "m" * 200},
        {**MANAGED, "manager": []},
        5,
    ],
)
@pytest.mark.parametrize("kind", [MERGE, STRATEGIC, JSON_PATCH])
def test_managed_fields_that_break_later_applies(shop: LabApi, entry: Any, kind: str) -> None:
    """They are refused with their place, and the next apply works."""
    change: Any = {"metadata": {"managedFields": [entry]}}
    if kind == JSON_PATCH:
        change = [{"op": "add", "path": "/metadata/managedFields", "value": [entry]}]
    answer = shop.ask("PATCH", f"{CONFIG_MAPS}/x", change, kind=kind)
    assert answer.code in {400, 422}, answer.text
    assert "managedFields" in answer.text
    applied = shop.ask("PATCH", f"{CONFIG_MAPS}/x?fieldManager=m", APPLIED, kind=APPLY)
    assert applied.code == 200


def test_an_applied_object_names_no_managed_fields(shop: LabApi) -> None:
    """They are the server's."""
    body = {"metadata": {"managedFields": [MANAGED]}}
    answer = shop.ask("PATCH", f"{CONFIG_MAPS}/x?fieldManager=m", body, kind=APPLY)
    assert (400, True) == (answer.code, "managedFields must be nil" in answer.text)


def test_managed_fields_may_be_taken_away(shop: LabApi) -> None:
    """By one empty entry."""
    shop.ask("PATCH", f"{CONFIG_MAPS}/x?fieldManager=m", APPLIED, kind=APPLY)
    change: Any = {"metadata": {"managedFields": [{}]}}
    answer = shop.ask("PATCH", f"{CONFIG_MAPS}/x", change, kind=MERGE)
    assert (200, []) == (answer.code, answer.value["metadata"]["managedFields"])


@pytest.mark.parametrize(
    ("place", "body"),
    [
        (f"{PODS}/p", {"phase": []}),
        (f"{PODS}/p", {"containerStatuses": 5}),
        (f"{PODS}/p", {"containerStatuses": [{"state": 5, "ready": "yes"}]}),
        (f"{PODS}/p", {"podIPs": [5]}),
        (f"{PODS}/p", {"conditions": [5]}),
        ("/api/v1/nodes/n", {"conditions": 5}),
        ("/api/v1/nodes/n", {"addresses": [{"type": []}]}),
        ("/api/v1/nodes/n", {"nodeInfo": "x"}),
        (f"{SERVICES}/s", {"loadBalancer": 5}),
        ("/api/v1/namespaces/shop", {"phase": 5}),
    ],
)
def test_a_status_that_nobody_can_print(shop: LabApi, place: str, body: Any) -> None:
    """It is refused, and the kind is still printed as a table."""
    answer = shop.ask("PATCH", f"{place}/status", {"status": body}, kind=MERGE)
    assert (400, True) == (answer.code, "status" in answer.text), answer.text
    as_table = (("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1"),)
    assert shop.ask("GET", place.rpartition("/")[0], headers=as_table).code == 200


def test_one_object_that_cannot_be_printed_hides_no_other(shop: LabApi) -> None:
    """An event is what its sender says; its times, too."""
    event = {"metadata": {"name": "e"}, "lastTimestamp": "never", "involvedObject": {"name": "x"}}
    path = "/api/v1/namespaces/shop/events"
    assert shop.ask("POST", path, event).code == 201
    as_table = (("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1"),)
    assert len(shop.ask("GET", path, headers=as_table).value["rows"]) == 1


@pytest.mark.parametrize("name", ["a\nb", "a\r\nSet-Cookie: x", 'a"b', "\u2028", "é" * 1000])
def test_an_unknown_field_that_would_be_a_header(shop: LabApi, name: str) -> None:
    """Warnings are one line of text each."""
    answer = shop.ask("PATCH", f"{CONFIG_MAPS}/x", {name: 1}, kind=MERGE)
    assert answer.code == 200, answer.text
    assert answer.headers["Warning"].isprintable()


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"{}",
        b"[]",
        b"5",
        b'{"Height":1e999,"Width":1}',
        b'{"Height":-1,"Width":1}',
        b'{"Height":70000,"Width":1}',
        b'{"Height":"5","Width":1}',
        b"\xff",
    ],
)
def test_a_terminal_of_no_size(data: bytes) -> None:
    """It is no size."""
    assert parse_resize(data) is None


@pytest.mark.parametrize("target", [b"//[", b"http://[::1", b"/?" + b"a&" * 20_000])
def test_a_target_that_is_no_address(target: bytes) -> None:
    """The head is left to the HTTP server, which says what is wrong."""
    assert parse_head(b"GET " + target + b" HTTP/1.1" + HEAD_END) is None
