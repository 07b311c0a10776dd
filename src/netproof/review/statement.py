"""`api -> postgres:5432/TCP`: naming flows by who they are between, and finding those flows.

A side is a workload (`api`, `production/api`, `staging/*`, `*`), `label app=api [in namespace X]`,
`namespace X`, `outside [CIDR]`, `nodes`, `apiserver`, or as a destination `dns`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import ip_network

from netproof.errors import PolicyError
from netproof.expected import Target, as_set
from netproof.model.flow import Endpoint, EndpointKind, Flow
from netproof.model.workload import TRANSPORTS, Family, HostKind, Pod, Protocol
from netproof.policy import Network
from netproof.policy.limits import MAX_STATEMENT, refuse_more
from netproof.policy.syntax import port_number
from netproof.review.reachability import DNS, Reachability

EXAMPLE = "write `source -> destination[:port[/protocol]]`, such as `api -> postgres:5432/TCP`"

_PORT = re.compile(
    r"(?P<side>.*?)(:(?P<port>\*|\d+|[a-z][a-z0-9-]*)(/(?P<protocol>[A-Za-z]+))?)?",
    re.ASCII | re.DOTALL,
)
_LABELS = re.compile(
    r"labels?\s+(?P<labels>\S+)(\s+in\s+namespace\s+(?P<namespace>\S+))?", re.ASCII
)
_WORKLOAD = re.compile(r"[a-z0-9*?.\[\]-]+(/[a-z0-9*?.\[\]-]+)?", re.ASCII)


class SideKind(StrEnum):
    """How one end of a statement names whom it means."""

    WORKLOAD = "workload"
    LABELS = "labels"
    NAMESPACE = "namespace"
    OUTSIDE = "outside"
    DNS = "dns"
    NODES = "nodes"
    API_SERVER = "apiserver"


_MACHINES = (SideKind.OUTSIDE, SideKind.NODES, SideKind.API_SERVER)
"""Sides that are no pods."""


@dataclass(frozen=True, slots=True)
class StatedSide:
    """One end of a statement; `pattern` is a name or glob, `block` a CIDR of the outside."""

    text: str
    kind: SideKind
    pattern: str = "*"
    labels: tuple[tuple[str, str], ...] = ()
    block: Network | None = None

    def takes(self, pod: Pod) -> bool:
        """Tell whether a workload is meant."""
        if self.kind is SideKind.WORKLOAD:
            name = pod.key if "/" in self.pattern else pod.name
            return fnmatchcase(name, self.pattern)
        if self.kind in (SideKind.NAMESPACE, SideKind.LABELS):
            return fnmatchcase(pod.namespace, self.pattern) and set(self.labels) <= set(
                pod.labels.items()
            )
        return False


@dataclass(frozen=True, slots=True)
class FlowStatement:
    """Flows by both their ends and perhaps a port, as a number or a container port's name."""

    text: str
    place: str
    source: StatedSide
    destination: StatedSide
    port: int | str | None = None
    protocol: Protocol | None = None


def parse_statement(text: str, place: str) -> FlowStatement:
    """Read a statement; raise PolicyError at `place` where it is none."""
    refuse_more(len(text), MAX_STATEMENT, "characters", place, EXAMPLE)
    source, arrow, rest = text.partition("->")
    if not arrow or "->" in rest:
        raise PolicyError(place, f"{text!r} states nothing; {EXAMPLE}")
    parts = _PORT.fullmatch(rest.strip())
    assert parts is not None  # noqa: S101 - every part of the pattern may be empty
    there = _side(parts["side"].strip(), place)
    here = _side(source.strip(), place)
    if here.kind is SideKind.DNS:
        raise PolicyError(place, f"{text!r}: dns answers and never asks; {EXAMPLE}")
    if here.kind in _MACHINES and there.kind in _MACHINES:
        raise PolicyError(place, f"{text!r}: no pod takes part, so no policy is met")
    port = _port(parts["port"], place)
    return FlowStatement(
        text.strip(), place, here, there, port, _protocol(parts["protocol"], place)
    )


def _port(text: str | None, place: str) -> int | str | None:
    if text is None or text == "*":
        return None
    if not text.isdigit():
        return text
    for message in port_number(int(text)):
        raise PolicyError(place, f"port {text}: {message}")
    return int(text)


def _protocol(text: str | None, place: str) -> Protocol | None:
    if text is None:
        return None
    if text.upper() not in TRANSPORTS:
        raise PolicyError(place, f"there is no protocol {text}; write {', '.join(TRANSPORTS)}")
    return Protocol(text.upper())


def _side(text: str, place: str) -> StatedSide:
    first, _, rest = text.partition(" ")
    rest = rest.strip()
    if first in ("label", "labels"):
        return _labels(text, place)
    if first == "namespace" and rest:
        return StatedSide(text, SideKind.NAMESPACE, rest)
    if first == "outside":
        return StatedSide(text, SideKind.OUTSIDE, block=_block(rest, place) if rest else None)
    if text in (SideKind.DNS, SideKind.NODES, SideKind.API_SERVER):
        return StatedSide(text, SideKind(text))
    text = text.strip("\"'")
    if not _WORKLOAD.fullmatch(text):
        shown = repr(text) if text else "nothing"
        raise PolicyError(
            place,
            f"{shown} names nobody; write a workload, *, `label app=api`, `namespace staging`, "
            "`outside 203.0.113.0/24`, nodes, apiserver or dns",
        )
    return StatedSide(text, SideKind.WORKLOAD, text)


def _labels(text: str, place: str) -> StatedSide:
    parts = _LABELS.fullmatch(text)
    pairs = [pair.partition("=") for pair in parts["labels"].split(",")] if parts else []
    if not parts or not all(key and equals and value for key, equals, value in pairs):
        raise PolicyError(
            place, f"{text!r} names no labels; write `label app=api,tier=backend in namespace shop`"
        )
    labels = tuple((key, value) for key, _, value in pairs)
    return StatedSide(text, SideKind.LABELS, parts["namespace"] or "*", labels)


def _block(text: str, place: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise PolicyError(place, f"outside {text}: {error}; write a CIDR") from error


def check_side(
    side: StatedSide, pods: Iterable[Pod], place: str, unread: Mapping[str, str]
) -> None:
    """Raise PolicyError for a side that means nobody, or more workloads than one by one name.

    `unread` are objects that are not mirrored, by their names: they may make pods.
    """
    if side.kind in (*_MACHINES, SideKind.DNS):
        return
    known = tuple(pods)
    meant = [pod for pod in known if side.takes(pod)]
    if not meant:
        made = unread.get(side.pattern)
        may = f"; {made} is not mirrored: add the pods that it makes as Pods" if made else ""
        raise PolicyError(place, f"{_nobody(side, known)}{may}")
    plain = side.kind is SideKind.WORKLOAD and not set("/*?[") & set(side.pattern)
    if plain and len(meant) > 1:
        names = ", ".join(pod.key for pod in meant)
        raise PolicyError(
            place,
            f"{side.text} may be any of {names}; write one of them, or */{side.text} for all",
        )


def _nobody(side: StatedSide, pods: tuple[Pod, ...]) -> str:
    if side.kind is SideKind.NAMESPACE:
        names = sorted({pod.namespace for pod in pods})
        return f"there is no workload in a namespace {side.pattern}; there are {', '.join(names)}"
    if side.kind is SideKind.LABELS:
        return f"no workload has the labels of {side.text!r}"
    by_name = {name: pod.key for pod in pods for name in (pod.name, pod.key)}
    close = get_close_matches(side.pattern, by_name, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {_some(pods)}"
    return f"there is no workload {side.text}; {hint}"


def _some(pods: tuple[Pod, ...]) -> str:
    names = sorted(pod.key for pod in pods)
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def ends(side: StatedSide, reach: Reachability) -> frozenset[Endpoint]:
    """Return the ends of flows that a side means."""
    if side.kind is SideKind.DNS:
        return frozenset({Endpoint.service(DNS)})
    if side.kind is SideKind.OUTSIDE:
        return frozenset(
            Endpoint.outside(host.name)
            for host in reach.topology.hosts
            if host.kind is HostKind.OUTSIDE
            and (side.block is None or any(_is_in(ip, side.block) for ip in host.ips))
        )
    if side.kind in (SideKind.NODES, SideKind.API_SERVER):
        kind = HostKind.NODE if side.kind is SideKind.NODES else HostKind.API_SERVER
        hosts = [host for host in reach.topology.hosts if host.kind is kind]
        return frozenset(Endpoint.node(host.name) for host in hosts)
    return frozenset(Endpoint.pod(pod.key) for pod in reach.workloads if side.takes(pod))


def _is_in(address: str, block: Network) -> bool:
    return ip_network(address).network_address in block


def select(statement: FlowStatement, reach: Reachability, flows: Iterable[Flow]) -> list[Flow]:
    """Return those of some flows that a statement names."""
    here, there = ends(statement.source, reach), ends(statement.destination, reach)
    return [
        flow
        for flow in flows
        if flow.source in here
        and flow.destination in there
        and has_family(statement, flow)
        and has_port(statement, reach, flow)
    ]


def meant(statement: FlowStatement, reach: Reachability) -> list[int]:
    """Return the flows of a bundle that a statement names, by the sources of each target."""
    here, there = ends(statement.source, reach), ends(statement.destination, reach)
    grid = reach.grid
    sources = as_set(at for at, end in enumerate(grid.sources) if end in here)
    return [
        present & sources if one.destination in there and has_port(statement, reach, one) else 0
        for one, present in zip(grid.targets, grid.present, strict=True)
    ]


def has_family(statement: FlowStatement, flow: Flow) -> bool:
    """Tell whether a flow is in the IP family of the block that a statement names, if any."""
    blocks = (statement.source.block, statement.destination.block)
    return all(
        flow.family is (Family.IPV4 if block.version == 4 else Family.IPV6)
        for block in blocks
        if block is not None
    )


def has_port(statement: FlowStatement, reach: Reachability, flow: Flow | Target) -> bool:
    """Tell whether a flow is on the port that a statement names."""
    if statement.protocol not in (None, flow.protocol):
        return False
    if statement.port is None or statement.port == flow.port:
        return True
    if flow.destination.kind is not EndpointKind.POD:
        return False
    ports = reach.pods[flow.destination.name].ports
    return any(
        port.name == statement.port and (port.number, port.protocol) == (flow.port, flow.protocol)
        for port in ports
    )
