"""An ipBlock matches by address, whoever has it."""

import pytest

from netproof.fixtures.policies import Enforce

pytestmark = pytest.mark.usefixtures("enforcing")


def test_any_address(enforce: Enforce) -> None:
    """A block of all addresses lets a pod reach the other pods: the API makes no exception."""
    enforce("any-address", allowed=["production/api -> *", "* -> production/api"])
