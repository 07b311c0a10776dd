"""What becomes of ICMP, of which NetworkPolicy says nothing: seen, and judged by nobody.

The flows by TCP beside the echoes are defined, and show that the policies are in force.
"""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows
from netproof.model.flow import Flow
from netproof.model.workload import Protocol, Topology

pytestmark = pytest.mark.usefixtures("enforcing")

KINDS = ("deny-ingress", "deny-egress", "from-pods", "from-block", "ports-only")


def _echoes(topology: Topology) -> Iterator[Flow]:
    yield from flows.ping_flows(topology)
    for flow in flows.mixed_flows(topology):
        if (flow.port, flow.protocol) == (80, Protocol.TCP):
            yield flow


def test_icmp_without_policies(enforce: Enforce) -> None:
    """Which pods answer each other's echoes when no policy is there."""
    enforce(flows=_echoes, name="icmp-without-policies")


@pytest.mark.parametrize("kind", KINDS)
def test_icmp(enforce: Enforce, kind: str) -> None:
    """Which pods answer each other's echoes under policies that speak of something else."""
    enforce(
        f"icmp-{kind}",
        flows=_echoes,
        allowed=["staging/* -> ingress-nginx/*"],
        denied=["staging/api -> production/*" if kind != "deny-egress" else "production/* -> *"],
    )
