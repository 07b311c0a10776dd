"""The end of a test worker."""

from __future__ import annotations

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError, ProbeError
from netproof.run import worker
from netproof.run.scenario import Settings
from netproof.run.worker import Worker


class Connection:
    """A client on whose cluster nothing is."""

    gone = False

    def __init__(self, ref: ClusterRef) -> None:
        self.ref = ref
        self.calls: list[str] = []

    def list(self, kind: str, *, labels: str) -> list[dict[str, dict[str, str]]]:
        self.calls.append(f"list {kind} {labels}")
        return [{"metadata": {"name": "np-run1-w0-shop"}}]

    def delete(self, kind: str, name: str) -> None:
        self.calls.append(f"delete {kind} {name}")
        raise ClusterError("deleting: the API server cannot be reached")

    def close(self) -> None:
        self.calls.append("close")


def test_a_prober_that_fails_to_close_does_not_keep_the_fleet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fleet is removed and the connection closed whatever failed before, and all is said."""
    monkeypatch.setattr(worker, "Client", Connection)
    made = Worker(ClusterRef("existing", "c", ""), Naming("run1", "w0"), Settings(1.0, 1.0, "i"))

    def broken() -> None:
        raise ProbeError("the stream to canary/friend broke")

    monkeypatch.setattr(made.prober, "close", broken)
    with pytest.raises(ClusterError, match="canary/friend broke; at the end: deleting: the API"):
        made.close()
    client: object = made.client
    assert isinstance(client, Connection)
    assert ["delete Namespace np-run1-w0-shop", "close"] == client.calls[1:]
