"""Both addresses of a pod are guarded alike."""

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows

pytestmark = pytest.mark.usefixtures("enforcing")


@pytest.mark.usefixtures("both_families")
def test_deny(enforce: Enforce) -> None:
    """A denial holds by IPv4 and by IPv6."""
    enforce(
        "deny",
        flows=flows.pod_flows,
        allowed=["production/* -> staging/*:80 IPv4", "production/* -> staging/*:80 IPv6"],
        denied=["staging/* -> production/*:80 IPv4", "staging/* -> production/*:80 IPv6"],
    )


@pytest.mark.usefixtures("both_families")
def test_web_to_api(enforce: Enforce) -> None:
    """A rule with selectors opens both addresses of a pod."""
    enforce(
        "web-to-api",
        flows=flows.pod_flows,
        allowed=[
            "production/web -> production/api:80/TCP IPv4",
            "production/web -> production/api:80/TCP IPv6",
        ],
        denied=[
            "production/postgres -> production/api:80/TCP IPv4",
            "production/postgres -> production/api:80/TCP IPv6",
        ],
    )
