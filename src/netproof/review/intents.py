"""An intents file: what people mean their policies to do, each statement with its reason.

The published schema is `intents.schema.json` beside this module; what it cannot say (workloads
that are not there, statements that come twice) is checked here, with file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from netproof.errors import PolicyError
from netproof.expected import as_set
from netproof.model.flow import EndpointKind, Expected, Flow
from netproof.model.workload import Host, HostKind, Port, Protocol
from netproof.policy import Network
from netproof.policy.document import Node
from netproof.policy.fields import Field
from netproof.policy.limits import MAX_INTENTS, MAX_JUDGED, refuse_more
from netproof.policy.mirror import Mirror, PortDemand, serving
from netproof.review.reachability import (
    API_PORTS,
    API_SERVER,
    NODES,
    WEB,
    Reachability,
    egress_ports,
    read_reachability,
)
from netproof.review.statement import (
    FlowStatement,
    SideKind,
    check_side,
    ends,
    meant,
    parse_statement,
    select,
)

SCHEMA_FILE = Path(__file__).with_name("intents.schema.json")


class IntentStance(StrEnum):
    """What an intent says of its flows; `only` also of all others to the same destination."""

    ALLOW = "allow"
    DENY = "deny"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Intent:
    """One statement of what is meant, its exceptions and its reason; `place` is `file:line`."""

    stance: IntentStance
    statement: FlowStatement
    excepts: tuple[FlowStatement, ...]
    reason: str
    place: str

    @property
    def text(self) -> str:
        """The intent as it was written, without its reason."""
        return f"{self.stance}: {self.statement.text}"

    @property
    def statements(self) -> tuple[FlowStatement, ...]:
        """The statement and its exceptions."""
        return (self.statement, *self.excepts)


def read_intents(nodes: Iterable[Node]) -> tuple[Intent, ...]:
    """Read the intents of documents; raise PolicyError with everything that is wrong with one."""
    intents = tuple(intent for node in nodes for intent in _document(node))
    for number, intent in enumerate(intents, 1):
        refuse_more(number, MAX_INTENTS, "intents", intent.place, "judge a part of them at a time")
    first: dict[str, Intent] = {}
    for intent in intents:
        other = first.setdefault(" ".join(intent.text.split()), intent)
        if other is not intent:
            raise PolicyError(intent.place, f"`{intent.text}` is stated in {other.place} already")
    return intents


def _document(node: Node) -> Iterator[Intent]:
    root = Field.root(node)
    root.mapping(("namespace", "intents"))
    root.child("namespace").text()
    items = root.child("intents").items()
    if not items and not root.problems:
        root.child("intents").required("write at least one intent")
    for item in items:
        _check(item)
    if root.problems:
        first, *others = sorted(root.problems, key=lambda problem: problem.origin)
        also = [f"{problem.origin}: {problem}" for problem in others]
        raise PolicyError(str(first.origin), str(first), also)
    for item in items:
        yield _intent(item)


def _check(item: Field) -> None:
    item.mapping((*IntentStance, "except", "reason"))
    if item.problems:
        return
    stated = [stance for stance in IntentStance if item.child(stance).present]
    if len(stated) != 1:
        item.note("Invalid value", f"an intent states exactly one of {', '.join(IntentStance)}")
        return
    item.child(stated[0]).text()
    reason = item.child("reason")
    words = reason.text()
    if not (reason.present if words is None else words.strip()):
        reason.required("say why, for the one who will want to change it")
    for at in _exceptions(item):
        if at.text() is None:
            at.required("an exception is a statement")


def _exceptions(item: Field) -> list[Field]:
    at = item.child("except")
    return [at] if at.present and at.node and isinstance(at.node.value, str) else at.items()


def _intent(item: Field) -> Intent:
    stance = next(stance for stance in IntentStance if item.child(stance).present)
    at = item.child(stance)
    return Intent(
        stance,
        parse_statement(at.text() or "", str(at.origin)),
        tuple(parse_statement(e.text() or "", str(e.origin)) for e in _exceptions(item)),
        " ".join((item.child("reason").text() or "").split()),
        str(at.origin),
    )


def reachability_of(mirror: Mirror, intents: Iterable[Intent]) -> Reachability:
    """Return a bundle as its intents can be judged: with the ports and blocks they name.

    Raises PolicyError for an intent about a workload that is not there.
    """
    statements = [statement for intent in intents for statement in intent.statements]
    pods = mirror.bundle.pods
    unread = {name: str(o) for o in mirror.others for name in (o.name, f"{o.namespace}/{o.name}")}
    for statement in statements:
        check_side(statement.source, pods, statement.place, unread)
        check_side(statement.destination, pods, statement.place, unread)
    grown = serving(mirror, tuple(_wanted(mirror, statements)))
    for statement in statements:
        _check_port_name(statement, grown)
    blocks = [b for s in statements for b in (s.source.block, s.destination.block) if b]
    machines = tuple(_machines(statements, grown))
    reach = read_reachability(grown, _networks(blocks), _outside_ports(statements), machines)
    judged = len(statements) * len(reach.grid.targets)
    if judged > MAX_JUDGED:
        things = f"statements times ports ({judged:,})"
        refuse_more(judged, MAX_JUDGED, things, statements[-1].place, "judge a part of them")
    return reach


def _networks(blocks: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(dict.fromkeys(blocks))


def _wanted(mirror: Mirror, statements: Iterable[FlowStatement]) -> Iterator[PortDemand]:
    for statement in statements:
        if not isinstance(statement.port, int):
            continue
        meant = [pod for pod in mirror.bundle.pods if statement.destination.takes(pod)]
        lacking = frozenset(
            pod.key
            for pod in meant
            if not any(
                port.number == statement.port and statement.protocol in (None, port.protocol)
                for port in pod.ports
            )
        )
        protocol = statement.protocol or Protocol.TCP
        who = f"the intent `{statement.text}`"
        yield PortDemand(lacking, statement.port, protocol, who, statement.place)


def _check_port_name(statement: FlowStatement, mirror: Mirror) -> None:
    if not isinstance(statement.port, str):
        return
    meant = [pod for pod in mirror.bundle.pods if statement.destination.takes(pod)]
    names = sorted({port.name for pod in meant for port in pod.ports if port.name})
    if statement.port not in names:
        listed = ", ".join(names) or "none"
        raise PolicyError(
            statement.place,
            f"{statement.destination.text} has no port named {statement.port}; there are {listed}",
        )


def _machines(statements: Iterable[FlowStatement], mirror: Mirror) -> Iterator[Host]:
    """Yield the nodes and the API server, where statements name them, with the ports to ask."""
    named = {side.kind for s in statements for side in (s.source, s.destination)}
    usual = {*WEB, *egress_ports(mirror.bundle.policies)}
    for kind, host, name, ports in (
        (SideKind.NODES, HostKind.NODE, NODES, usual),
        (SideKind.API_SERVER, HostKind.API_SERVER, API_SERVER, set(API_PORTS)),
    ):
        if kind in named:
            own = {*_ports_of(statements, kind), *ports}
            yield Host(host, name, ports=tuple(sorted(own)))


def _ports_of(statements: Iterable[FlowStatement], kind: SideKind) -> Iterator[Port]:
    for statement in statements:
        if statement.destination.kind is kind and isinstance(statement.port, int):
            yield Port(statement.port, statement.protocol or Protocol.TCP)


def _outside_ports(statements: Iterable[FlowStatement]) -> Iterator[Port]:
    yield from _ports_of(statements, SideKind.OUTSIDE)


def _asked(statement: FlowStatement, flows: list[Flow]) -> list[Flow]:
    """Return the flows without those to ports of the API server that only others name."""
    if statement.destination.kind is not SideKind.API_SERVER or statement.port is not None:
        return flows
    return [flow for flow in flows if Port(flow.port, flow.protocol) in API_PORTS]


def wanted_of(intent: Intent, reach: Reachability) -> dict[Flow, Expected]:
    """Return the flows that an intent is about, with what it wants of each."""
    named = _asked(intent.statement, select(intent.statement, reach, reach.flows))
    wanted = dict.fromkeys(
        named, Expected.DENIED if intent.stance is IntentStance.DENY else Expected.ALLOWED
    )
    if intent.stance is IntentStance.ONLY:
        there = ends(intent.statement.destination, reach)
        # What is meant by everybody else leaves nodes and the API server out: see `nodes`.
        others = (
            flow
            for flow in reach.flows
            if flow.destination in there and flow.source.kind is not EndpointKind.NODE
        )
        wanted = {**dict.fromkeys(others, Expected.DENIED), **wanted}
    excepted = {flow for e in intent.excepts for flow in select(e, reach, wanted)}
    return {flow: answer for flow, answer in wanted.items() if flow not in excepted}


def wanted_sources(intent: Intent, reach: Reachability) -> tuple[list[int], list[int]]:
    """Return for each target of a bundle the sources that an intent wants allowed, and denied."""
    grid = reach.grid
    named = meant(intent.statement, reach)
    if intent.statement.destination.kind is SideKind.API_SERVER and intent.statement.port is None:
        ports = (Port(one.port, one.protocol) for one in grid.targets)
        named = [m if p in API_PORTS else 0 for m, p in zip(named, ports, strict=True)]
    nobody = [0] * len(named)
    allowed, denied = (nobody, named) if intent.stance is IntentStance.DENY else (named, nobody)
    if intent.stance is IntentStance.ONLY:
        there = ends(intent.statement.destination, reach)
        ends_at = enumerate(grid.sources)
        nodes = as_set(at for at, end in ends_at if end.kind is EndpointKind.NODE)
        denied = [
            present & ~also & ~nodes if one.destination in there else 0
            for one, present, also in zip(grid.targets, grid.present, named, strict=True)
        ]
    for statement in intent.excepts:
        without = meant(statement, reach)
        allowed = [one & ~cut for one, cut in zip(allowed, without, strict=True)]
        denied = [one & ~cut for one, cut in zip(denied, without, strict=True)]
    return allowed, denied
