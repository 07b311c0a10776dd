"""The Protocol behind which every way to get a cluster stands, and what it hands over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from netproof.cluster.placement import ANYWHERE, PodOptions
from netproof.cluster.profiles.gaps import KnownGap
from netproof.model import codec
from netproof.model.record import ClusterRecord


@dataclass(frozen=True, slots=True)
class ClusterRef:
    """A kubeconfig and what its cluster can do: all that a test worker needs to know of it.

    `outside_node` is the name of the Node object whose hostNetwork pods stand outside the cluster
    network (the lab has one), empty where there is none. `probe_timeout_s` is how long an
    unanswered packet is waited for there, `converge_s` how long a change of policies may take
    there, unless the person running it says otherwise. `pods` is how probe pods fit in, `gaps`
    are what its CNI is documented not to do. `stance` says what is expected there of the doors
    that policies do not guard (`Stance`).
    """

    kind: str
    name: str
    kubeconfig: str
    context: str = ""
    dataplane: str = ""
    enforces: bool = True
    outside_node: str = ""
    probe_timeout_s: float = 1.0
    converge_s: float = 30.0
    pods: PodOptions = ANYWHERE
    gaps: tuple[KnownGap, ...] = ()
    stance: str = "report"

    def to_json(self) -> dict[str, Any]:
        """Return the reference as plain values, for the trip to a test worker."""
        plain: dict[str, Any] = codec.to_plain(self)
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> ClusterRef:
        """Make the reference from what `to_json` returned."""
        pods = PodOptions.from_json(plain["pods"])
        gaps = tuple(KnownGap.from_json(gap) for gap in plain["gaps"])
        return cls(**{**plain, "pods": pods, "gaps": gaps})

    def record(self, version: str, nodes: tuple[str, ...]) -> ClusterRecord:
        """Describe the cluster for a report."""
        return ClusterRecord(
            kind=self.kind,
            name=self.name,
            version=version,
            nodes=nodes,
            dataplane=self.dataplane,
            enforces=self.enforces,
        )


class Backend(Protocol):
    """A way to get a cluster.

    `start` returns when the API answers, and raises ClusterError otherwise; `stop` is idempotent
    and leaves nothing behind that `start` made.
    """

    def start(self) -> ClusterRef: ...

    def stop(self) -> None: ...
