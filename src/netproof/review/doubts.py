"""What of a bundle may decide otherwise than its NetworkPolicies, flow by flow.

An answer of the policies is certain where nothing else has a say: what they deny, where nothing
may open each side that denies; what they let pass, where nothing may close a side. From outside,
what comes by a node or a controller may come as somebody else; names may be asked of others than
the cluster's DNS.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from netproof.expected import Evaluator, as_set
from netproof.model.flow import (
    Direction,
    Endpoint,
    EndpointKind,
    Expectation,
    Expected,
    Flow,
    Path,
    Reason,
)
from netproof.model.review import Cause
from netproof.model.value import replace
from netproof.model.workload import HostKind, Pod
from netproof.policy.entrances import Entrance
from netproof.policy.overrulers import OtherEnd, Overruler
from netproof.review.reachability import API_PORTS, API_SERVER, Reachability
from netproof.review.ways import ask_resolver, may_be_routed, resolvers_of, ways_in

_MAY = {Expected.ALLOWED: "deny it", Expected.DENIED: "let it pass"}


@dataclass(frozen=True)
class Doubts:
    """Whatever may overrule the policies of a bundle, held against its flows."""

    reach: Reachability

    def of(self, flow: Flow, *, routed: bool = True, port_named: bool = True) -> tuple[Cause, ...]:
        """Return what may decide a flow otherwise than the policies do, nothing if they decide.

        With `routed` what comes from outside through the pods of a controller counts as from there;
        `port_named` tells whether the port is the one that is meant, not one of the likely.
        """
        said = self._expectation(flow)
        found = (
            *self._overruled(flow, said),
            *self._came_by(flow, said, routed=routed),
            *self._asked(flow, said),
            *(() if port_named else self._listens(flow, said)),
        )
        return tuple(dict.fromkeys(found))

    def answer(self, flow: Flow) -> Expected:
        """Return what the policies say of a flow; of a look-up, whoever is really asked.

        A link-local address is one of the pod's own node, which is not for policies to deny.
        """
        servers = self._resolvers.get(flow.source.name, ()) if flow.path is Path.DNS else ()
        answers = {ask_resolver(self.reach, flow, server).expected for server in servers}
        own_node = any(server.startswith(("169.254.", "fe80:")) for server in servers)
        if answers == {Expected.ALLOWED} or (answers == {Expected.DENIED} and not own_node):
            return answers.pop()
        return self._expectation(flow).expected

    def _expectation(self, flow: Flow) -> Expectation:
        """Return what the policies say of a flow, worked out once."""
        if flow not in self._said:
            self._said[flow] = Evaluator(self.reach.index).expect(flow)
        return self._said[flow]

    @cached_property
    def _said(self) -> dict[Flow, Expectation]:
        return {}

    @cached_property
    def possible(self) -> list[int]:
        """For each target of the bundle the sources of flows that anything here may be about."""
        grid, touched = self.reach.grid, self._touching
        leaving = self._sources({key for key, way in touched if way is Direction.EGRESS})
        entered = {key for key, way in touched if way is Direction.INGRESS}
        asking, outside = self._sources(self._resolvers), self._sources(self._outside)
        found = []
        for present, one in zip(grid.present, grid.targets, strict=True):
            may = asking if one.path is Path.DNS else 0
            may |= outside if (one.destination.name, one.port) in self._ways else 0
            if one.destination == Endpoint.node(API_SERVER):
                may = present
            any_end = any(pod.key in entered for pod in self._behind(one.destination))
            found.append(present if any_end else (may | leaving) & present)
        return found

    def _sources(self, names: Container[str]) -> int:
        ends = enumerate(self.reach.grid.sources)
        return as_set(at for at, end in ends if end.name in names)

    @cached_property
    def _outside(self) -> frozenset[str]:
        hosts = self.reach.hosts.values()
        return frozenset(host.name for host in hosts if host.kind is HostKind.OUTSIDE)

    def _overruled(self, flow: Flow, said: Expectation) -> tuple[Cause, ...]:
        if not self._touching:
            return ()
        if said.expected is Expected.DENIED:
            denying = [one for one in said.reasons if one.expected is Expected.DENIED]
            each = [self._openers(flow, one) for one in denying]
            found = [one for openers in each for one in openers] if all(each) else []
        elif said.expected is Expected.ALLOWED:
            found = [one for d in Direction for one in self._concerned(flow, d) if one.closes]
        else:
            return ()
        word = _MAY[said.expected]
        return tuple(Cause(one.place, f"{one.what} may {word}: {one.why}") for one in found)

    def _came_by(self, flow: Flow, said: Expectation, *, routed: bool) -> Iterator[Cause]:
        """Yield the ways in by which the outside may come as somebody else than it is."""
        if flow.source.kind is not EndpointKind.OUTSIDE or said.expected is Expected.UNDEFINED:
            return
        for way in self._ways.get((flow.destination.name, flow.port), ()):
            pod = self.reach.pods[flow.destination.name]
            if way.rewrites and self._rests_on_address(flow, pod):
                text = "may show a node's address in place of the client's"
                why = f"{text}: its externalTrafficPolicy is not Local"
                yield Cause(way.place, f"{way.what} {why}")
            if not routed or way.nodes or said.expected is not Expected.DENIED:
                continue
            if may_be_routed(self.reach, pod, flow.port, flow.protocol):
                text = f"publishes port {flow.port} of {pod.key}, by way of its controller's pods"
                yield Cause(way.place, f"{way.what} {text}")

    def _rests_on_address(self, flow: Flow, pod: Pod) -> bool:
        """Tell whether a block decides who may come, and everyone may not come anyway."""
        rules = [
            rule
            for rule in self.reach.index.rules(pod, Direction.INGRESS)
            if rule.has_port(flow.port, flow.protocol, pod)
        ]
        return any(rule.blocks for rule in rules) and not any(rule.everyone for rule in rules)

    def _asked(self, flow: Flow, said: Expectation) -> Iterator[Cause]:
        """Yield what is otherwise where a pod asks others for names than the cluster's DNS."""
        if self.answer(flow) is said.expected:
            yield from self.who_is_asked(flow)

    def who_is_asked(self, flow: Flow) -> tuple[Cause, ...]:
        """Return whom a pod asks for names, where that goes otherwise than at the cluster's DNS."""
        said = self._expectation(flow).expected
        if flow.path is not Path.DNS:
            return ()
        servers = self._resolvers.get(flow.source.name, ())
        each = ((server, ask_resolver(self.reach, flow, server)) for server in servers)
        return tuple(
            Cause("", f"{flow.source.name} asks {server} for names: {answer.text}")
            for server, answer in each
            if answer.expected is not said
        )

    def _listens(self, flow: Flow, said: Expectation) -> Iterator[Cause]:
        """Yield that it depends on the port, where the API server may listen at either of two."""
        if flow.destination != Endpoint.node(API_SERVER):
            return
        each = {
            port.number: self._expectation(replace(flow, port=port.number)).expected
            for port in API_PORTS
        }
        if set(each.values()) != {said.expected}:
            listed = ", ".join(f"{port} {answer}" for port, answer in each.items())
            yield Cause("", f"the API server listens at one of two ports: {listed}; name the port")

    @cached_property
    def _resolvers(self) -> Mapping[str, tuple[str, ...]]:
        return resolvers_of(self.reach.mirror)

    @cached_property
    def _ways(self) -> Mapping[tuple[str, int], Sequence[Entrance]]:
        """The ways in to each port of each pod."""
        found: dict[tuple[str, int], list[Entrance]] = {}
        for way, pod, port in ways_in(self.reach):
            found.setdefault((pod.key, port), []).append(way)
        return found

    def _openers(self, flow: Flow, reason: Reason) -> list[Overruler]:
        """Return what may open a side that denies; no policy, no opening: nobody is there."""
        if not reason.policies:
            return []
        return [one for one in self._concerned(flow, reason.direction) if one.opens]

    def _concerned(self, flow: Flow, direction: Direction) -> Iterator[Overruler]:
        outward = direction is Direction.EGRESS
        other = flow.destination if outward else flow.source
        for pod in self._pods(flow, direction):
            isolated = bool(self.reach.index.isolating(pod, direction))
            for one in self._touching.get((pod.key, direction), ()):
                if one.if_open and isolated:
                    continue
                if one.ports is not None and (flow.port, flow.protocol) not in one.ports:
                    continue
                if _is_other(one.other, other.kind):
                    yield one

    def _pods(self, flow: Flow, direction: Direction) -> tuple[Pod, ...]:
        """Return the pods at one end of a flow; behind a Service there may be several."""
        return self._behind(flow.source if direction is Direction.EGRESS else flow.destination)

    def _behind(self, end: Endpoint) -> tuple[Pod, ...]:
        if end.kind is EndpointKind.POD:
            return (self.reach.pods[end.name],)
        if end.kind is EndpointKind.SERVICE:
            return self.reach.index.backends(self.reach.index.service(end.name))
        return ()

    @cached_property
    def _touching(self) -> Mapping[tuple[str, Direction], Sequence[Overruler]]:
        """What may be about each pod, by direction; nothing for a pod that nothing is about."""
        mirror = self.reach.mirror
        found: dict[tuple[str, Direction], list[Overruler]] = {}
        pods = self.reach.topology.pods if mirror.overrulers else ()
        labels = {space: mirror.known_labels(space) for space in {pod.namespace for pod in pods}}
        for one in mirror.overrulers:
            for pod in pods:
                if one.may_touch(pod, labels[pod.namespace]):
                    for direction in one.directions:
                        found.setdefault((pod.key, direction), []).append(one)
        return found


def _is_other(meant: OtherEnd, kind: EndpointKind) -> bool:
    if meant is OtherEnd.ANY:
        return True
    is_pod = kind in (EndpointKind.POD, EndpointKind.SERVICE)
    return is_pod is (meant is OtherEnd.PODS)
