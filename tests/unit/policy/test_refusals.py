"""Every sort of NetworkPolicy that the API server refuses is refused, with its field's path."""

from __future__ import annotations

from typing import Any

import pytest

from netproof.errors import PolicyError
from netproof.policy import load_text
from tests.unit.policy.samples import network_policy, refusal

LONG = "a" * 64


def from_(peer: Any) -> dict[str, Any]:
    return {"ingress": [{"from": [peer]}]}


def port(entry: Any) -> dict[str, Any]:
    return {"ingress": [{"ports": [entry]}]}


def block(cidr: Any, *cuts: Any) -> dict[str, Any]:
    return from_({"ipBlock": {"cidr": cidr, "except": list(cuts)}})


def expression(**term: Any) -> dict[str, Any]:
    return {"podSelector": {"matchExpressions": [term]}}


PORT, PEER = "spec.ingress[0].ports[0]", "spec.ingress[0].from[0]"
TERM = "spec.podSelector.matchExpressions[0]"
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
RANGE = "must be between 1 and 65535, inclusive"

REFUSED: dict[str, tuple[Any, str]] = {
    # ports
    "unknown protocol": (port({"protocol": "ICMP"}), f'{PORT}.protocol: Unsupported value: "ICMP"'),
    "lower case protocol": (port({"protocol": "tcp"}), "did you mean TCP?"),
    "empty protocol": (port({"protocol": ""}), f'{PORT}.protocol: Unsupported value: ""'),
    "port zero": (port({"port": 0}), f"{PORT}.port: Invalid value: 0: {RANGE}"),
    "port too large": (port({"port": 65536}), f"{PORT}.port: Invalid value: 65536: {RANGE}"),
    "negative port": (port({"port": -1}), f"{PORT}.port: Invalid value: -1: {RANGE}"),
    "port is a fraction": (port({"port": 80.5}), f"{PORT}.port: Invalid value: must be a whole"),
    "port is a truth value": (port({"port": True}), "must be a whole number, not true"),
    "port is a list": (port({"port": [80]}), "must be a whole number, not a list"),
    "port in quotes": (port({"port": "80"}), "write a port's number without quotes"),
    "port name too long": (port({"port": "a" * 16}), "must be no more than 15 bytes"),
    "port name in capitals": (port({"port": "HTTP"}), "must contain only alpha-numeric"),
    "port name with underscore": (port({"port": "my_port"}), "must contain only alpha-numeric"),
    "port name with two hyphens": (port({"port": "a--b"}), "must not contain consecutive hyphens"),
    "port name with hyphen first": (port({"port": "-a"}), "must not begin or end with a hyphen"),
    "empty port name": (port({"port": ""}), "must contain only alpha-numeric"),
    "end before start": (
        port({"port": 90, "endPort": 80}),
        f"{PORT}.endPort: Invalid value: 80: must be greater than or equal to `port`",
    ),
    "end too large": (port({"port": 1, "endPort": 70000}), f"{PORT}.endPort: Invalid value: 70000"),
    "end without port": (
        port({"endPort": 80}),
        f"{PORT}.endPort: Invalid value: 80: may not be specified when `port` is not specified",
    ),
    "end with a name": (
        port({"port": "http", "endPort": 80}),
        f"{PORT}.endPort: Invalid value: 80: may not be specified when `port` is non-numeric",
    ),
    "end is a string": (port({"port": 80, "endPort": "90"}), 'must be a whole number, not "90"'),
    # peers
    "empty peer": (from_({}), f"{PEER}: Required value: must specify a peer"),
    "peer that is null": (from_(None), f"{PEER}: Required value: must specify a peer"),
    "peer with null selectors": (from_({"podSelector": None}), "must specify a peer"),
    "block and pods": (
        from_({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}),
        f"{PEER}: Forbidden: may not specify both ipBlock and another peer",
    ),
    "block and namespaces": (
        from_({"ipBlock": {"cidr": "10.0.0.0/8"}, "namespaceSelector": {}}),
        f"{PEER}: Forbidden: may not specify both ipBlock and another peer",
    ),
    "peer is a list": (from_([]), f"{PEER}: Invalid value: must be a mapping, not a list"),
    "egress rule with from": ({"egress": [{"from": []}]}, "spec.egress[0].from: unknown field"),
    "ingress rule with to": ({"ingress": [{"to": []}]}, "spec.ingress[0].to: unknown field"),
    # blocks
    "block without cidr": (from_({"ipBlock": {}}), f"{PEER}.ipBlock.cidr: Required value"),
    "empty cidr": (block(""), f"{PEER}.ipBlock.cidr: Required value"),
    "cidr without length": (block("10.0.0.0"), f'Invalid value: "10.0.0.0": {CIDR}'),
    "cidr with netmask": (block("10.0.0.0/255.0.0.0"), CIDR),
    "cidr length too large": (block("10.0.0.0/33"), CIDR),
    "cidr v6 length too large": (block("fd00::/129"), CIDR),
    "cidr octet too large": (block("10.0.0.256/32"), CIDR),
    "cidr with three octets": (block("10.0.0/24"), CIDR),
    "cidr with a zone": (block("fe80::1%eth0/64"), CIDR),
    "cidr is a word": (block("everyone"), CIDR),
    "cidr with spaces": (block("10.0.0.0/8 "), CIDR),
    "cidr is a number": (block(10), "must be a string, not 10; put it in quotes"),
    "except the same": (
        block("10.0.0.0/8", "10.0.0.0/8"),
        f'{PEER}.ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
    ),
    "except wider": (block("10.0.0.0/16", "10.0.0.0/8"), "must be a strict subset of `cidr`"),
    "except elsewhere": (block("10.0.0.0/8", "11.0.0.0/16"), "must be a strict subset of `cidr`"),
    "except of the other family": (block("10.0.0.0/8", "fd00::/64"), "must be a strict subset"),
    "second except": (block("10.0.0.0/8", "10.1.0.0/16", "x"), "ipBlock.except[1]: Invalid value"),
    "except is null": (block("10.0.0.0/8", None), "ipBlock.except[0]: Invalid value"),
    "except is no CIDR": (block("10.0.0.0/8", "10.1.0.0"), CIDR),
    # selectors
    "In without values": (
        expression(key="a", operator="In"),
        f"{TERM}.values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ),
    "NotIn with empty values": (
        expression(key="a", operator="NotIn", values=[]),
        f"{TERM}.values: Required value",
    ),
    "Exists with values": (
        expression(key="a", operator="Exists", values=["b"]),
        f"{TERM}.values: Forbidden: may not be specified when `operator` is 'Exists'",
    ),
    "DoesNotExist with values": (
        expression(key="a", operator="DoesNotExist", values=["b"]),
        f"{TERM}.values: Forbidden",
    ),
    "operator unknown": (
        expression(key="a", operator="Equals", values=["b"]),
        f'{TERM}.operator: Invalid value: "Equals": not a valid selector operator',
    ),
    "operator in lower case": (
        expression(key="a", operator="in", values=["b"]),
        "not a valid selector operator",
    ),
    "operator missing": (expression(key="a"), f'{TERM}.operator: Invalid value: ""'),
    "key missing": (expression(operator="Exists"), f'{TERM}.key: Invalid value: ""'),
    "key with a space": (expression(key="a b", operator="Exists"), "name part must consist of"),
    "key with two slashes": (expression(key="a/b/c", operator="Exists"), "at most one '/'"),
    "key with empty prefix": (expression(key="/b", operator="Exists"), "prefix part must be non"),
    "key with a bad prefix": (expression(key="A_/b", operator="Exists"), "prefix part a lowercase"),
    "key too long": (expression(key=LONG, operator="Exists"), "name part must be no more than 63"),
    "expression value misspelt": (
        expression(key="a", operator="In", values=["b", "-"]),
        f'{TERM}.values[1]: Invalid value: "-"',
    ),
    "label value misspelt": (
        {"podSelector": {"matchLabels": {"a": "b c"}}},
        'spec.podSelector.matchLabels: Invalid value: "b c"',
    ),
    "label value too long": (
        {"podSelector": {"matchLabels": {"a": LONG}}},
        "must be no more than 63 bytes",
    ),
    "label key misspelt": (
        {"podSelector": {"matchLabels": {"a@b": "c"}}},
        'spec.podSelector.matchLabels: Invalid value: "a@b"',
    ),
    "label value is a number": (
        {"podSelector": {"matchLabels": {"version": 1}}},
        "spec.podSelector.matchLabels.version: Invalid value: must be a string, not 1; put it in",
    ),
    "label value is a truth value": (
        {"podSelector": {"matchLabels": {"on": True}}},
        "must be a string, not true; put it in quotes",
    ),
    "labels as a list": (
        {"podSelector": {"matchLabels": ["app"]}},
        "matchLabels: Invalid value: must be a mapping, not a list",
    ),
    "labels right under the selector": (
        {"podSelector": {"app": "api"}},
        "spec.podSelector.app: unknown field",
    ),
    "selector of a peer": (
        from_({"namespaceSelector": {"matchLabels": {"a": "?"}}}),
        f"{PEER}.namespaceSelector.matchLabels: Invalid value",
    ),
    # policyTypes
    "unknown policyType": (
        {"policyTypes": ["Both"]},
        'spec.policyTypes[0]: Unsupported value: "Both": supported values: "Egress", "Ingress"',
    ),
    "policyType in lower case": ({"policyTypes": ["ingress"]}, "did you mean Ingress?"),
    "three policyTypes": (
        {"policyTypes": ["Ingress", "Egress", "Ingress"]},
        '["Ingress", "Egress", "Ingress"]: may not specify more than two policyTypes',
    ),
    "policyTypes is a word": ({"policyTypes": "Ingress"}, 'must be a list, not "Ingress"'),
    # the shape of the whole
    "misspelt field": ({"podSelecter": {}}, "spec.podSelecter: unknown field; did you mean podSel"),
    "field in the wrong case": ({"PodSelector": {}}, "did you mean podSelector?"),
    "ingress is a mapping": ({"ingress": {}}, "spec.ingress: Invalid value: must be a list, not a"),
    "rule is a word": ({"ingress": ["all"]}, "spec.ingress[0]: Invalid value: must be a mapping"),
    "spec is a list": ([], "spec: Invalid value: must be a mapping, not a list"),
    "unknown field of a port": (port({"number": 80}), f"{PORT}.number: unknown field"),
    "unknown field of a block": (from_({"ipBlock": {"CIDR": ""}}), "ipBlock.CIDR: unknown field"),
    "unknown field of an expression": (
        expression(key="a", operator="Exists", value="b"),
        f"{TERM}.value: unknown field; did you mean values?",
    ),
}


@pytest.mark.parametrize(("spec", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_is_refused(spec: Any, message: str) -> None:
    """A spec that the API server refuses is refused, by file, line, object and field."""
    told = refusal(network_policy(spec))
    assert message in told
    assert told.startswith("b.yaml:1: NetworkPolicy shop/p: spec")


EGRESS = {
    "peer": ({"egress": [{"to": [{}]}]}, "spec.egress[0].to[0]: Required value"),
    "port": ({"egress": [{"ports": [{"port": 0}]}]}, "spec.egress[0].ports[0].port: Invalid"),
    "second rule": ({"egress": [{}, {"to": [{}]}]}, "spec.egress[1].to[0]: Required value"),
}


@pytest.mark.parametrize(("spec", "message"), EGRESS.values(), ids=EGRESS.keys())
def test_egress_rules_are_checked_in_the_same_way(spec: Any, message: str) -> None:
    """What is refused of an ingress rule is refused of an egress rule."""
    assert message in refusal(network_policy(spec))


METADATA = {
    "no name": ({"name": None}, "metadata.name: Required value: name or generateName is required"),
    "made-up name": (
        {"name": None, "generateName": "p-"},
        "a name that the server makes up cannot be told from others here",
    ),
    "name in capitals": ({"name": "Deny"}, "a lowercase RFC 1123 subdomain must consist of"),
    "name too long": ({"name": "a" * 254}, "must be no more than 253 bytes"),
    "name is a number": ({"name": 5}, "metadata.name: Invalid value: must be a string, not 5"),
    "namespace with a dot": ({"namespace": "a.b"}, 'metadata.namespace: Invalid value: "a.b"'),
    "label": ({"labels": {"a": "b c"}}, 'metadata.labels: Invalid value: "b c"'),
    "annotation": ({"annotations": {"a": 1}}, "metadata.annotations.a: Invalid value"),
    "unknown field": ({"nmae": "x"}, "metadata.nmae: unknown field; did you mean name?"),
}


@pytest.mark.parametrize(("metadata", "message"), METADATA.values(), ids=METADATA.keys())
def test_metadata_is_refused(metadata: Any, message: str) -> None:
    """What the API server refuses of an object's metadata is refused."""
    assert message in refusal(network_policy({}, **metadata))


def test_an_old_api_version_is_refused_with_the_one_to_write() -> None:
    """An API version that is gone is refused, and the message has the one that is not."""
    old = {**network_policy({}), "apiVersion": "extensions/v1beta1"}
    assert "write apiVersion: networking.k8s.io/v1" in refusal(old)


POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: allow-api
  namespace: production
spec:
  podSelector:
    matchLabels:
      app: api
  ingress:
    - ports:
        - port: 80
          endPort: 70
    - from:
        - podSelector: {}
        - ipBlock:
            cidr: 10.0.0.0/8
            except:
              - 10.0.0.0/8
      prots: []
"""


def test_each_problem_has_its_own_line_in_the_order_of_the_file() -> None:
    """One message names every problem of an object, each with the line it is on."""
    with pytest.raises(PolicyError) as caught:
        load_text(POLICY, "p.yaml")
    name = "NetworkPolicy production/allow-api: spec.ingress"
    subset = 'Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`'
    smaller = "Invalid value: 70: must be greater than or equal to `port`"
    expected = [
        f"p.yaml:13: {name}[0].ports[0].endPort: {smaller}",
        f"p.yaml:19: {name}[1].from[1].ipBlock.except[0]: {subset}",
        f"p.yaml:20: {name}[1].prots: unknown field; did you mean ports?",
    ]
    assert expected == str(caught.value).splitlines()


def test_a_long_value_is_cut_in_the_message() -> None:
    """A message repeats as much of a value as helps to find it, not all of it."""
    told = refusal(network_policy({"podSelector": {"matchLabels": {"a": "x" * 5000}}}))
    assert len(told) < 400
