"""Policies only add up: no order, no priority, no way to take back what another allows."""

import pytest

from netproof.fixtures.policies import Enforce

pytestmark = pytest.mark.usefixtures("enforcing")


def test_stacked(enforce: Enforce) -> None:
    """What any of the policies that select a pod allows is allowed."""
    enforce(
        "stacked",
        allowed=[
            "production/api -> production/postgres:5432/TCP",
            "staging/* -> production/postgres:9100",
            "staging/* -> production/api:9100",
            "production/web -> production/postgres",
        ],
        denied=["staging/* -> production/web", "production/api -> production/postgres:80"],
    )


def test_allow_all_wins(enforce: Enforce) -> None:
    """Where one policy denies all and one allows all, all is allowed."""
    enforce(
        "allow-all-wins",
        allowed=["* -> *"],
    )


def test_allow_all_egress_wins(enforce: Enforce) -> None:
    """The same on the way out."""
    enforce(
        "allow-all-egress-wins",
        allowed=["* -> *"],
    )


def test_rules_do_not_mix(enforce: Enforce) -> None:
    """The peers of one rule do not get the ports of another."""
    enforce(
        "rules-do-not-mix",
        allowed=[
            "production/web -> production/api:80/TCP",
            "production/postgres -> production/api:5432",
        ],
        denied=[
            "production/web -> production/api:5432",
            "production/postgres -> production/api:80/TCP",
        ],
    )


def test_same_peer_twice(enforce: Enforce) -> None:
    """A peer of two policies gets the ports of both, and what a rule beside them gives everyone."""
    enforce(
        "same-pair-twice",
        allowed=[
            "* -> production/api:9100",
            "production/web -> production/api:80/TCP",
            "production/web -> production/api:9200",
        ],
        denied=[
            "production/web -> production/api:5432",
            "production/postgres -> production/api:80",
        ],
    )
