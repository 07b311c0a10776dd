"""Who holds the key to a door: by the RBAC objects, and by trying it as somebody else."""

import pytest

from netproof.bypass.key_holders import of_door
from netproof.fixtures.doors import Restrict, TryDoor
from netproof.model.doors import FACTS, Door, DoorResult, DoorState, Grant
from netproof.run.worker import Worker

pytestmark = pytest.mark.usefixtures("enforcing")

FORWARD = "pods/portforward"

CREATE_NEEDED_SINCE = 35
"""Kubernetes 1.35: AuthorizePodWebsocketUpgradeCreatePermission is on by default."""


def _refused(seen: DoorResult) -> str:
    """Say where somebody got in whom RBAC keeps out, or was kept out by something else."""
    if seen.leads_out or (seen.state is DoorState.CLOSED and "403" in seen.evidence):
        return ""
    return f"{seen.door} is {seen.state} for {seen.user}: {seen.evidence}"


def _let_in(seen: DoorResult) -> str:
    """Say where somebody was kept out who has the key."""
    if seen.state is DoorState.OPEN:
        return ""
    return f"{seen.door} is {seen.state} for {seen.user}: {seen.evidence}"


def _minor(version: str) -> int:
    """Return the 35 of `v1.35.0`."""
    return int(version.split(".")[1])


def test_who_holds_the_keys(keys: tuple[Grant, ...]) -> None:
    """Somebody does, everywhere: a cluster without administrators there is not."""
    assert any(not grant.namespace for grant in of_door(keys, Door.PORT_FORWARD_POD))


@pytest.mark.parametrize("door", [door for door in Door if FACTS[door].permissions], ids=str)
def test_without_the_key_the_door_is_shut(doors: TryDoor, restricted: Restrict, door: Door) -> None:
    """Who may read pods and Services and nothing else gets into none of them."""
    doors(door, user=restricted(), judge=_refused)


def test_with_the_key_the_door_is_open(doors: TryDoor, restricted: Restrict) -> None:
    """`create` and `get` on pods/portforward are all it takes, the control for what is refused."""
    (ours,) = doors(Door.PORT_FORWARD_POD)
    if ours.state is not DoorState.OPEN:
        pytest.skip(f"port-forward is shut on this cluster: {ours.evidence}")
    user = restricted(("create", FORWARD), ("get", FORWARD))
    doors(Door.PORT_FORWARD_POD, user=user, judge=_let_in)


@pytest.mark.parametrize("door", [Door.PORT_FORWARD_POD, Door.EXEC, Door.ATTACH], ids=str)
def test_get_alone_does_not_open_it(
    doors: TryDoor, restricted: Restrict, worker: Worker, door: Door
) -> None:
    """A WebSocket is a GET; since Kubernetes 1.35 it needs `create` all the same (KEP-4006).

    Before, it opened the door: that is put on record and fails nothing.
    """
    needed = _minor(worker.client.version()) >= CREATE_NEEDED_SINCE
    user = restricted(("get", FACTS[door].permissions[0].resource))
    doors(door, user=user, judge=_refused if needed else lambda _: "")
