"""What an outcome amounts to."""

import pytest

from netproof.model.flow import Connectivity, Observation, Outcome

TABLE = [
    (Observation(Outcome.CONNECTED), Connectivity.ALLOWED, True),
    (Observation(Outcome.DROPPED), Connectivity.DENIED, False),
    (Observation(Outcome.DROPPED, arrived=False), Connectivity.DENIED, False),
    (Observation(Outcome.REJECTED), Connectivity.DENIED, False),
    (Observation(Outcome.UNRESOLVED), Connectivity.UNKNOWN, False),
    (Observation(Outcome.ERROR), Connectivity.UNKNOWN, False),
    (Observation(Outcome.DROPPED, arrived=True), Connectivity.UNKNOWN, True),
]


@pytest.mark.parametrize(("seen", "connectivity", "leaked"), TABLE)
def test_outcomes_amount_to_connectivity(
    seen: Observation, connectivity: Connectivity, leaked: bool
) -> None:
    """Only a drop or a rejection is a denial, and only where nothing arrived."""
    assert (connectivity, leaked) == (seen.connectivity, seen.leaked)
