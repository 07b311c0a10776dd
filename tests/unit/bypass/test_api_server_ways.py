"""What the API server says through a door, read as an answer: its own no, silence, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from netproof.bypass import api_server_ways
from netproof.bypass.attempts import Means, result_of
from netproof.cluster.streams.connections import Proxied
from netproof.errors import ProbeError, StreamRefusedError
from netproof.model.doors import DoorState
from netproof.model.workload import Pod, Port
from netproof.probe import agent
from netproof.probe.messages import agent_key

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
        lambda: api_server_ways._proxy(means, "pods", ("a", "b"), 80, ["a/b"]), means.server_answers
    )
    assert (state, silent) == (result.state, result.silent)


SECRET, RUN = "the run's own", "run1"


def _said(nonce: str, key: str, secret: str = SECRET) -> bytes:
    """Return what is said in the name of the pod by who has some key."""
    proof = agent.proof(bytes.fromhex(agent_key(secret, key, RUN)), nonce.encode())
    said = {"identity": POD.key, "nonce": nonce, "from": "10.0.0.1", "proof": proof}
    return json.dumps(said).encode()


FORGED: dict[str, Callable[[str], bytes]] = {
    "another pod of the run": lambda nonce: _said(nonce, "staging/stranger"),
    "a pod of another run": lambda nonce: _said(nonce, POD.key, "another secret"),
    "whoever has no key": lambda nonce: json.dumps(
        {"identity": POD.key, "nonce": nonce, "from": "x"}
    ).encode(),
    "another pod as itself": lambda nonce: _said(nonce, "staging/stranger").replace(
        POD.key.encode(), b"staging/stranger"
    ),
    "the pod, asked before": lambda _: _said("0" * 32, POD.key),
}


@pytest.mark.parametrize(
    ("said", "state"),
    [(partial(_said, key=POD.key), DoorState.OPEN), *((f, UNDETERMINED) for f in FORGED.values())],
    ids=["the pod", *FORGED],
)
def test_only_the_pods_own_proof_opens_a_door(
    said: Callable[[str], bytes], state: DoorState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers in its place, with the nonce that was sent, shows nothing."""
    worker: Any = SimpleNamespace(
        client=SimpleNamespace(ref=SimpleNamespace(secret=SECRET)),
        naming=SimpleNamespace(run_id=RUN),
    )
    anything: Any = Anything()
    monkeypatch.setattr(Means, "patience_s", 1.0)
    monkeypatch.setattr(api_server_ways, "Client", Anything)
    monkeypatch.setattr(
        api_server_ways,
        "fetch_proxied",
        lambda *_, path, **__: Proxied(200, said(path.rpartition("/")[2]), ""),
    )
    means = Means(worker, anything)
    result = result_of(
        lambda: api_server_ways._proxy(means, "pods", ("np", "postgres"), 80, [POD.key]), Anything
    )
    assert state is result.state, result


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
