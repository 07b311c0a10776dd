"""The forgotten direction: what may leave, what that does to names, and the world outside."""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows
from netproof.model.flow import Flow, Path
from netproof.model.workload import Topology

pytestmark = pytest.mark.usefixtures("enforcing")

DNS = "kube-system/kube-dns"


def _with_dns(topology: Topology) -> Iterator[Flow]:
    yield from flows.pod_flows(topology)
    yield from flows.dns_flows(topology, DNS)


def _with_outside(topology: Topology) -> Iterator[Flow]:
    yield from flows.pod_flows(topology)
    yield from flows.outside_flows(topology)


@pytest.mark.usefixtures("cluster_dns")
def test_deny_egress(enforce: Enforce) -> None:
    """Nothing leaves the namespace, and names stop to resolve with it."""
    enforce(
        "deny-egress",
        flows=_with_dns,
        denied=["production/* -> *", f"production/* -> service {DNS} by dns"],
        allowed=["staging/* -> production/*", f"staging/* -> service {DNS} by dns"],
    )


@pytest.mark.usefixtures("cluster_dns")
def test_allow_dns(enforce: Enforce) -> None:
    """Names resolve by UDP and TCP; nothing else leaves."""
    enforce(
        "allow-dns",
        flows=_with_dns,
        denied=["production/* -> *"],
        allowed=[f"production/* -> service {DNS}:53/{p} by dns" for p in ("UDP", "TCP")],
    )


@pytest.mark.usefixtures("cluster_dns")
def test_names_need_dns(enforce: Enforce) -> None:
    """A Service's name is of use only where DNS and the Service are both allowed."""
    enforce(
        "names",
        flows=lambda topology: flows.service_flows(topology, Path.NAME),
        allowed=["production/web -> service production/api:80 by name"],
        denied=["production/web -> service production/postgres:5432 by name"],
    )


@pytest.mark.usefixtures("outside")
def test_ip_block(enforce: Enforce) -> None:
    """The world is reached without the half that the except clause takes out."""
    enforce(
        "ip-block",
        flows=_with_outside,
        allowed=["production/api -> outside", "production/web -> outside*"],
        denied=["production/postgres -> outside", "production/api -> production/web"],
    )


@pytest.mark.usefixtures("outside")
def test_selectors_mean_no_host(enforce: Enforce) -> None:
    """Whoever is no pod is in no namespace, and so not among those without a label."""
    enforce(
        "selectors-and-the-world",
        flows=_with_outside,
        allowed=[
            "production/* -> staging/*",
            "staging/* -> ingress-nginx/*",
            "ingress-nginx/* -> production/postgres",
        ],
        denied=[
            "production/* -> outside",
            "staging/* -> outside",
            "ingress-nginx/* -> outside",
            "staging/* -> production/*",
        ],
    )


@pytest.mark.usefixtures("cluster_dns")
def test_dns_udp_only(enforce: Enforce) -> None:
    """DNS by UDP leaves, DNS by TCP does not."""
    enforce(
        "dns-udp-only",
        flows=_with_dns,
        allowed=["production/* -> service kube-system/kube-dns:53/UDP by dns"],
        denied=["production/* -> service kube-system/kube-dns:53/TCP by dns", "production/* -> *"],
    )


@pytest.mark.usefixtures("cluster_dns")
def test_dns_in_the_wrong_place(enforce: Enforce) -> None:
    """Port 53 of the own namespace is not the cluster's DNS."""
    enforce(
        "dns-by-number-elsewhere",
        flows=_with_dns,
        allowed=["staging/* -> service kube-system/kube-dns by dns"],
        denied=["production/* -> service kube-system/kube-dns by dns", "production/* -> *"],
    )


def test_one_service_out(enforce: Enforce) -> None:
    """One app, one port and one protocol may leave."""
    enforce(
        "one-service-out",
        allowed=["production/web -> production/api:80/TCP"],
        denied=[
            "production/web -> production/api:80/UDP",
            "production/web -> staging/api:80",
            "production/web -> production/api:9100",
        ],
    )
