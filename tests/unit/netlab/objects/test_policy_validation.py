"""NetworkPolicy: what the API server refuses, and in which words."""

from typing import Any

import pytest

from netlab.objects.defaults import apply_defaults
from netlab.objects.kindrules import network_policy
from netlab.objects.kinds import BY_PLURAL

ONE_RULE = "spec.ingress[0]"


def wrong(**spec: Any) -> list[tuple[str, str]]:
    """Return field and message of everything that is wrong with a policy, after defaulting."""
    policy = {"metadata": {"name": "p"}, "spec": {"podSelector": {}, **spec}}
    apply_defaults(BY_PLURAL["networkpolicies"], policy)
    return [(cause.field, cause.message) for cause in network_policy(policy)]


def wrong_port(**port: Any) -> list[tuple[str, str]]:
    said = wrong(ingress=[{"ports": [port]}])
    return [(field.removeprefix(f"{ONE_RULE}.ports[0]."), message) for field, message in said]


def wrong_peer(**peer: Any) -> list[tuple[str, str]]:
    said = wrong(ingress=[{"from": [peer]}])
    return [(field.removeprefix(f"{ONE_RULE}.from[0]"), message) for field, message in said]


RANGE = "must be between 1 and 65535, inclusive"


@pytest.mark.parametrize(
    "port",
    [
        {},
        {"port": 1},
        {"port": 65535, "protocol": "UDP"},
        {"port": "http"},
        {"port": "a-1", "protocol": "SCTP"},
        {"port": 80, "endPort": 80},
        {"port": 80, "endPort": 65535},
        {"protocol": "SCTP"},
    ],
    ids=str,
)
def test_a_good_port(port: dict[str, Any]) -> None:
    """Numbers, names, ranges and all ports of a protocol are good."""
    assert wrong_port(**port) == []


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ({"port": 0}, [("port", f"Invalid value: 0: {RANGE}")]),
        ({"port": 65536}, [("port", f"Invalid value: 65536: {RANGE}")]),
        ({"port": -1}, [("port", f"Invalid value: -1: {RANGE}")]),
        (
            {"protocol": "ICMP"},
            [("protocol", 'Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"')],
        ),
        (
            {"port": 80, "endPort": 79},
            [("endPort", "Invalid value: 79: must be greater than or equal to `port`")],
        ),
        ({"port": 80, "endPort": 70000}, [("endPort", f"Invalid value: 70000: {RANGE}")]),
        (
            {"port": "http", "endPort": 81},
            [("endPort", "Invalid value: 81: may not be specified when `port` is non-numeric")],
        ),
        (
            {"endPort": 81},
            [("endPort", "Invalid value: 81: may not be specified when `port` is not specified")],
        ),
        (
            {"port": "80"},
            [("port", 'Invalid value: "80": must contain at least one letter (a-z)')],
        ),
        (
            {"port": "a--b"},
            [("port", 'Invalid value: "a--b": must not contain consecutive hyphens')],
        ),
        (
            {"port": "-a"},
            [("port", 'Invalid value: "-a": must not begin or end with a hyphen')],
        ),
        (
            {"port": "abcdefghijklmnop"},
            [("port", 'Invalid value: "abcdefghijklmnop": must be no more than 15 bytes')],
        ),
    ],
    ids=str,
)
def test_a_wrong_port(port: dict[str, Any], said: list[tuple[str, str]]) -> None:
    """Each wrong port is refused at its field."""
    assert wrong_port(**port) == said


def test_a_port_name_of_wrong_letters_is_refused_twice() -> None:
    """Upper case is neither a good sign nor a letter."""
    assert [field for field, _ in wrong_port(port="HTTP")] == ["port", "port"]


@pytest.mark.parametrize(
    "peer",
    [
        {"podSelector": {}},
        {"namespaceSelector": {}},
        {"podSelector": {}, "namespaceSelector": {}},
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {"ipBlock": {"cidr": "10.1.2.3/8"}},
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.168.0.0/16"]}},
        {"ipBlock": {"cidr": "fd00::/8", "except": ["fd00:1::/32"]}},
    ],
    ids=str,
)
def test_a_good_peer(peer: dict[str, Any]) -> None:
    """Selectors alone and together, blocks of both families, bits beyond the prefix."""
    assert wrong_peer(**peer) == []


CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
SUBSET = "must be a strict subset of `cidr`"


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        ({}, [("", "Required value: must specify a peer")]),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}},
            [("", "Forbidden: may not specify both ipBlock and another peer")],
        ),
        ({"ipBlock": {}}, [(".ipBlock.cidr", "Required value")]),
        (
            {"ipBlock": {"cidr": "10.0.0.1"}},
            [(".ipBlock.cidr", f'Invalid value: "10.0.0.1": {CIDR}')],
        ),
        (
            {"ipBlock": {"cidr": "10.0.0.0/33"}},
            [(".ipBlock.cidr", f'Invalid value: "10.0.0.0/33": {CIDR}')],
        ),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}},
            [(".ipBlock.except[0]", f'Invalid value: "10.0.0.0/8": {SUBSET}')],
        ),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}},
            [(".ipBlock.except[0]", f'Invalid value: "11.0.0.0/16": {SUBSET}')],
        ),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["fd00::/16"]}},
            [(".ipBlock.except[0]", f'Invalid value: "fd00::/16": {SUBSET}')],
        ),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["x"]}},
            [(".ipBlock.except[0]", f'Invalid value: "x": {CIDR}')],
        ),
    ],
    ids=str,
)
def test_a_wrong_peer(peer: dict[str, Any], said: list[tuple[str, str]]) -> None:
    """Each wrong peer is refused at its field."""
    assert wrong_peer(**peer) == said


def test_egress_is_checked_like_ingress() -> None:
    """The paths of egress name egress and to."""
    said = wrong(egress=[{"to": [{}], "ports": [{"port": 0}]}])
    assert [field for field, _ in said] == ["spec.egress[0].ports[0].port", "spec.egress[0].to[0]"]


def test_an_unknown_policy_type_is_refused() -> None:
    """Only Ingress and Egress, in this spelling."""
    text = 'Unsupported value: "ingress": supported values: "Ingress", "Egress"'
    assert wrong(policyTypes=["ingress"]) == [("spec.policyTypes[0]", text)]


def test_three_policy_types_are_too_many() -> None:
    """More than two is one complaint about the list."""
    said = wrong(policyTypes=["Ingress", "Egress", "Ingress"])
    assert said[0][1].endswith("may not specify more than two policyTypes")


SELECTORS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"matchExpressions": [{"key": "a", "operator": "In"}]},
        ".matchExpressions[0].values",
        "Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ),
    (
        {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
        ".matchExpressions[0].values",
        "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ),
    (
        {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]},
        ".matchExpressions[0].operator",
        'Invalid value: "in": not a valid selector operator',
    ),
    (
        {"matchExpressions": [{"key": "", "operator": "Exists"}]},
        ".matchExpressions[0].key",
        'Invalid value: "": name part must be non-empty',
    ),
]


@pytest.mark.parametrize(("selector", "field", "message"), SELECTORS, ids=str)
@pytest.mark.parametrize("where", ["spec", "pods", "namespaces"])
def test_a_wrong_selector(selector: dict[str, Any], field: str, message: str, where: str) -> None:
    """Selectors are checked wherever a policy has one."""
    if where == "spec":
        said, path = wrong(podSelector=selector), "spec.podSelector"
    elif where == "pods":
        said, path = wrong_peer(podSelector=selector), ".podSelector"
    else:
        said, path = wrong_peer(namespaceSelector=selector), ".namespaceSelector"
    assert (f"{path}{field}", message) in said


@pytest.mark.parametrize(
    "labels", [{"a b": "c"}, {"-a": "c"}, {"x/": "c"}, {"a": "b c"}, {"a": "-"}]
)
def test_a_wrong_label_in_a_selector(labels: dict[str, str]) -> None:
    """Keys and values that no label can have are refused."""
    said = wrong(podSelector={"matchLabels": labels})
    assert {field for field, _ in said} == {"spec.podSelector.matchLabels"}


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, ["Ingress"]),
        ({"ingress": []}, ["Ingress"]),
        ({"egress": []}, ["Ingress"]),
        ({"egress": [{}]}, ["Ingress", "Egress"]),
        ({"policyTypes": ["Egress"]}, ["Egress"]),
    ],
    ids=str,
)
def test_policy_types_by_default(spec: dict[str, Any], types: list[str]) -> None:
    """Ingress always, Egress with at least one egress rule, unless it says."""
    policy: dict[str, Any] = {"metadata": {"name": "p"}, "spec": dict(spec)}
    apply_defaults(BY_PLURAL["networkpolicies"], policy)
    assert policy["spec"]["policyTypes"] == types


def test_a_port_without_protocol_is_tcp() -> None:
    """The default is filled in where the port stands."""
    policy: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"egress": [{"ports": [{}]}]}}
    apply_defaults(BY_PLURAL["networkpolicies"], policy)
    assert policy["spec"]["egress"][0]["ports"] == [{"protocol": "TCP"}]
