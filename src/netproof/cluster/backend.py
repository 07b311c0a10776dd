"""The Protocol behind which every way to get a cluster stands, and what it hands over."""

from __future__ import annotations

from typing import Protocol

from netproof.cluster.outside import OutsidePlace
from netproof.cluster.placement import ANYWHERE, PodOptions
from netproof.cluster.profiles.declaration import Capabilities, Support
from netproof.model.doors import Stance
from netproof.model.known_gap import KnownGap
from netproof.model.record import AS_DECLARED, ClusterRecord
from netproof.model.value import Value

GONE_AFTER_S = 60.0
"""Without an answer; an API server that restarts on a busy machine is back within half of it."""


class ClusterRef(Value):
    """A kubeconfig and what its cluster can do: all that a test worker needs to know of it.

    `outside_node` is the name of the Node object whose hostNetwork pods stand outside the cluster
    network (the lab has one), empty where there is none; `outside` is how a host outside is reached
    that is no pod, None where there is none. `probe_timeout_s` is how long an
    unanswered packet is waited for there, `converge_s` how long a change of policies may take
    there, unless the person running it says otherwise. `pods` is how probe pods fit in, `gaps`
    are what its CNI is documented not to do, `capabilities` what it can do at all. `stance` says
    what is expected there of the doors that policies do not guard. `secret` is the run's own: by it
    agents prove that it is they who speak. `gone_after_s` is how long its API server may give no
    answer until it is given up.
    """

    kind: str
    name: str
    kubeconfig: str
    context: str = ""
    dataplane: str = ""
    enforces: bool = True
    outside_node: str = ""
    outside: OutsidePlace | None = None
    probe_timeout_s: float = 1.0
    converge_s: float = 30.0
    pods: PodOptions = ANYWHERE
    gaps: tuple[KnownGap, ...] = ()
    capabilities: Capabilities = Capabilities()
    stance: Stance = Stance.REPORT
    secret: str = ""
    gone_after_s: float = GONE_AFTER_S

    @property
    def starts_again(self) -> bool:
        """Tell whether its API server may end and be back; that of a lab ends with its lab."""
        return self.kind != "lab"

    @property
    def has_our_python(self) -> bool:
        """Tell whether its pods run the interpreter that runs this."""
        return self.kind == "lab"

    def why_no_sctp(self) -> str:
        """Return why cases that send SCTP cannot be tried here, "" where they can."""
        support = self.capabilities.sctp
        if support not in (Support.UNSUPPORTED, Support.OPT_IN):
            return ""
        declared = f"capabilities.sctp is {support}{AS_DECLARED}"
        return f"{self.dataplane} does not filter SCTP as it is installed: {declared}"

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


class ClusterBackend(Protocol):
    """A way to get a cluster.

    `start` returns when the API answers, and raises ClusterError otherwise; `stop` is idempotent
    and leaves nothing behind that `start` made.
    """

    def start(self) -> ClusterRef: ...

    def stop(self) -> None: ...
