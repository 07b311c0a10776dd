"""Names, labels, ports, rules and policies at the limits of what the API takes.

Policies end up as keys of sets, chains and maps, which hold less than the API does, and which two
policies may share by mistake.
"""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows
from netproof.model.flow import Endpoint, Flow
from netproof.model.workload import NAMESPACE_NAME_LABEL, Namespace, Pod, Port, Topology
from netproof.run.changes import AddNamespace, LabelPod

pytestmark = pytest.mark.usefixtures("enforcing")

WEB, POSTGRES = "production/web", "production/postgres"
LONG_KEY = ".".join(["k" * 63] * 3 + ["k" * 61]) + "/" + "n" * 62
LONG_VALUE = "v" * 62
LONG_NAMESPACE = "n" * 62
MANY_NAMESPACES = 12
"""More than a set holds that is made by ipset's default for lists, which is eight."""

FLEET = {"production", "staging", "ingress-nginx"}
PORTS = tuple(map(Port, (80, 5432, 9100, 9200)))


def _from_the_fleet(topology: Topology) -> Iterator[Flow]:
    """Yield the flows that begin at the fleet's own pods."""
    return (flow for flow in flows.mixed_flows(topology) if _space(flow.source) in FLEET)


def _with_the_fleet(topology: Topology) -> Iterator[Flow]:
    """Yield the flows of which one end at least is one of the fleet's own pods."""
    ends = (
        (flow, {_space(flow.source), _space(flow.destination)})
        for flow in flows.mixed_flows(topology)
    )
    return (flow for flow, spaces in ends if spaces & FLEET)


def _space(end: Endpoint) -> str:
    return end.name.partition("/")[0]


def _with_pod(namespace: str) -> AddNamespace:
    space = Namespace(namespace, {NAMESPACE_NAME_LABEL: namespace})
    return AddNamespace(space, (Pod(namespace, "api", {"app": "api"}, PORTS),))


def test_names_at_full_length(enforce: Enforce) -> None:
    """Policies with names of 253 characters count, each for itself, and so do those with dots."""
    enforce(
        "names-at-full-length",
        allowed=[
            "production/web -> production/api:80/TCP",
            "production/postgres -> production/api:5432",
            "production/api -> production/postgres:9100",
            "production/web -> production/postgres:9200",
            "production/api -> production/web:80/TCP",
            "production/postgres -> production/web:5432",
        ],
        denied=[
            "production/web -> production/api:5432",
            "production/postgres -> production/api:80",
            "production/api -> production/postgres:9200",
            "staging/* -> production/web",
        ],
    )


def test_namespaces_at_full_length(enforce: Enforce) -> None:
    """Namespaces of 63 characters that differ in the last one are two."""
    enforce(
        "namespaces-at-full-length",
        flows=_with_the_fleet,
        given=[_with_pod(f"{LONG_NAMESPACE}a"), _with_pod(f"{LONG_NAMESPACE}b")],
        allowed=[
            f"* -> {LONG_NAMESPACE}a/api:80",
            f"* -> {LONG_NAMESPACE}b/api:5432",
            f"{LONG_NAMESPACE}a/api -> production/api",
        ],
        denied=[
            f"* -> {LONG_NAMESPACE}a/api:5432",
            f"* -> {LONG_NAMESPACE}b/api:80",
            f"{LONG_NAMESPACE}b/api -> production/api",
        ],
    )


def test_names_run_together(enforce: Enforce) -> None:
    """Namespace and name are two words, also where they make the same text."""
    enforce(
        "names-run-together",
        flows=_from_the_fleet,
        given=[_with_pod("production-eu"), _with_pod("staging2")],
        allowed=[
            "production/web -> production/api:80/TCP",
            "* -> production-eu/api:5432",
            "staging/web -> staging/api:9100",
            "* -> staging2/api:9200",
        ],
        denied=[
            "* -> production/api:5432",
            "* -> production-eu/api:80",
            "* -> staging/api:9200",
            "* -> staging2/api:9100",
        ],
    )


def test_many_ports(enforce: Enforce) -> None:
    """A rule may list many ports and ranges, and each of them is open."""
    enforce(
        "many-ports",
        allowed=[f"* -> production/api:{port}" for port in ("80/TCP", "5432", "9200")],
        denied=["* -> production/api:9100", "* -> production/api:8125/UDP"],
    )


def test_many_ports_egress(enforce: Enforce) -> None:
    """On the way out, too."""
    enforce(
        "many-ports-egress",
        allowed=[f"production/api -> *:{port}" for port in ("80/TCP", "5432", "9200")],
        denied=["production/api -> *:9100", "production/api -> *:8125/UDP"],
    )


FEW_COME_IN = ("production/web -> production/api:80/TCP", "staging/* -> production/api:9200")
FEW_STAY_OUT = (
    "production/web -> production/api:5432",
    "production/postgres -> production/api:80",
    "staging/* -> production/api:5432",
)


def test_many_rules(enforce: Enforce) -> None:
    """A policy may have many rules, and each of them counts."""
    enforce("many-rules", allowed=FEW_COME_IN, denied=FEW_STAY_OUT)


def test_many_policies(enforce: Enforce) -> None:
    """Many policies may select one pod, and each of them counts."""
    enforce("many-policies", allowed=FEW_COME_IN, denied=FEW_STAY_OUT)


def test_many_peers(enforce: Enforce) -> None:
    """A rule may list many peers of every kind, and each of them comes in."""
    enforce(
        "many-peers",
        allowed=[f"{peer} -> production/api" for peer in (WEB, "staging/api", POSTGRES)],
        denied=["staging/web -> production/api", "ingress-nginx/* -> production/api"],
    )


def test_many_namespaces(enforce: Enforce) -> None:
    """A selector may match many namespaces, and the last one counts as the first does."""
    many = [Namespace(f"many-{n:02}", {"env": "other"}) for n in range(MANY_NAMESPACES)]
    last = Namespace("zz-last", {"env": "other"})
    enforce(
        "many-namespaces",
        flows=_with_the_fleet,
        given=[
            *map(AddNamespace, many),
            AddNamespace(last, (Pod("zz-last", "api", {"app": "api"}, PORTS),)),
        ],
        allowed=["staging/* -> production/api", "zz-last/api -> production/api"],
        denied=["production/web -> production/api", "ingress-nginx/* -> production/api"],
    )


def test_labels_at_full_length(enforce: Enforce) -> None:
    """Labels count to the last character of a key of 253 and 63, and of a value of 63."""
    enforce(
        "labels-at-full-length",
        given=[
            LabelPod(WEB, {f"{LONG_KEY}a": f"{LONG_VALUE}a"}),
            LabelPod(POSTGRES, {f"{LONG_KEY}a": f"{LONG_VALUE}b"}),
            LabelPod("production/api", {f"{LONG_KEY}b": f"{LONG_VALUE}a"}),
        ],
        allowed=["production/web -> production/api", "production/postgres -> production/api"],
        denied=["staging/web -> production/api"],
    )


def test_labels_run_together(enforce: Enforce) -> None:
    """Key and value are two words, and a label with an empty value is another than none."""
    enforce(
        "labels-run-together",
        given=[
            LabelPod(WEB, {"a": "b-c", "list": "b-c", "empty": "", "a.b": "c"}),
            LabelPod(POSTGRES, {"a-b": "c", "list": "a-b", "empty": "no", "a": "b.c"}),
        ],
        allowed=[f"production/web -> production/api:{port}" for port in ("80/TCP", 5432, 9100)],
        denied=["production/postgres -> production/api", "staging/* -> production/api"],
    )


def test_labels_of_other_words(enforce: Enforce) -> None:
    """A label is no field, no name and no namespace, and a pod's is not its namespace's."""
    words = {"from": "api", "ingress": "80", "production": "from"}
    enforce(
        "labels-of-other-words",
        given=[LabelPod(WEB, {"env": "staging"}), LabelPod(POSTGRES, words)],
        allowed=[
            "staging/* -> production/api:80/TCP",
            "production/web -> production/api:5432",
            "production/postgres -> production/api:9100",
        ],
        denied=[
            "production/web -> production/api:80",
            "staging/* -> production/api:5432",
            "* -> production/api:9200",
        ],
    )


def test_twins(enforce: Enforce) -> None:
    """Policies that are alike but for one field are as many policies."""
    enforce(
        "twins",
        allowed=[
            "production/web -> production/api:80/TCP",
            "production/postgres -> production/api:80/TCP",
            "production/web -> production/api:5432",
            "production/web -> production/api:80/UDP",
            "production/web -> production/postgres:80/TCP",
            "staging/web -> staging/api:80/TCP",
            "production/api -> production/web:80/TCP",
        ],
        denied=[
            "production/postgres -> production/api:5432",
            "production/postgres -> production/api:80/UDP",
            "production/web -> production/postgres:5432",
            "production/web -> staging/api:80",
            "production/api -> production/web:5432",
        ],
    )
