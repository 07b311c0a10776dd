"""Intents against what the policies mean, and against what packets did: kept, broken or unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from netproof.model.flow import EndpointKind, Expected, Flow, Outcome, Path
from netproof.model.matrix import JudgedCell, JudgedMatrix
from netproof.model.record import FlowVerdict
from netproof.model.review import (
    BrokenFlow,
    Cause,
    FlowAnswer,
    IntentJudgement,
    IntentResult,
    Kept,
)
from netproof.model.value import replace
from netproof.model.workload import HostKind, Topology
from netproof.policy.limits import MAX_BROKEN
from netproof.policy.mirror import Mirror
from netproof.review import phrases
from netproof.review.doubts import Doubts
from netproof.review.explanation import causes
from netproof.review.intents import Intent, wanted_of, wanted_sources
from netproof.review.reachability import API_SERVER, NODES, Reachability, cell_of
from netproof.review.statement import SideKind

ARGUED = 5
"""For how many broken flows of one intent the causes are worked out; nobody reads further."""

_SAID = {expected: FlowAnswer(expected) for expected in Expected}
_SEEN = {
    Outcome.CONNECTED: FlowAnswer.ALLOWED,
    Outcome.DROPPED: FlowAnswer.DENIED,
    Outcome.REJECTED: FlowAnswer.DENIED,
}

_JUDGED_PATHS = (Path.POD_IP, Path.HOST_IP, Path.DNS)
"""The paths that intents are about; Services are probed too, and judged by the matrix."""


def judge_all(reach: Reachability, intents: Iterable[Intent]) -> tuple[IntentResult, ...]:
    """Judge each intent by what the policies mean."""
    doubts = Doubts(reach)
    return tuple(
        IntentResult(intent.text, intent.place, intent.reason, judge(reach, intent, doubts))
        for intent in intents
    )


def judge(reach: Reachability, intent: Intent, doubts: Doubts | None = None) -> IntentJudgement:
    """Judge one intent by what the policies mean, unless something else may decide a flow.

    That is unknown then, whatever the policies say, and the judgement's text names what it is.
    """
    asked = doubts or Doubts(reach)
    allowed, denied = wanted_sources(intent, reach)
    known = _known(intent, asked, allowed, denied)
    plain, unsure = list[int](), list[int]()
    for at, (free, shut) in enumerate(zip(allowed, denied, strict=True)):
        open_end = (known.undefined[at] | known.doubted[at]) & (free | shut)
        wrong = (free & ~known.allowed[at]) | (shut & known.allowed[at])
        plain.append(wrong & ~open_end)
        unsure.append(open_end)
    listed = islice(chain(reach.in_order(plain), reach.in_order(unsure)), MAX_BROKEN)
    broken = tuple(
        _broken(
            asked,
            at,
            Expected.ALLOWED if allowed[at[1]] >> at[0] & 1 else Expected.DENIED,
            known.said.get(at) or reach.grid.expected(*at),
            known.why.get(at, ()),
            argued=number < ARGUED,
        )
        for number, at in enumerate(listed)
    )
    judged = _judgement(_flows(allowed, denied), broken, intent, _overruled(known.why.values()))
    return replace(judged, unlisted=_flows(plain, unsure) - len(broken))


def _flows(*members: Iterable[int]) -> int:
    return sum(one.bit_count() for each in members for one in each)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a bundle's flows, by the sources of each target.

    `said` are answers that differ from the policies', `why` what may decide otherwise.
    """

    allowed: list[int]
    undefined: list[int]
    doubted: list[int]
    said: dict[tuple[int, int], Expected]
    why: dict[tuple[int, int], tuple[Cause, ...]]


def _known(intent: Intent, doubts: Doubts, *wanted: Sequence[int]) -> _Known:
    """Return the grid's answers with what else has a say in the flows that an intent is about."""
    reach, grid = doubts.reach, doubts.reach.grid
    known = _Known([*grid.allowed], [*grid.undefined], [0] * len(grid.targets), {}, {})
    # Who allows a controller, and nobody else, knows whom it lets in.
    routed = intent.statement.source.kind is SideKind.OUTSIDE
    port_named = intent.statement.port is not None
    may = [one & (free | shut) for one, free, shut in zip(doubts.possible, *wanted, strict=True)]
    for source, target in reach.in_order(may):
        at, bit, flow = (source, target), 1 << source, grid.flow(source, target)
        if why := doubts.of(flow, routed=routed, port_named=port_named):
            known.why[at] = why
            known.doubted[target] |= bit
        answer = doubts.answer(flow)
        if answer is not grid.expected(*at):
            known.said[at] = answer
            known.allowed[target] &= ~bit
            known.undefined[target] &= ~bit
            known.allowed[target] |= bit if answer is Expected.ALLOWED else 0
            known.undefined[target] |= bit if answer is Expected.UNDEFINED else 0
    return known


def _overruled(doubted: Iterable[tuple[Cause, ...]]) -> str:
    """Return what may decide otherwise, as a text that every format has room for."""
    each = dict.fromkeys(cause for causes in doubted for cause in causes)
    named = [f"{one.text} ({one.place})" if one.place else one.text for one in each]
    return f"not for NetworkPolicies alone to decide: {phrases.listed(named)}" if named else ""


def _broken(
    doubts: Doubts,
    at: tuple[int, int],
    wanted: Expected,
    said: Expected,
    why: tuple[Cause, ...],
    *,
    argued: bool,
) -> BrokenFlow:
    reach = doubts.reach
    flow = reach.grid.flow(*at)
    if why:
        alone = Cause("", f"by the NetworkPolicies alone it is {said}")
        return BrokenFlow(phrases.flow(flow), _SAID[wanted], FlowAnswer.UNKNOWN, (*why, alone))
    named = causes(reach.trace(flow)) if argued else ()
    if said is not reach.grid.expected(*at):
        named = doubts.who_is_asked(flow)
    return BrokenFlow(phrases.flow(flow), _SAID[wanted], _SAID[said], named)


def _judgement(
    flows: int, broken: tuple[BrokenFlow, ...], intent: Intent, text: str = ""
) -> IntentJudgement:
    if not flows:
        there = intent.statement.destination.text
        why = f"nothing of {there} serves such a port"
        if intent.statement.source.text == there:
            why = (
                "what a pod sends itself is not for policies to deny; to judge replicas of "
                f"{there}, add a second Pod with its labels to the bundle"
            )
        return IntentJudgement(Kept.UNKNOWN, 0, (), f"it is about no flow: {why}")
    if not broken:
        return IntentJudgement(Kept.KEPT, flows)
    plain = any(one.said in (FlowAnswer.ALLOWED, FlowAnswer.DENIED) for one in broken)
    return IntentJudgement(Kept.BROKEN if plain else Kept.UNKNOWN, flows, broken, text)


def probed_reachability(mirror: Mirror, topology: Topology, flows: Iterable[Flow]) -> Reachability:
    """Return what was probed of a bundle: the pods, the nodes and hosts outside, their flows."""
    hosts = tuple(h for h in topology.hosts if h.kind is not HostKind.OUTSIDE or h.ips)
    ports = sorted({port for host in hosts for port in host.ports})
    real = Topology(topology.namespaces, topology.pods, topology.services, hosts)
    asked = tuple(flow for flow in flows if flow.path in _JUDGED_PATHS)
    return Reachability(mirror, real, tuple(ports), mirror.bundle.policies, asked)


def judge_by_packets(
    reach: Reachability, intent: Intent, judged: JudgedMatrix, whole: Reachability
) -> IntentJudgement:
    """Judge one intent by what the packets of its flows did.

    `whole` are the flows of the bundle as it is read: what is meant there and was not probed is
    said with the judgement.
    """
    wanted = wanted_of(intent, reach)
    untried = _untried(wanted_of(intent, whole), wanted, reach, whole)
    if not wanted:
        text = f"no packet {' or '.join(untried) or 'is meant'}"
        return IntentJudgement(Kept.UNTRIED, 0, (), text, untried)
    seen = {flow: seen_of(judged[flow], answer) for flow, answer in wanted.items()}
    wrong = [flow for flow, answer in wanted.items() if seen[flow] is not _SAID[answer]]
    wrong.sort(key=lambda flow: seen[flow] is FlowAnswer.UNKNOWN)
    broken = tuple(
        BrokenFlow(
            f"{phrases.flow(flow)} {flow.family}",
            _SAID[wanted[flow]],
            seen[flow],
            _blame(judged[flow], seen[flow]),
        )
        for flow in wrong
    )
    return replace(_judgement(len(wanted), broken, intent), untried=untried)


def _untried(
    meant: Iterable[Flow], probed: Iterable[Flow], reach: Reachability, whole: Reachability
) -> tuple[str, ...]:
    """Word the ends that flows are meant to have and that no packet came from or went to."""
    outside = {n: h for n, h in reach.hosts.items() if h.kind is HostKind.OUTSIDE}
    stand_ins = {name: cell_of(host.ips, whole) for name, host in outside.items()}
    tried = {_away(flow, stand_ins) for flow in probed}
    return tuple(
        dict.fromkeys(
            f"{way} {end}: {_WHY_NOT.get(end, 'no host of the cluster is there')}"
            for way, end in dict.fromkeys(_away(flow, {}) for flow in meant)
            if end and (way, end) not in tried
        )
    )


_DNS_END = "the cluster's DNS"
_WHY_NOT = {
    _DNS_END: "it is not there, or may not be read",
    API_SERVER: "none is sent to it or in its name",
    NODES: "none could be probed",
}


def _away(flow: Flow, stand_ins: Mapping[str, str]) -> tuple[str, str]:
    """Return which way a flow goes and what it meets outside the bundle, "" where nothing."""
    for way, end in (("to", flow.destination), ("from", flow.source)):
        if end.kind is EndpointKind.SERVICE:
            return way, _DNS_END
        if end.kind is EndpointKind.NODE:
            return way, API_SERVER if end.name == API_SERVER else NODES
        if end.kind is EndpointKind.OUTSIDE:
            return way, stand_ins.get(end.name, end.name)
    return "", ""


def seen_of(cell: JudgedCell, wanted: Expected) -> FlowAnswer:
    """Return what was seen of a probed flow, to hold against what an intent wants of it.

    A request that arrived while its answer was lost is no denial to those who want one, and of no
    use to those who want an answer. A silence that nobody testifies for, and no control was beside,
    is neither, also where the policies say nothing of the flow.
    """
    seen = cell.observation
    if wanted is Expected.DENIED and seen.leaked:
        return FlowAnswer.ALLOWED
    if cell.verdict is FlowVerdict.INCONCLUSIVE or seen.unweighed:
        return FlowAnswer.UNKNOWN
    return _SEEN.get(seen.outcome, FlowAnswer.UNKNOWN)


def _blame(cell: JudgedCell, seen: FlowAnswer) -> tuple[Cause, ...]:
    """Say whether the cluster is at fault; what the policies have to do with it is told already."""
    if seen is FlowAnswer.UNKNOWN:
        return (Cause("", "the probe could not tell"),)
    expected = cell.expectation.expected
    if seen is _SAID[expected]:
        return ()
    lost = ""
    if seen is FlowAnswer.ALLOWED and cell.observation.outcome is not Outcome.CONNECTED:
        lost = ", yet the request arrived and only its answer was lost"
    return (Cause("", f"the policies say {expected}{lost}: the cluster does not do what they say"),)
