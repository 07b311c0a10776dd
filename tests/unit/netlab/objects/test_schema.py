"""Decoding by kinds: wrong types, unknown fields, nulls."""

from typing import Any

import pytest

from netlab.http.bodies import parse_body
from netlab.objects.apierrors import ApiError
from netlab.objects.decoding import decode_object
from netlab.objects.kinds import BY_PLURAL

POLICY = BY_PLURAL["networkpolicies"]


def decoded(body: Any, strictness: str = "Warn") -> Any:
    return decode_object(POLICY, body, "shop", strictness=strictness)


def policy(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": spec}


def test_unknown_fields_are_dropped_and_named() -> None:
    """By default the object loses them and the sender is warned."""
    found = decoded({**policy(podSelecter={}, podSelector={}), "extra": 1})
    assert found.object["spec"] == {"podSelector": {}}
    assert found.unknown == ("spec.podSelecter", "extra")


def test_unknown_fields_are_refused_if_strict() -> None:
    """Strict decoding says which field, by its path."""
    body = policy(ingress=[{"form": []}])
    with pytest.raises(ApiError) as caught:
        decoded(body, "Strict")
    assert caught.value.message == (
        'NetworkPolicy in version "v1" cannot be handled as a NetworkPolicy: strict decoding '
        'error: unknown field "spec.ingress[0].form"'
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"ingress": {}},
            "cannot unmarshal object into Go struct field NetworkPolicySpec.spec.ing",
        ),
        ({"podSelector": []}, "cannot unmarshal array into Go struct field"),
        ({"ingress": [{"ports": [{"port": True}]}]}, "cannot unmarshal bool"),
        ({"ingress": [{"ports": [{"port": 1.5}]}]}, "of type intstr.IntOrString"),
        ({"ingress": [{"ports": [{"endPort": "80"}]}]}, "cannot unmarshal string"),
        ({"podSelector": {"matchLabels": {"a": 1}}}, "cannot unmarshal number"),
        ({"policyTypes": "Ingress"}, "cannot unmarshal string"),
        ({"ingress": [{"ports": [{"port": 2**40}]}]}, "cannot unmarshal number"),
    ],
    ids=str,
)
def test_a_wrong_type_is_a_bad_request(spec: dict[str, Any], said: str) -> None:
    """A value of another type is a 400 that names its field."""
    with pytest.raises(ApiError, match=said) as caught:
        decoded(policy(**spec))
    assert caught.value.code == 400


def test_nulls_are_fields_left_out() -> None:
    """What kubectl sends as null is not there."""
    body = {"metadata": {"name": "p", "creationTimestamp": None}, "spec": {"ingress": None}}
    assert decoded(body).object["metadata"] == {"name": "p", "namespace": "shop"}
    assert decoded(body).object["spec"] == {}


def test_a_null_rule_is_the_empty_rule() -> None:
    """`ingress: [null]` is `ingress: [{}]`: it allows everything."""
    assert decoded(policy(ingress=[None])).object["spec"]["ingress"] == [{}]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"apiVersion": "v1"}, "does not match the expected API version"),
        ({"kind": "Pod"}, "Pod in version networking.k8s.io/v1 cannot be handled"),
        ({"metadata": {"namespace": "other"}}, "does not match the namespace sent on the request"),
        ([], "couldn't get version/kind"),
    ],
    ids=str,
)
def test_an_object_that_belongs_elsewhere(body: Any, said: str) -> None:
    """Another version, kind or namespace than the URL's is a 400."""
    with pytest.raises(ApiError, match=said):
        decoded(body)


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b'{"a": NaN}'])
def test_a_body_that_is_no_json(body: bytes) -> None:
    """It is a 400, never a 500."""
    with pytest.raises(ApiError) as caught:
        parse_body(body, "application/json")
    assert caught.value.code == 400


def test_yaml_is_read_too() -> None:
    """A body may be YAML."""
    assert parse_body(b"a: [1, b]", "application/yaml") == {"a": [1, "b"]}


@pytest.mark.parametrize(
    "body", [b"a: [", b"a: 2020-01-01", b"a: .nan", b"!!python/object:os.system {}"]
)
def test_yaml_that_is_no_json(body: bytes) -> None:
    """YAML that does not parse, or has values that JSON has not, is a 400."""
    with pytest.raises(ApiError) as caught:
        parse_body(body, "application/yaml")
    assert caught.value.code == 400


def test_another_media_type_is_refused() -> None:
    """What is not read here is a 415."""
    with pytest.raises(ApiError) as caught:
        parse_body(b"", "text/html")
    assert caught.value.code == 415
