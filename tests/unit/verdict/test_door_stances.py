"""Doors as data, and what is expected of them."""

import pytest

from netproof.model.doors import (
    FACTS,
    OUTWARDS,
    Door,
    DoorResult,
    DoorState,
    Stance,
)
from netproof.model.value import replace
from netproof.verdict import contradiction

OPEN, CLOSED, UNDETERMINED = DoorState.OPEN, DoorState.CLOSED, DoorState.UNDETERMINED


def seen(state: DoorState, door: Door = Door.PORT_FORWARD_POD) -> DoorResult:
    return DoorResult(door, "production/postgres", state, evidence="what was seen")


@pytest.mark.parametrize("door", list(Door))
def test_of_every_door_it_is_known_what_guards_it(door: Door) -> None:
    """And what to do instead of leaving it open."""
    assert FACTS[door].guard
    assert FACTS[door].instead


@pytest.mark.parametrize("state", list(DoorState))
@pytest.mark.parametrize("door", list(Door))
def test_a_report_is_contradicted_by_nothing(door: Door, state: DoorState) -> None:
    """Not by what could not be told either."""
    assert not contradiction(seen(state, door), Stance.REPORT)


@pytest.mark.parametrize(
    ("stance", "state", "agrees"),
    [
        (Stance.EXPECT_OPEN, OPEN, True),
        (Stance.EXPECT_OPEN, CLOSED, False),
        (Stance.EXPECT_OPEN, UNDETERMINED, False),
        (Stance.EXPECT_CLOSED, CLOSED, True),
        (Stance.EXPECT_CLOSED, OPEN, False),
        (Stance.EXPECT_CLOSED, UNDETERMINED, False),
    ],
)
def test_what_is_expected_is_compared(stance: Stance, state: DoorState, agrees: bool) -> None:
    """Undetermined equals no expectation."""
    assert agrees is not bool(contradiction(seen(state), stance))


@pytest.mark.parametrize("stance", list(Stance))
@pytest.mark.parametrize("door", [Door.EXEC, Door.HOST_NETWORK, Door.NODE, Door.NODE_PORT])
def test_what_the_network_decides_is_only_reported(door: Door, stance: Stance) -> None:
    """And exec, without which netproof itself would see nothing."""
    assert not any(contradiction(seen(state, door), stance) for state in DoorState)


@pytest.mark.parametrize("stance", list(Stance))
def test_what_gets_out_of_an_isolated_pod_is_a_leak(stance: Stance) -> None:
    """An ephemeral container has the pod's policies, whatever is expected of the door."""
    out = replace(seen(OPEN, Door.EPHEMERAL), by=f"{OUTWARDS}, to staging/web")
    assert "the policy of production/postgres does not hold" in contradiction(out, stance)
    assert not contradiction(replace(out, state=CLOSED), stance)


def test_a_contradiction_says_what_was_seen() -> None:
    """Door, target, what was expected and the evidence."""
    expected = (
        "port-forward to the pod of production/postgres is expected to be closed and is open: "
        "what was seen"
    )
    assert expected == contradiction(seen(OPEN), Stance.EXPECT_CLOSED)
