"""All deliberate faults of a lab by name: the dataplane's, and those of the way into pods.

The second kind is here: a fault of the kubelet or of the API server in front of it opens or shuts
a door that no policy guards, and is made of few parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from netlab.dataplane import DEFECTS

Kind = Literal["dataplane", "kubelet"]


class Forwarding(Enum):
    """What a kubelet does when a port is to be forwarded."""

    TO_LOOPBACK = "dials loopback inside the pod"
    TO_POD_IP = "dials the pod's address over the network"
    REFUSED = "refuses"


@dataclass(frozen=True, slots=True)
class KubeletDefect:
    """A fault of the way into pods: another forwarding, or the older rule for who may stream."""

    name: str
    summary: str
    seen_in: str
    forwarding: Forwarding = Forwarding.TO_LOOPBACK
    get_opens_streams: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """What is told of a defect."""

    name: str
    kind: Kind
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
class Chosen:
    """The defects of one lab, apart by kind."""

    dataplane: tuple[str, ...]
    forwarding: Forwarding
    get_opens_streams: bool


def listed() -> tuple[Listed, ...]:
    """Return all defects, those of the dataplane first."""
    return (
        *(Listed(d.name, "dataplane", d.summary, d.seen_in) for d in DEFECTS.values()),
        *(Listed(d.name, "kubelet", d.summary, d.seen_in) for d in KUBELET_DEFECTS.values()),
    )


def choose(names: Sequence[str]) -> Chosen:
    """Sort defects by kind; names that are no kubelet defect are left to the dataplane."""
    mine = [KUBELET_DEFECTS[name] for name in names if name in KUBELET_DEFECTS]
    sound = Forwarding.TO_LOOPBACK
    return Chosen(
        dataplane=tuple(name for name in names if name not in KUBELET_DEFECTS),
        forwarding=next((d.forwarding for d in mine if d.forwarding is not sound), sound),
        get_opens_streams=any(defect.get_opens_streams for defect in mine),
    )
