"""Who is let in: pods by label, namespaces by label, and both in one entry or in two."""

import pytest

from netproof.fixtures.policies import Enforce

pytestmark = pytest.mark.usefixtures("enforcing")


def test_api_to_postgres(enforce: Enforce) -> None:
    """The database is reached by the api of its own namespace, on its port and no other."""
    enforce(
        "api-to-postgres",
        allowed=["production/api -> production/postgres:5432/TCP", "* -> production/api"],
        denied=[
            "production/api -> production/postgres:80",
            "production/web -> production/postgres",
            "staging/api -> production/postgres:5432/TCP",
        ],
    )


def test_from_ingress_controller(enforce: Enforce) -> None:
    """The web tier is reached on port 80 from the ingress controller's namespace alone."""
    enforce(
        "from-ingress-controller",
        allowed=["ingress-nginx/* -> production/web:80/TCP", "staging/* -> staging/web"],
        denied=[
            "ingress-nginx/* -> production/web:80/UDP",
            "ingress-nginx/* -> production/web:5432",
            "production/api -> production/web",
        ],
    )


def test_and_or(enforce: Enforce) -> None:
    """Two selectors in one entry both have to match; of two entries one is enough."""
    enforce(
        "and-or",
        allowed=[
            "staging/web -> production/api",
            "staging/* -> production/postgres",
            "production/web -> production/postgres",
        ],
        denied=[
            "staging/api -> production/api",
            "production/web -> production/api",
            "production/api -> production/postgres",
        ],
    )


def test_expressions(enforce: Enforce) -> None:
    """In, NotIn, Exists and DoesNotExist, the negative ones also for what lacks the key."""
    enforce(
        "expressions",
        allowed=["ingress-nginx/* -> production/api", "production/web -> production/postgres"],
        denied=["staging/* -> production/api", "production/postgres -> production/api"],
    )
