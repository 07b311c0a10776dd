"""What a try under policies is worth beside the same one without."""

from __future__ import annotations

import pytest

from netproof.bypass.attempts import TryResult, Way
from netproof.bypass.trial import _from_others, _result
from netproof.model.doors import Door, DoorState
from netproof.model.workload import Listens, Pod, Port, Topology

OPEN, CLOSED, UNDETERMINED = DoorState.OPEN, DoorState.CLOSED, DoorState.UNDETERMINED

ANSWERED = TryResult(OPEN, "answered", "production/postgres")
REFUSED = TryResult(CLOSED, "forbidden (403)")
SILENT = TryResult(CLOSED, "no answer", silent=True)
BROKEN = TryResult(UNDETERMINED, "broke off")


@pytest.mark.parametrize(
    ("control", "seen", "state", "of_control"),
    [
        (ANSWERED, ANSWERED, OPEN, OPEN),
        (ANSWERED, SILENT, CLOSED, OPEN),
        (ANSWERED, REFUSED, CLOSED, OPEN),
        (ANSWERED, BROKEN, UNDETERMINED, OPEN),
        (SILENT, ANSWERED, OPEN, UNDETERMINED),
        (SILENT, SILENT, UNDETERMINED, UNDETERMINED),
        (BROKEN, SILENT, UNDETERMINED, UNDETERMINED),
        (REFUSED, REFUSED, CLOSED, CLOSED),
        (REFUSED, SILENT, UNDETERMINED, CLOSED),
    ],
)
def test_silence_needs_an_answer_before_it(
    control: TryResult, seen: TryResult, state: DoorState, of_control: DoorState
) -> None:
    """A refusal is one by itself; silence is a closed door only where there was an answer."""
    way = Way("production/postgres", "", lambda: seen)
    made = _result(Door.PORT_FORWARD_POD, way, control, seen, 0.1, "")
    assert (state, of_control) == (made.state, made.control)
    assert (seen.identity if state is OPEN else "") == made.identity


def _pod(key: str, listens: Listens = Listens.EVERYWHERE, *, host: bool = False) -> Pod:
    namespace, name = key.split("/")
    return Pod(
        namespace, name, {}, (Port(80),), "n", ("10.0.0.1",), host_network=host, listens=listens
    )


def test_isolation_is_seen_by_the_flows_of_all_others() -> None:
    """Those of hosts' pods left out, of which the API says nothing."""
    target = _pod("shop/db")
    topology = Topology(pods=(target, _pod("shop/web"), _pod("test/web"), _pod("x/h", host=True)))
    seen = {(flow.source.name, flow.destination.name) for flow in _from_others(topology, target)}
    assert {("shop/web", "shop/db"), ("test/web", "shop/db")} == seen


def test_neighbours_stand_in_for_a_pod_that_nobody_can_reach() -> None:
    """One on loopback only is silent without policies too, which would prove nothing."""
    target = _pod("shop/db", Listens.LOOPBACK)
    topology = Topology(pods=(target, _pod("shop/web"), _pod("test/web")))
    seen = {(flow.source.name, flow.destination.name) for flow in _from_others(topology, target)}
    assert {("shop/db", "shop/web"), ("test/web", "shop/web")} == seen
