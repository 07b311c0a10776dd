"""What trying a door is made of: means, a way, what was seen, and errors read as answers.

A try says what it saw and proves who answered; what that is worth beside the try without policies
is for `doors` to say. Whatever stands in the way is an answer, never an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netproof.cluster.backend import ClusterRef
from netproof.errors import (
    ClusterError,
    PortClosedError,
    ProbeError,
    StreamCutError,
    StreamRefusedError,
)
from netproof.model.doors import DoorState
from netproof.model.flow import Endpoint
from netproof.model.workload import Pod, Protocol
from netproof.run.worker import Worker

OPEN, CLOSED, UNDETERMINED = DoorState.OPEN, DoorState.CLOSED, DoorState.UNDETERMINED

PATIENCE = 10
"""Time-outs of a probe that an answer through the API server may take: it has far more hops."""

LEAST_S = 2.0
"""Of such an answer, where a probe's time-out is that of a lab."""

_TRANSIENT = (0, 401, 429, 502, 503, 504)
"""HTTP's statuses that say nothing of the door: nobody was there to say yes or no."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one try showed; `silent` where nothing came back, neither yes nor no."""

    state: DoorState
    evidence: str
    identity: str = ""
    silent: bool = False


Try = Callable[[], Seen]


@dataclass(frozen=True, slots=True)
class Means:
    """What doors are tried with: whose rights (`ref`), on whose fleet, and for how long."""

    worker: Worker
    ref: ClusterRef

    @property
    def patience_s(self) -> float:
        """How long an answer through the API server may take, in seconds."""
        return max(LEAST_S, PATIENCE * self.worker.settings.probe_timeout_s)

    def name(self, pod: Pod) -> tuple[str, str]:
        """Return a pod's namespace and name in the cluster."""
        return self.worker.fleet.locate(Endpoint.pod(pod.key))


@dataclass(frozen=True, slots=True)
class Way:
    """One way through a door: to what, how told apart from others, and the try."""

    target: str
    by: str
    attempt: Try


def guarded(attempt: Try) -> Seen:
    """Make a try, and read what stood in its way."""
    try:
        return attempt()
    except StreamRefusedError as error:
        told = UNDETERMINED if error.status in _TRANSIENT else CLOSED
        return Seen(told, str(error))
    except PortClosedError as error:
        return Seen(CLOSED, str(error))
    except TimeoutError as error:
        return Seen(CLOSED, str(error), silent=True)
    except ProbeError as error:
        refused = "status 403" in str(error) or "(403)" in str(error)
        return Seen(CLOSED if refused else UNDETERMINED, str(error))
    except (StreamCutError, ClusterError) as error:
        return Seen(UNDETERMINED, str(error))


def port_of(pod: Pod) -> int:
    return next(port.number for port in pod.ports if port.protocol is Protocol.TCP)
