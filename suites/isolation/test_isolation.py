"""A policy isolates the pods it selects, in the directions it names, and nobody else."""

import pytest

from netproof.fixtures.policies import Enforce

pytestmark = pytest.mark.usefixtures("enforcing")


def test_default_deny_ingress(enforce: Enforce) -> None:
    """Nothing enters the namespace; what leaves it is not touched."""
    enforce(
        "default-deny-ingress",
        denied=["staging/* -> production/*", "production/web -> production/api"],
        allowed=["production/* -> staging/*", "staging/web -> staging/api"],
    )


def test_default_deny_all(enforce: Enforce) -> None:
    """Nothing enters the namespace and nothing leaves it, by TCP and by UDP."""
    enforce(
        "default-deny-all",
        denied=["* -> production/*", "production/* -> *"],
        allowed=["staging/* -> ingress-nginx/*", "ingress-nginx/* -> staging/*:8125/UDP"],
    )


def test_allow_all_ingress(enforce: Enforce) -> None:
    """An empty rule allows every source and every port."""
    enforce("allow-all-ingress", allowed=["* -> *"])


def test_namespace_isolation(enforce: Enforce) -> None:
    """Staging does not reach production; production and the ingress controller do."""
    enforce(
        "namespace-isolation",
        denied=["staging/* -> production/*"],
        allowed=[
            "production/* -> production/*",
            "ingress-nginx/* -> production/*",
            "production/* -> staging/*",
        ],
    )


def test_one_pod(enforce: Enforce) -> None:
    """A policy on one pod leaves its neighbours and its namesake alone."""
    enforce(
        "one-pod",
        allowed=["* -> production/web", "* -> staging/api", "production/api -> production/web"],
        denied=["* -> production/api"],
    )


def test_egress_only(enforce: Enforce) -> None:
    """With Egress alone, everything may still come in."""
    enforce(
        "egress-only",
        allowed=["staging/* -> production/*", "ingress-nginx/* -> production/*"],
        denied=["production/* -> *"],
    )


def test_both_sides(enforce: Enforce) -> None:
    """A flow needs the leave of its source and of its destination."""
    enforce(
        "both-sides",
        denied=[
            "production/postgres -> production/api",
            "production/postgres -> production/web",
            "staging/api -> production/web",
        ],
    )


def test_default_types(enforce: Enforce) -> None:
    """Without policyTypes an egress rule isolates for egress, and ingress always is."""
    enforce(
        "default-types",
        allowed=["production/api -> production/web"],
        denied=["* -> production/api", "production/api -> production/postgres"],
    )


def test_default_types_empty_egress(enforce: Enforce) -> None:
    """Without policyTypes an empty list of egress rules isolates nothing that leaves."""
    enforce(
        "default-types-empty-egress",
        allowed=["production/api -> production/*", "production/api -> staging/*"],
        denied=["* -> production/api"],
    )


def test_allow_all_egress(enforce: Enforce) -> None:
    """An empty egress rule lets everything out."""
    enforce(
        "allow-all-egress",
        allowed=["* -> *"],
    )


def test_ingress_and_egress(enforce: Enforce) -> None:
    """Rules for both directions in one policy do not get mixed up."""
    enforce(
        "ingress-and-egress",
        allowed=["production/web -> production/api", "production/api -> production/postgres"],
        denied=["production/postgres -> production/api", "production/api -> production/web"],
    )


def test_ingress_and_egress_among_its_own(enforce: Enforce) -> None:
    """What its own ingress rules let in is not let out by that, nor the other way round."""
    enforce(
        "ingress-and-egress-among-its-own",
        allowed=["staging/web -> production/*:80/TCP", "production/* -> staging/api:5432"],
        denied=["production/* -> production/*"],
    )


def test_two_namespaces(enforce: Enforce) -> None:
    """Policies of one name in two namespaces act each in its own."""
    enforce(
        "two-namespaces",
        allowed=["production/web -> production/api", "staging/postgres -> staging/api"],
        denied=[
            "production/postgres -> production/api",
            "staging/web -> staging/api",
            "staging/web -> production/api",
        ],
    )
