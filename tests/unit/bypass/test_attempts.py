"""What stands in the way of a door, read as an answer."""

from __future__ import annotations

import pytest

from netproof.bypass.attempts import TryResult, result_of
from netproof.errors import (
    ClusterError,
    PortClosedError,
    ProbeError,
    StreamCutError,
    StreamRefusedError,
    UnreachableError,
)
from netproof.model.doors import DoorState

CLOSED, UNDETERMINED = DoorState.CLOSED, DoorState.UNDETERMINED


@pytest.mark.parametrize(
    ("error", "state", "silent"),
    [
        (StreamRefusedError("forbidden (403)", 403), CLOSED, False),
        (StreamRefusedError("who are you (401)", 401), CLOSED, False),
        (StreamRefusedError("bad request (400)", 400), UNDETERMINED, False),
        (StreamRefusedError("no such pod (404)", 404), UNDETERMINED, False),
        (StreamRefusedError("Debug endpoints are disabled. (405)", 405), CLOSED, False),
        (StreamRefusedError("it broke (500)", 500), UNDETERMINED, False),
        (StreamRefusedError("try later (503)", 503), UNDETERMINED, False),
        (StreamRefusedError("unreachable"), UNDETERMINED, False),
        (PortClosedError("connection refused"), CLOSED, True),
        (TimeoutError("no answer in time"), CLOSED, True),
        (StreamCutError("broke off"), UNDETERMINED, False),
        (ProbeError("Handshake status 403 Forbidden"), UNDETERMINED, False),
        (ProbeError("answered with another nonce"), UNDETERMINED, False),
        (ClusterError("the run itself may not create pods (403)", 403), UNDETERMINED, False),
        (ClusterError("the API server cannot be reached"), UNDETERMINED, False),
    ],
    ids=lambda value: str(value) if isinstance(value, Exception) else "",
)
def test_what_went_wrong_is_read(error: Exception, state: DoorState, silent: bool) -> None:
    """A refusal is a closed door, silence may be one, and the rest is unknown."""

    def attempt() -> TryResult:
        raise error

    assert TryResult(state, str(error), silent=silent) == result_of(attempt, lambda: "v1")


def test_a_door_that_a_stalled_server_stood_before_was_not_tried() -> None:
    """Silence tells nothing of the door where the API server itself gives no answer."""

    def attempt() -> TryResult:
        raise TimeoutError("no answer in 2 s")

    def stalled() -> object:
        raise UnreachableError("version: no whole answer in time")

    seen = result_of(attempt, stalled)
    assert (UNDETERMINED, False) == (seen.state, seen.silent)
    assert "the API server did not answer either: version" in seen.evidence


def test_silence_is_tried_again_once_the_server_answers() -> None:
    """What a stall kept from answering is open when it is tried after it."""
    answers = [TryResult(DoorState.OPEN, "answered", "n/a")]
    stall = [TimeoutError("no answer in 2 s")]

    def attempt() -> TryResult:
        if stall:
            raise stall.pop()
        return answers[0]

    assert answers[0] == result_of(attempt, lambda: "v1")


def test_a_fault_of_our_own_is_not_hidden() -> None:
    """Only what the world does is an answer."""

    def attempt() -> TryResult:
        raise KeyError("port")

    with pytest.raises(KeyError):
        result_of(attempt, lambda: "v1")
