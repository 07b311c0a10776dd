"""What a picture of a bundle is drawn from: its ends, and who decides of each flow between them.

A bundle that is read is asked by the measure of a snapshot: the same blocks of the outside told
apart, the same pods that are not in it. One that was probed has the flows that packets were sent
for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, groupby

from netproof.expected import Evaluator
from netproof.model.flow import USUAL, Direction, Endpoint, EndpointKind, Expected, Flow, Reason
from netproof.model.packing import Pool
from netproof.model.picture import (
    EndShape,
    Picture,
    PictureEnd,
    PicturePolicy,
    PictureRule,
    PictureSide,
    PictureTarget,
)
from netproof.model.workload import Family, HostKind, Pod, Port, Protocol
from netproof.policy import NetworkPolicy, Rule
from netproof.policy.mirror import Mirror
from netproof.policy.strangers import Strangers
from netproof.review.exposure import Exposure
from netproof.review.reachability import DNS, Reachability
from netproof.review.snapshot import DNS_NAME, OTHER, SnapshotView, views

_SHAPES = {HostKind.OUTSIDE: EndShape.OUTSIDE}


def read_picture(mirror: Mirror, title: str) -> Picture:
    """Return the picture of a bundle by what its policies mean.

    Raises PolicyError where its flows are too many to be told one by one.
    """
    (view,) = views(mirror, machines=True)
    drawing = _Drawing(view.reach, view.port, tuple(view.exposure.whom))
    drawing.take(view.reach.flows)
    drawing.meet(view)
    return drawing.picture(title)


def probed_picture(reach: Reachability, title: str) -> Picture:
    """Return the picture of a bundle that was probed, of the flows that packets were sent for."""
    drawing = _Drawing(reach, str)
    drawing.take(reach.flows)
    return drawing.picture(title)


@dataclass
class _Drawing:
    """What is known of a picture so far; `word` is how a port of the outside is called."""

    reach: Reachability
    word: Callable[[Port], str]
    strangers: tuple[Strangers, ...] = ()
    rows: dict[tuple[int, str, Family], dict[int, int]] = field(default_factory=dict)
    sides: Pool = field(default_factory=Pool)
    decisions: Pool = field(default_factory=Pool)

    def take(self, flows: Iterable[Flow]) -> None:
        """Ask the policies about some flows."""
        evaluator = Evaluator(self.reach.index)
        for flow in flows:
            said = evaluator.expect(flow)
            left_open = said.expected is Expected.UNDEFINED
            sides = (
                self._side(reason)
                for reason in said.reasons
                if not left_open or reason.expected is Expected.UNDEFINED
            )
            there = (_called(flow.destination), self._port(flow), flow.family)
            self._put(_called(flow.source), there, sides)

    def meet(self, view: SnapshotView) -> None:
        """Ask the policies about pods that are not in the bundle."""
        exposure = view.exposure
        abroad = (*view.reach.outside_ports, *view.named)
        for pod in view.reach.workloads:
            for port in sorted(pod.ports):
                for who, side in self._met(exposure, pod, port, Direction.INGRESS):
                    self._put(who, (pod.key, str(port), Family.IPV4), [side])
            for port in abroad:
                for who, side in self._met(exposure, pod, port, Direction.EGRESS):
                    self._put(pod.key, (who, view.port(port), Family.IPV4), [side])

    def picture(self, title: str) -> Picture:
        """Return all of it."""
        return Picture(
            title=title,
            ends=self.ends,
            targets=tuple(self._targets()),
            sides=tuple(self.sides.items),
            decisions=tuple(self.decisions.items),
            policies=tuple(map(self._policy, self.reach.policies)),
            rules=tuple(rule for rule, _ in self._rules.values()),
            remarks=self.reach.mirror.remarks,
        )

    @cached_property
    def ends(self) -> tuple[PictureEnd, ...]:
        """Workloads by namespace, then whatever is no pod of the bundle."""
        pods = sorted(self.reach.workloads, key=lambda pod: pod.key)
        own = [self._workload(pod) for pod in pods]
        strange = [
            PictureEnd(str(one), EndShape.STRANGERS, one.space)
            for one in sorted(self.strangers, key=str)
        ]
        hosts = [
            PictureEnd(host.name, _SHAPES.get(host.kind, EndShape.NODE))
            for host in self.reach.topology.hosts
        ]
        services = [
            PictureEnd(_called(Endpoint.service(one.key)), EndShape.SERVICE, one.namespace)
            for one in self.reach.topology.services
            if one.key != DNS and one.key in self._asked
        ]
        return (*own, *services, *strange, PictureEnd(DNS_NAME, EndShape.DNS), *hosts)

    @cached_property
    def _asked(self) -> frozenset[str]:
        """The Services that flows of a probed bundle go to."""
        flows = self.reach.given or ()
        return frozenset(
            flow.destination.name for flow in flows if flow.destination.kind is EndpointKind.SERVICE
        )

    def _workload(self, pod: Pod) -> PictureEnd:
        ingress, egress = (
            tuple(self._places[one.key] for one in self.reach.index.isolating(pod, direction))
            for direction in Direction
        )
        return PictureEnd(pod.key, EndShape.WORKLOAD, pod.namespace, ingress, egress)

    @cached_property
    def _at(self) -> dict[str, int]:
        return {end.name: at for at, end in enumerate(self.ends)}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {policy.key: at for at, policy in enumerate(self.reach.policies)}

    @cached_property
    def _rules(self) -> dict[str, tuple[PictureRule, int]]:
        """Every rule in force with its place, by what reasons call it."""
        found: dict[str, tuple[PictureRule, int]] = {}
        for policy in self.reach.policies:
            for rule in chain.from_iterable(policy.rules(direction) for direction in Direction):
                made = self._rule(policy, rule)
                found[_rule_key(policy, rule)] = made, len(found)
        return found

    def _rule(self, policy: NetworkPolicy, rule: Rule) -> PictureRule:
        word = "from" if rule.direction is Direction.INGRESS else "to"
        text = f"{word} {rule.peer_words(policy.namespace)} on {rule.port_words()}"
        at = self._places[policy.key]
        return PictureRule(at, policy.rule_name(rule), str(rule.origin), text)

    def _policy(self, policy: NetworkPolicy) -> PicturePolicy:
        selected = (self._at[pod.key] for pod in self.reach.index.selected(policy) if pod.probes)
        directions = tuple(one for one in Direction if one in policy.policy_types)
        return PicturePolicy(policy.key, str(policy.origin), tuple(sorted(selected)), directions)

    def _side(self, reason: Reason) -> PictureSide:
        return PictureSide(
            reason.direction,
            reason.expected,
            tuple(self._places[name] for name in reason.policies),
            tuple(self._rules[name][1] for name in reason.rules),
            reason.text if reason.expected is Expected.UNDEFINED else "",
        )

    def _met(
        self, exposure: Exposure, pod: Pod, port: Port, direction: Direction
    ) -> Iterator[tuple[str, PictureSide]]:
        """Yield what one pod's policies say of each kind of strangers."""
        policies = self.reach.index.isolating(pod, direction)
        places = tuple(self._places[policy.key] for policy in policies)
        inward = direction is Direction.INGRESS
        by = exposure.into(pod, port) if inward else exposure.out_of(pod, port)
        for at, who in enumerate(exposure.whom):
            passing = exposure.passing(pod, port, direction, who)
            rules = tuple(self._rules[_rule_key(policy, rule)][1] for policy, rule in passing)
            if by.allowed >> at & 1:
                answer = Expected.ALLOWED
            else:
                answer = Expected.UNDEFINED if by.undefined >> at & 1 else Expected.DENIED
            why = _NOBODY_KNOWS if answer is Expected.UNDEFINED else ""
            yield str(who), PictureSide(direction, answer, places, rules, why)

    def _port(self, flow: Flow) -> str:
        if flow.protocol is Protocol.ICMP:
            return str(flow.protocol)
        port = Port(flow.port, flow.protocol)
        abroad = flow.destination.kind in (EndpointKind.OUTSIDE, EndpointKind.NODE)
        by = "" if flow.path in USUAL or flow.destination == Endpoint.service(DNS) else flow.path
        return f"{self.word(port) if abroad else port}{f' by {by}' if by else ''}"

    def _put(
        self, source: str, there: tuple[str, str, Family], sides: Iterable[PictureSide]
    ) -> None:
        name, port, family = there
        row = self.rows.setdefault((self._at[name], port, family), {})
        row[self._at[source]] = self.decisions(tuple(map(self.sides, sides))) + 1

    def _targets(self) -> Iterator[PictureTarget]:
        """Yield the targets; families that go alike are one, and ports that go as any other."""
        by_port: dict[tuple[int, str], dict[Family, dict[int, int]]] = {}
        for (end, port, family), row in self.rows.items():
            by_port.setdefault((end, port), {})[family] = row
        made: dict[tuple[int, str], tuple[int, ...]] = {}
        for (end, port), families in sorted(by_port.items(), key=_order):
            merged = _merged(families.values())
            if merged is not None:
                made[end, port] = self._cells(merged)
            else:
                made |= {
                    (end, f"{port} {family}"): self._cells(row) for family, row in families.items()
                }
        for (end, port), cells in made.items():
            rest = f"{OTHER}/{port.partition('/')[2]}"
            if port == rest or made.get((end, rest)) != cells:
                yield PictureTarget(end, port, cells)

    def _cells(self, row: Mapping[int, int]) -> tuple[int, ...]:
        every = (row.get(at, 0) for at in range(len(self.ends)))
        runs = ((sum(1 for _ in alike), decision) for decision, alike in groupby(every))
        return tuple(chain.from_iterable(runs))


_NOBODY_KNOWS = "an ipBlock may hold their addresses"


def _merged(rows: Iterable[Mapping[int, int]]) -> dict[int, int] | None:
    """Return rows as one, None where they answer differently; what only one asks is its to say."""
    merged: dict[int, int] = {}
    for row in rows:
        if any(merged.get(at, decision) != decision for at, decision in row.items()):
            return None
        merged |= row
    return merged


def _order(one: tuple[tuple[int, str], object]) -> tuple[int, int, str]:
    (end, port), _ = one
    number = port.partition("/")[0]
    return end, int(number) if number.isdecimal() else 0, port


def _called(end: Endpoint) -> str:
    if end.kind is EndpointKind.SERVICE:
        return DNS_NAME if end.name == DNS else str(end)
    return end.name


def _rule_key(policy: NetworkPolicy, rule: Rule) -> str:
    """Return what reasons call a rule."""
    return f"{policy.key} {rule}"
