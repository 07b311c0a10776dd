"""The network that Kubernetes promises: without policies everything talks to everything."""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows
from netproof.model.flow import Flow, Path
from netproof.model.workload import Topology


def test_flat_network(enforce: Enforce) -> None:
    """Every pod reaches every port of every other pod, in both IP families."""
    enforce(flows=flows.pod_flows)


@pytest.mark.usefixtures("cluster_dns", "outside")
def test_every_door(enforce: Enforce) -> None:
    """Every pod reaches every Service by address and by name, the cluster's DNS and the world."""
    enforce(flows=_doors)


def _doors(topology: Topology) -> Iterator[Flow]:
    yield from flows.service_flows(topology)
    yield from flows.service_flows(topology, Path.NAME)
    yield from flows.dns_flows(topology, "kube-system/kube-dns")
    yield from flows.outside_flows(topology)
