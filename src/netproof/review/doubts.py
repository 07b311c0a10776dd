"""What of a bundle may decide otherwise than its NetworkPolicies, flow by flow.

An answer of the policies is certain where nothing else has a say: what they deny, where nothing
may open each side that denies; what they let pass, where nothing may close a side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from netproof.model.flow import (
    Direction,
    EndpointKind,
    Expected,
    Flow,
    Reason,
)
from netproof.model.review import Cause
from netproof.model.workload import Pod
from netproof.policy.overrulers import OtherEnd, Overruler
from netproof.review.reachability import Reachability

_MAY = {Expected.ALLOWED: "deny it", Expected.DENIED: "let it pass"}


@dataclass(frozen=True)
class Doubts:
    """Whatever may overrule the policies of a bundle, held against its flows."""

    reach: Reachability

    def of(self, flow: Flow) -> tuple[Cause, ...]:
        """Return what may decide a flow otherwise than the policies do, nothing if they decide."""
        if not self._touching:
            return ()
        said = self.reach.matrix[flow]
        if said.expected is Expected.DENIED:
            denying = [one for one in said.reasons if one.expected is Expected.DENIED]
            each = [self._openers(flow, one) for one in denying]
            found = [one for openers in each for one in openers] if all(each) else []
        elif said.expected is Expected.ALLOWED:
            found = [one for d in Direction for one in self._concerned(flow, d) if one.closes]
        else:
            return ()
        word = _MAY[said.expected]
        causes = (Cause(one.place, f"{one.what} may {word}: {one.why}") for one in found)
        return tuple(dict.fromkeys(causes))

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
        end = flow.source if direction is Direction.EGRESS else flow.destination
        if end.kind is EndpointKind.POD:
            return (self.reach.pods[end.name],)
        if end.kind is EndpointKind.SERVICE:
            return self.reach.index.backends(self.reach.index.service(end.name))
        return ()

    @cached_property
    def _touching(self) -> dict[tuple[str, Direction], tuple[Overruler, ...]]:
        """What may be about each pod, by direction; nothing for a pod that nothing is about."""
        mirror = self.reach.mirror
        found: dict[tuple[str, Direction], tuple[Overruler, ...]] = {}
        for one in mirror.overrulers:
            for pod in self.reach.topology.pods:
                if one.may_touch(pod, mirror.known_labels(pod.namespace)):
                    for direction in one.directions:
                        at = pod.key, direction
                        found[at] = (*found.get(at, ()), one)
        return found


def _is_other(meant: OtherEnd, kind: EndpointKind) -> bool:
    if meant is OtherEnd.ANY:
        return True
    is_pod = kind in (EndpointKind.POD, EndpointKind.SERVICE)
    return is_pod is (meant is OtherEnd.PODS)
