"""What trying a door is made of: means, a way, what came of it, and errors read as answers.

A try says what it saw and proves who answered; what that is worth beside the try without policies
is for `trial` to say. Whatever stands in the way is an answer, never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet.fleet import Fleet
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError, PortClosedError, ProbeError, StreamRefusedError
from netproof.model import workload
from netproof.model.doors import DoorState
from netproof.model.flow import Endpoint, Flow
from netproof.model.matrix import JudgedStep
from netproof.model.workload import Pod, Service, Topology
from netproof.policy import Bundle, NetworkPolicy
from netproof.probe.identity import proven
from netproof.probe.messages import KeyRing
from netproof.probe.runner import Prober
from netproof.timelimit import within

OPEN, CLOSED, UNDETERMINED = DoorState.OPEN, DoorState.CLOSED, DoorState.UNDETERMINED

PATIENCE = 10
"""Time-outs of a probe that an answer through the API server may take: it has far more hops."""

LEAST_S = 2.0
"""Of such an answer, where a probe's time-out is that of a lab."""

REFUSED = (401, 403, 405)
"""HTTP's statuses that say no; any other says nothing of the door.

401 and 403 are the API server's own; 405 it hands on from a kubelet whose debugging handlers are
switched off (KubeletConfiguration.enableDebuggingHandlers), which opens to nobody.
"""


class TrialSettings(Protocol):
    """How long the fleet's probes wait, and what its pods run."""

    @property
    def probe_timeout_s(self) -> float: ...

    @property
    def image(self) -> str: ...


class TrialFleet(Protocol):
    """What a trial needs of a fleet of probe pods and of who looks at it."""

    client: Client
    naming: Naming
    fleet: Fleet
    prober: Prober
    topology: Topology

    @property
    def settings(self) -> TrialSettings: ...

    def look(
        self, name: str, policies: Sequence[NetworkPolicy], flows: Sequence[Flow]
    ) -> JudgedStep: ...

    def with_policies(self, bundle: Bundle) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class TryResult:
    """What one try showed; `silent` where nobody answered, which is a no only beside a yes.

    Silence is a closed door where the same try was answered without policies.
    """

    state: DoorState
    evidence: str
    identity: str = ""
    silent: bool = False


Try = Callable[[], TryResult]


@dataclass(frozen=True, slots=True)
class Means:
    """What doors are tried with: whose rights (`ref`), on whose fleet, and for how long."""

    worker: TrialFleet
    ref: ClusterRef

    @property
    def patience_s(self) -> float:
        """How long an answer through the API server may take, in seconds."""
        return max(LEAST_S, PATIENCE * self.worker.settings.probe_timeout_s)

    @property
    def keys(self) -> KeyRing:
        """The keys of the fleet's agents, which are made by the run's own rights."""
        return KeyRing(self.worker.naming.run_id, self.worker.client.ref.secret)

    def server_answers(self) -> object:
        """Ask the API server itself for what everybody may know; raise ClusterError or so."""
        with within(self.patience_s):
            return self.worker.client.version()

    def proven(self, answer: bytes, nonce: str, *wanted: str) -> tuple[str, str]:
        """Return which of the pods wanted gave an answer, and as whom it saw us.

        Raises ProbeError where none of them proves by its key that it did.
        """
        return proven(answer, nonce, wanted=wanted, keys=self.keys)

    def answered(self, answer: bytes, nonce: str, *wanted: str) -> TryResult:
        """Return that one of the pods wanted answered, by its proof."""
        identity, client_seen = self.proven(answer, nonce, *wanted)
        return TryResult(OPEN, f"answered, and saw its client as {client_seen}", identity)

    def behind(self, service: Service) -> tuple[str, ...]:
        """Return the pods that a Service leads to."""
        return tuple(pod.key for pod in self.worker.topology.backends(service))

    def name(self, pod: Pod) -> tuple[str, str]:
        """Return a pod's namespace and name in the cluster."""
        return self.worker.fleet.locate(Endpoint.pod(pod.key))


@dataclass(frozen=True, slots=True)
class Way:
    """One way through a door: to what, how told apart from others, and the try."""

    target: str
    by: str
    attempt: Try


def result_of(attempt: Try, server_answers: Callable[[], object]) -> TryResult:
    """Make a try, and read what stood in its way.

    Closed is a door by a refusal (`REFUSED`), or, where it is open without policies, by the
    kubelet's word that nobody answers in the pod, or by silence. Nothing else is a no. Silence may
    be the API server's own, by which no door is tried: it counts where it comes again after
    `server_answers` did not raise.
    """
    try:
        return _read(attempt)
    except TimeoutError as silence:
        try:
            server_answers()
        except (ClusterError, TimeoutError) as error:
            why = f"{silence}, and the API server did not answer either: {error}"
            return TryResult(UNDETERMINED, why)
    try:
        return _read(attempt)
    except TimeoutError as silence:
        return TryResult(CLOSED, str(silence), silent=True)


def _read(attempt: Try) -> TryResult:
    """Make a try; raise TimeoutError where nobody answered it in time."""
    try:
        return attempt()
    except StreamRefusedError as error:
        return TryResult(CLOSED if error.status in REFUSED else UNDETERMINED, str(error))
    except PortClosedError as error:
        return TryResult(CLOSED, str(error), silent=True)
    except (ProbeError, ClusterError) as error:
        return TryResult(UNDETERMINED, str(error))


def first_tcp_port(pod: Pod) -> int:
    """Return the first TCP port that a pod serves."""
    return next(port.number for port in pod.ports if port.protocol is workload.Protocol.TCP)
