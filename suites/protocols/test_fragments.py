"""Datagrams that no packet holds are judged like all others, whichever fragment has the ports.

Request and answer are larger than a packet may be on the way (4,000 bytes, or 1,000 more than the
MTU where that is larger), so that the sender's kernel cuts them up. The first fragment only has
ports.
"""

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows

pytestmark = pytest.mark.usefixtures("enforcing", "fragments")


def test_large_datagrams(enforce: Enforce) -> None:
    """What a rule with ports lets in comes whole, and so does the answer; all else stays out."""
    enforce(
        "udp-only",
        flows=flows.datagram_flows,
        allowed=["staging/* -> production/*:80/UDP by fragments", "production/* -> staging/*"],
        denied=["ingress-nginx/* -> production/*:80/UDP by fragments"],
        name="large-datagrams",
    )


def test_large_datagrams_egress(enforce: Enforce) -> None:
    """One UDP port is open on the way out, for datagrams of any size."""
    enforce(
        "udp-egress",
        flows=flows.datagram_flows,
        allowed=["production/api -> *:8125/UDP", "* -> production/api"],
        denied=["production/api -> *:80/UDP"],
        name="large-datagrams-egress",
    )


def test_large_datagrams_among_isolated(enforce: Enforce) -> None:
    """Rules without ports let large datagrams pass between pods that are isolated both ways."""
    enforce(
        "among-production",
        flows=flows.datagram_flows,
        allowed=["production/* -> production/*", "staging/* -> ingress-nginx/*"],
        denied=["staging/* -> production/*", "production/* -> staging/*"],
        name="large-datagrams-among-isolated",
    )
