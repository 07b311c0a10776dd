"""What a lab is to be: its settings, and the deliberate faults one may choose.

The dataplane's faults are the dataplane's; those of the way into pods are here: a fault of the
kubelet or of the API server in front of it opens or shuts a door that no policy guards, and is made
of few parts.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from netlab.dataplane.badnetwork import BadNetwork
from netlab.dataplane.compiler import PlaneOptions
from netlab.dataplane.planes import DEFECTS
from netlab.node.addressplan import MAX_NODES
from netlab.node.runtime import Forwarding
from netlab.problems import StartError

DefectKind = Literal["dataplane", "kubelet"]


@dataclass(frozen=True, slots=True)
class KubeletDefect:
    """A fault of the way into pods: another forwarding, or the older rule for who may stream."""

    name: str
    summary: str
    seen_in: str
    forwarding: Forwarding = Forwarding.TO_LOOPBACK
    get_opens_streams: bool = False


@dataclass(frozen=True, slots=True)
class ListedDefect:
    """What is told of a defect."""

    name: str
    kind: DefectKind
    summary: str
    seen_in: str


KUBELET_DEFECTS: Mapping[str, KubeletDefect] = {
    defect.name: defect
    for defect in (
        KubeletDefect(
            "port-forward-dials-pod-ip",
            "Port-forward goes to the pod's address over the network, where policies see it.",
            "invented",
            forwarding=Forwarding.TO_POD_IP,
        ),
        KubeletDefect(
            "port-forward-refused",
            "Port-forward is refused for everybody.",
            "kubelets with enableDebuggingHandlers: false",
            forwarding=Forwarding.REFUSED,
        ),
        KubeletDefect(
            "get-opens-port-forward",
            "The verb get alone opens port-forward, exec and attach by WebSocket.",
            "Kubernetes before 1.35 (kubernetes#133515)",
            get_opens_streams=True,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class ChosenDefects:
    """The defects of one lab, apart by kind."""

    dataplane: tuple[str, ...]
    forwarding: Forwarding
    get_opens_streams: bool


def list_defects() -> tuple[ListedDefect, ...]:
    """Return all defects, those of the dataplane first."""
    return (
        *(ListedDefect(d.name, "dataplane", d.summary, d.seen_in) for d in DEFECTS.values()),
        *(ListedDefect(d.name, "kubelet", d.summary, d.seen_in) for d in KUBELET_DEFECTS.values()),
    )


def choose_defects(names: Sequence[str]) -> ChosenDefects:
    """Sort defects by kind; names that are no kubelet defect are left to the dataplane."""
    kubelet_defects = [KUBELET_DEFECTS[name] for name in names if name in KUBELET_DEFECTS]
    sound = Forwarding.TO_LOOPBACK
    return ChosenDefects(
        dataplane=tuple(name for name in names if name not in KUBELET_DEFECTS),
        forwarding=next(
            (d.forwarding for d in kubelet_defects if d.forwarding is not sound), sound
        ),
        get_opens_streams=any(defect.get_opens_streams for defect in kubelet_defects),
    )


@dataclass(frozen=True, slots=True)
class LabSettings:
    """Name, size and behaviour of one lab; its API hangs for `stall_s` at intervals, 0: never."""

    name: str
    nodes: int
    dataplane: str
    defects: tuple[str, ...]
    options: PlaneOptions
    network: BadNetwork
    stall_s: float

    def check(self, *, dataplanes: Collection[str], defects: Collection[str]) -> None:
        """Raise StartError for a value that no lab can have; the remedy lists those it can."""
        if self.dataplane not in dataplanes:
            error = f"there is no dataplane called {self.dataplane!r}"
            raise StartError("settings", error, f"choose one of: {', '.join(sorted(dataplanes))}")
        for name in self.defects:
            if name not in defects:
                error = f"there is no defect called {name!r}"
                raise StartError("settings", error, f"choose from: {', '.join(sorted(defects))}")
        if not 1 <= self.nodes <= MAX_NODES:
            error = f"a lab with {self.nodes} nodes cannot be built"
            raise StartError("settings", error, f"choose a number of nodes from 1 to {MAX_NODES}")
        if fault := self.network.fault():
            raise StartError(
                "settings", f"there is no such network: {fault}", "choose other values"
            )
        if not 0 <= self.stall_s < math.inf:
            error = f"an API server cannot hang for {self.stall_s:g} seconds"
            raise StartError("settings", error, "choose a number of seconds from 0")
