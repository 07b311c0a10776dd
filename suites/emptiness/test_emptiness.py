"""Empty is not missing, and neither is what people take it for."""

import pytest

from netproof.fixtures.policies import Enforce

pytestmark = pytest.mark.usefixtures("enforcing")


def test_ingress_missing(enforce: Enforce) -> None:
    """No list of ingress rules denies all that comes in."""
    enforce(
        "ingress-missing",
        allowed=["production/api -> production/web"],
        denied=["* -> production/api"],
    )


def test_ingress_empty(enforce: Enforce) -> None:
    """An empty list of ingress rules denies all that comes in."""
    enforce(
        "ingress-empty",
        allowed=["production/api -> production/web"],
        denied=["* -> production/api"],
    )


def test_egress_missing(enforce: Enforce) -> None:
    """No list of egress rules denies all that leaves."""
    enforce(
        "egress-missing",
        allowed=["production/web -> production/api"],
        denied=["production/api -> *"],
    )


def test_egress_empty(enforce: Enforce) -> None:
    """An empty list of egress rules denies all that leaves."""
    enforce(
        "egress-empty",
        allowed=["production/web -> production/api"],
        denied=["production/api -> *"],
    )


def test_from_missing(enforce: Enforce) -> None:
    """A rule without `from` lets every source in."""
    enforce(
        "from-missing",
        allowed=["* -> production/api:80/TCP"],
        denied=["* -> production/api:5432"],
    )


def test_from_empty(enforce: Enforce) -> None:
    """A rule with an empty `from` lets every source in: it is no denial."""
    enforce(
        "from-empty",
        allowed=["* -> production/api:80/TCP"],
        denied=["* -> production/api:5432"],
    )


def test_to_missing(enforce: Enforce) -> None:
    """A rule without `to` lets out to everywhere."""
    enforce(
        "to-missing",
        allowed=["production/api -> *:80/TCP"],
        denied=["production/api -> *:5432"],
    )


def test_to_empty(enforce: Enforce) -> None:
    """A rule with an empty `to` lets out to everywhere."""
    enforce(
        "to-empty",
        allowed=["production/api -> *:80/TCP"],
        denied=["production/api -> *:5432"],
    )


def test_ports_missing(enforce: Enforce) -> None:
    """A rule without `ports` opens all of them, for TCP and UDP."""
    enforce(
        "ports-missing",
        allowed=["production/web -> production/api"],
        denied=["production/postgres -> production/api"],
    )


def test_ports_empty(enforce: Enforce) -> None:
    """A rule with an empty list of ports opens all of them."""
    enforce(
        "ports-empty",
        allowed=["production/web -> production/api"],
        denied=["production/postgres -> production/api"],
    )


def test_egress_ports_empty(enforce: Enforce) -> None:
    """The same on the way out."""
    enforce(
        "egress-ports-empty",
        allowed=["production/api -> production/web"],
        denied=["production/api -> production/postgres"],
    )


def test_pod_selector_empty(enforce: Enforce) -> None:
    """An empty podSelector as a peer is all pods of the own namespace and no other."""
    enforce(
        "pod-selector-empty",
        allowed=["production/* -> production/api"],
        denied=["staging/* -> production/api"],
    )


def test_namespace_selector_empty(enforce: Enforce) -> None:
    """An empty namespaceSelector as a peer is everybody in the cluster."""
    enforce(
        "namespace-selector-empty",
        allowed=["* -> production/api"],
    )


def test_both_selectors_empty(enforce: Enforce) -> None:
    """Both selectors empty are everybody in the cluster."""
    enforce(
        "both-selectors-empty",
        allowed=["production/api -> *"],
    )
