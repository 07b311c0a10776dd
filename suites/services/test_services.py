"""Policies see pods, not Services: by ClusterIP, by name, headless, and by node ports."""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows
from netproof.model.flow import Flow, Path
from netproof.model.workload import Topology

pytestmark = pytest.mark.usefixtures("enforcing")

CLUSTER = "production/node-cluster"
LOCAL = "production/node-local"


def _by_address(topology: Topology) -> Iterator[Flow]:
    yield from flows.pod_flows(topology)
    yield from flows.service_flows(topology)


def _by_name(topology: Topology) -> Iterator[Flow]:
    return flows.service_flows(topology, Path.NAME)


def _by_node_ports(topology: Topology) -> Iterator[Flow]:
    yield from flows.pod_flows(topology)
    yield from flows.node_port_flows(topology, CLUSTER)
    yield from flows.node_port_flows(topology, LOCAL, local=True)


def test_cluster_ip(enforce: Enforce) -> None:
    """By a Service's address, too, only the peers of the backend's policy get in."""
    enforce(
        "api-from-web",
        flows=_by_address,
        allowed=["production/web -> service production/api:80 by cluster-ip"],
        denied=[
            "production/postgres -> service production/api:80 by cluster-ip",
            "staging/* -> service production/api:80 by cluster-ip",
        ],
    )


def test_pods_port_counts(enforce: Enforce) -> None:
    """A rule's port is the pod's, whatever port the Service has."""
    enforce(
        "pods-port-counts",
        flows=_by_address,
        allowed=["production/* -> service staging/api:8080 by cluster-ip"],
        denied=["staging/* -> service production/api:80 by cluster-ip"],
    )


def test_service_port_is_not_the_pods(enforce: Enforce) -> None:
    """A rule for the Service's own port opens nothing behind it."""
    enforce(
        "service-port-is-not-the-pods",
        flows=_by_address,
        denied=["production/* -> service staging/api:8080 by cluster-ip"],
    )


def test_egress_to_backends(enforce: Enforce) -> None:
    """Who may go out to the backends may go out to their Service."""
    enforce(
        "egress-to-backends",
        flows=_by_address,
        allowed=["production/postgres -> service production/front:8000 by cluster-ip"],
        denied=["production/postgres -> service staging/api:8080 by cluster-ip"],
    )


def test_all_backends_shut(enforce: Enforce) -> None:
    """A Service with several backends is shut when all of them are."""
    enforce(
        "all-backends-shut",
        flows=_by_address,
        allowed=["production/postgres -> service production/front:8000 by cluster-ip"],
        denied=["staging/* -> service production/front:8000 by cluster-ip"],
    )


@pytest.mark.usefixtures("cluster_dns")
def test_names(enforce: Enforce) -> None:
    """By name, with an address of its own or headless, the backends' policies decide."""
    enforce(
        "names",
        flows=_by_name,
        allowed=[
            "production/postgres -> service production/headless:80 by name",
            "production/postgres -> service production/api:80 by name",
        ],
        denied=[
            "staging/* -> service production/headless:80 by name",
            "staging/* -> service production/api:80 by name",
        ],
    )


@pytest.mark.usefixtures("node_ports")
def test_node_ports_are_open(enforce: Enforce) -> None:
    """Without policies every node port is reached from every pod and from outside."""
    enforce(flows=_by_node_ports, name="node-ports-are-open")


@pytest.mark.usefixtures("node_ports")
def test_node_port_open_to_all(enforce: Enforce) -> None:
    """Where the pod's port is open to everybody, so are its node ports, from outside as well."""
    enforce(
        "node-port-open",
        flows=_by_node_ports,
        allowed=["outside -> * by node-port", "staging/* -> * by node-port"],
    )


@pytest.mark.usefixtures("node_ports")
def test_node_port_shut(enforce: Enforce) -> None:
    """Behind shut pods node ports are observed: the API leaves the order of rewriting open."""
    enforce("node-port-shut", flows=_by_node_ports, denied=["* -> production/api:9200"])
