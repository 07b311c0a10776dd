"""Policies outlive the pods they select."""

import pytest

from fixtures.policies import Enforce
from netproof.run.changes import Restart
from netproof.run.scenario import After

pytestmark = pytest.mark.usefixtures("enforcing")


def test_restarted_pod_stays_guarded(enforce: Enforce) -> None:
    """A pod that is deleted and created anew under a policy is guarded by it again."""
    enforce(
        "postgres-guarded",
        then=[After(Restart("production/postgres")), After(Restart("production/api"))],
        allowed=["production/api -> production/postgres"],
        denied=["production/web -> production/postgres", "staging/api -> production/postgres"],
    )
