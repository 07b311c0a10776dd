"""TCP, UDP and SCTP are told apart, also on the same port number."""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows
from netproof.model.flow import Flow
from netproof.model.workload import Pod, Port, Protocol, Topology
from netproof.run.changes import AddPod

pytestmark = pytest.mark.usefixtures("enforcing")

SCTP_SERVER = Pod(
    "production",
    "sctp-server",
    {"app": "sctp-server"},
    (Port(9001, Protocol.SCTP), Port(9002, Protocol.SCTP)),
)


def _to_sctp_server(topology: Topology) -> Iterator[Flow]:
    return (flow for flow in flows.pod_flows(topology) if flow.destination.name == SCTP_SERVER.key)


def test_udp_only(enforce: Enforce) -> None:
    """A rule for UDP ports opens them and no TCP port of the same number."""
    enforce(
        "udp-only",
        allowed=["staging/* -> production/*:80/UDP", "staging/* -> production/*:8125/UDP"],
        denied=["staging/* -> production/*:80/TCP", "ingress-nginx/* -> production/*:80/UDP"],
    )


def test_tcp_only(enforce: Enforce) -> None:
    """A rule without a port opens its whole protocol; a port without a protocol is TCP."""
    enforce(
        "tcp-only",
        allowed=["* -> production/api:9200/TCP", "* -> production/web:80/TCP"],
        denied=["* -> production/api:8125/UDP", "* -> production/web:80/UDP"],
    )


def test_any_udp(enforce: Enforce) -> None:
    """UDP without a port is all of UDP and nothing of TCP."""
    enforce(
        "any-udp",
        allowed=["* -> production/api:8125/UDP", "* -> production/api:80/UDP"],
        denied=["* -> production/api:80/TCP"],
    )


def test_same_number_both(enforce: Enforce) -> None:
    """One number can be open for both protocols."""
    enforce(
        "same-number-both",
        allowed=["* -> production/api:80/TCP", "* -> production/api:80/UDP"],
        denied=["* -> production/api:8125/UDP"],
    )


def test_udp_egress(enforce: Enforce) -> None:
    """One UDP port is open on the way out."""
    enforce(
        "udp-egress",
        allowed=["production/api -> *:8125/UDP"],
        denied=["production/api -> *:80/UDP", "production/api -> *:80/TCP"],
    )


def test_deny_udp(enforce: Enforce) -> None:
    """A denied UDP request does not even arrive."""
    enforce(
        "deny-udp",
        allowed=["production/* -> staging/*:8125/UDP"],
        denied=["* -> production/*:8125/UDP", "* -> production/*:80/UDP"],
    )


def test_sctp_rule_opens_no_tcp(enforce: Enforce) -> None:
    """A rule for SCTP isolates, and opens no TCP or UDP port of its number."""
    enforce(
        "sctp-rule-opens-no-tcp",
        allowed=["* -> production/web"],
        denied=["* -> production/api"],
    )


@pytest.mark.usefixtures("sctp")
def test_sctp(enforce: Enforce) -> None:
    """One SCTP port is open and the other is not."""
    enforce(
        "sctp",
        given=[AddPod(SCTP_SERVER)],
        flows=_to_sctp_server,
        allowed=["* -> production/sctp-server:9001/SCTP"],
        denied=["* -> production/sctp-server:9002/SCTP"],
    )
