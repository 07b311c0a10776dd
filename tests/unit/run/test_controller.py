"""What the owner of a run gives back."""

from __future__ import annotations

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.errors import ClusterError, UsageError
from netproof.run import controller
from netproof.run.controller import Controller
from netproof.run.scenario import Wishes


class Cluster:
    """A cluster that is there until it is stopped, though its kubeconfig is not."""

    def __init__(self) -> None:
        self.is_there = False

    def start(self) -> ClusterRef:
        self.is_there = True
        return ClusterRef("existing", "nowhere", "/no/such/kubeconfig")

    def stop(self) -> None:
        self.is_there = False


class Connection:
    """A client that reads no kubeconfig, finds nothing, and notes whether it is open."""

    made: list[Connection]

    def __init__(self, ref: ClusterRef) -> None:
        self.ref = ref
        self.is_open = True
        self.made.append(self)

    def list(self, kind: str, *, labels: str) -> list[str]:
        del kind, labels
        return []

    def close(self) -> None:
        self.is_open = False


def test_a_failed_start_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that got half way closes the connection and ends the cluster, unasked."""
    Connection.made = []
    monkeypatch.setattr(controller, "Client", Connection)
    cluster = Cluster()
    owner = Controller(cluster, "run1", Wishes("python"))
    with pytest.raises(UsageError, match="/no/such/kubeconfig"):
        owner.start()
    assert [False, False] == [cluster.is_there, Connection.made[0].is_open]
    owner.stop()
    assert [False, False] == [cluster.is_there, Connection.made[0].is_open]


class HalfWay:
    """A canary's worker that deploys a part, then fails, and cannot remove it either."""

    closed = 0

    def __init__(self, *_: object) -> None: ...

    def deploy(self, _: object) -> None:
        raise ClusterError("creating Pod canary/friend: forbidden (403)", 403)

    def close(self) -> None:
        type(self).closed += 1
        raise ClusterError("deleting Namespace: the API server cannot be reached")


def test_a_canary_that_fails_half_way_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fleet is removed, the cluster ends though that fails, and both errors are said."""
    Connection.made, HalfWay.closed = [], 0
    monkeypatch.setattr(controller, "Client", Connection)
    monkeypatch.setattr(controller, "Worker", HalfWay)
    cluster = Cluster()
    with pytest.raises(ClusterError) as raised:
        Controller(cluster, "run1", Wishes("python")).start()
    assert (1, False, False) == (HalfWay.closed, cluster.is_there, Connection.made[0].is_open)
    assert "forbidden (403)" in str(raised.value)
    assert "the API server cannot be reached" in str(raised.value)
    assert 403 == raised.value.status


class Stubborn(Connection):
    """A client that cannot list what is to be removed."""

    def list(self, kind: str, *, labels: str) -> list[str]:
        raise ClusterError(f"listing {kind} {labels}: refused")


class Unreachable(HalfWay):
    """A canary's worker that cannot even begin."""

    def __init__(self, *_: object) -> None:
        raise ClusterError("the canary")


def test_agents_that_cannot_be_removed_do_not_keep_the_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every part of the end is tried: the connection is closed and the cluster ends."""
    Connection.made = []
    monkeypatch.setattr(controller, "Client", Stubborn)
    cluster = Cluster()
    monkeypatch.setattr(controller, "Worker", Unreachable)
    with pytest.raises(ClusterError) as raised:
        Controller(cluster, "run1", Wishes("python")).start()
    assert "the canary; at the end: listing" in str(raised.value)
    assert 2 == str(raised.value).count(": refused")
    assert [False, False] == [cluster.is_there, Connection.made[0].is_open]
