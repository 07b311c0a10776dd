"""Namespaces as borders: one for itself, one for some, one for everybody."""

import pytest

from netproof.fixtures.policies import Enforce

pytestmark = pytest.mark.usefixtures("enforcing")


def test_only_staging_out(enforce: Enforce) -> None:
    """Production reaches staging and not itself."""
    enforce(
        "only-staging-out",
        allowed=["production/* -> staging/*", "ingress-nginx/* -> production/*"],
        denied=["production/web -> production/api", "production/* -> ingress-nginx/*"],
    )


def test_strict(enforce: Enforce) -> None:
    """A namespace keeps to itself in both directions."""
    enforce(
        "strict",
        allowed=["production/* -> production/*", "staging/* -> ingress-nginx/*"],
        denied=["staging/* -> production/*", "production/* -> staging/*"],
    )


def test_one_team(enforce: Enforce) -> None:
    """A label that two namespaces share lets both in."""
    enforce(
        "one-team",
        allowed=["staging/* -> production/*", "production/* -> production/*"],
        denied=["ingress-nginx/* -> production/*"],
    )


def test_pod_across_namespaces(enforce: Enforce) -> None:
    """One app is let in from whatever namespace it runs in."""
    enforce(
        "pod-across-namespaces",
        allowed=["production/api -> production/postgres", "staging/api -> production/postgres"],
        denied=["production/web -> production/postgres", "staging/web -> production/postgres"],
    )


def test_everything_everywhere(enforce: Enforce) -> None:
    """With a policy in every namespace none of them reaches another."""
    enforce(
        "everything-everywhere",
        allowed=[
            "production/web -> production/api",
            "staging/web -> staging/api",
            "ingress-nginx/certs -> ingress-nginx/controller",
        ],
        denied=[
            "production/* -> staging/*",
            "staging/* -> ingress-nginx/*",
            "ingress-nginx/* -> production/*",
        ],
    )
