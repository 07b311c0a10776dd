"""What a dataplane sees of the cluster at one moment. Values only."""

from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node and its own addresses, of both families."""

    name: str
    ips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The objects that decide which traffic passes, as the API server stores them."""

    namespaces: tuple[Obj, ...] = ()
    pods: tuple[Obj, ...] = ()
    policies: tuple[Obj, ...] = ()
    services: tuple[Obj, ...] = ()
    endpointslices: tuple[Obj, ...] = ()
    nodes: tuple[NodeInfo, ...] = ()
