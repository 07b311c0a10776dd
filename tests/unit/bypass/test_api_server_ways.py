"""What the API server says through a door, read as an answer: its own no, silence, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from netproof.bypass import api_server_ways
from netproof.bypass.attempts import Means, result_of
from netproof.cluster.streams.connections import Proxied
from netproof.errors import ProbeError, StreamRefusedError
from netproof.model.doors import DoorState
from netproof.model.workload import Pod, Port

CLOSED, UNDETERMINED = DoorState.CLOSED, DoorState.UNDETERMINED
POD = Pod("production", "postgres", {}, (Port(5432),))


class Anything:
    """Stands for whatever is not asked here."""

    def __init__(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return Anything()

    def __call__(self, *_: object, **__: object) -> Any:
        return ("np-run-w0-production", "postgres")


@pytest.fixture
def means(monkeypatch: pytest.MonkeyPatch) -> Means:
    """Return means that reach nothing."""
    nothing: Any = Anything()
    monkeypatch.setattr(api_server_ways, "Client", Anything)
    monkeypatch.setattr(Means, "patience_s", 1.0)
    return Means(nothing, nothing)


@pytest.mark.parametrize(
    ("status", "said", "state", "silent"),
    [
        (403, "pods is forbidden", CLOSED, False),
        (401, "Unauthorized", CLOSED, False),
        (400, "bad request", UNDETERMINED, False),
        (404, "pods not found", UNDETERMINED, False),
        (500, "No agent available", UNDETERMINED, False),
        (503, "error trying to reach service: i/o timeout", CLOSED, True),
        (403, "", UNDETERMINED, False),
        (200, "", UNDETERMINED, False),
    ],
)
def test_an_answer_of_the_proxy(
    status: int,
    said: str,
    state: DoorState,
    silent: bool,
    means: Means,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Closed is what the API server refuses, silent what it did not reach; the rest says nothing.

    An answer without a proof of who gave it, or without a word of the API server, is neither.
    """
    monkeypatch.setattr(
        api_server_ways, "fetch_proxied", lambda *_, **__: Proxied(status, b"{}", said)
    )
    result = result_of(
        lambda: api_server_ways._proxy(means, "pods", ("a", "b"), 80), means.server_answers
    )
    assert (state, silent) == (result.state, result.silent)


class RefusedChannel:
    """A channel to an agent whose stream the API server does not open, tried again and again."""

    status = 0

    def __init__(self, *_: object) -> None: ...

    def hello(self) -> None:
        refused = StreamRefusedError(f"exec: no ({self.status})", self.status)
        broken = ProbeError(str(refused))
        broken.__cause__ = refused
        raise ProbeError(str(broken)) from broken

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("status", "state"), [(403, CLOSED), (404, UNDETERMINED), (500, UNDETERMINED)]
)
def test_exec_is_refused_by_status(
    status: int, state: DoorState, means: Means, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status of the refusal is found behind the errors of the channel, not in their words."""
    monkeypatch.setattr(RefusedChannel, "status", status)
    monkeypatch.setattr(api_server_ways, "_channel", RefusedChannel)
    (way,) = api_server_ways.exec_in(means, POD, None)
    assert state is result_of(way.attempt, means.server_answers).state
