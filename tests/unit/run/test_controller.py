"""What the owner of a run gives back."""

from __future__ import annotations

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.errors import UsageError
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
    """After a start that got half way, `stop` closes the connection and ends the cluster."""
    Connection.made = []
    monkeypatch.setattr(controller, "Client", Connection)
    cluster = Cluster()
    owner = Controller(cluster, "run1", Wishes("python"))
    with pytest.raises(UsageError, match="/no/such/kubeconfig"):
        owner.start()
    assert [True, True] == [cluster.is_there, Connection.made[0].is_open]
    owner.stop()
    assert [False, False] == [cluster.is_there, Connection.made[0].is_open]
