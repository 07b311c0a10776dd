"""What workloads let in from pods that are not in the bundle, and where they may go among them.

Only the workload's own policies are asked: a stranger's namespace may have policies of its own. So
this is who *may* get in. Strangers are told apart by what rules ask of them, by labels and by those
of namespaces; where a rule names pods of one namespace as workloads of the bundle are told apart,
and such are there (or the cluster's DNS), it means those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address

from netproof.expected import as_set, positions
from netproof.expected.decision import weigh
from netproof.expected.traffic import Packets, Party
from netproof.model.flow import Direction, Expected
from netproof.model.review import Cause, ReachedBy
from netproof.model.value import replace
from netproof.model.workload import Family, Pod, Port
from netproof.policy import IpBlock, NetworkPolicy, PodPeer, Rule, matching
from netproof.policy.strangers import ANYONE, Strangers, named_by, read_strangers
from netproof.review import phrases
from netproof.review.reachability import Reachability


def strangers_of(reach: Reachability) -> Iterator[Strangers]:
    """Yield whom the rules of a bundle name that need not be in it, some of them twice."""
    yield ANYONE
    telling = _telling(reach)
    for policy, peer in _pod_peers(reach):
        if not _means_workloads(reach, policy, peer, telling):
            yield named_by(peer, policy.namespace)


def _pod_peers(reach: Reachability) -> Iterator[tuple[NetworkPolicy, PodPeer]]:
    for policy in reach.policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                yield from ((policy, peer) for peer in rule.peers if isinstance(peer, PodPeer))


def port_names(reach: Reachability) -> Iterator[Port]:
    """Yield the ports that egress rules name by a name only; it may stand for any number."""
    for policy in reach.policies:
        for rule in policy.rules(Direction.EGRESS):
            for match in rule.ports:
                if isinstance(match.port, str):
                    yield Port(0, match.protocol, match.port)


def _means_workloads(
    reach: Reachability, policy: NetworkPolicy, peer: PodPeer, telling: set[str]
) -> bool:
    """Tell whether a peer means pods that are there, by the labels that tell workloads apart.

    Those are what Services and policies select by. Other labels are given to whoever is to be let
    in, and often by whoever makes pods that are in no bundle.
    """
    keys = set(matching.label_keys(peer.pod_selector)) if peer.pod_selector else set()
    known = bool(keys) and keys <= telling
    if not known or not named_by(peer, policy.namespace).space:
        return False
    return bool(reach.index.population.named(peer, policy.namespace))


def _telling(reach: Reachability) -> set[str]:
    served = {key for service in reach.topology.services for key in service.selector}
    chosen = {key for one in reach.policies for key in matching.label_keys(one.pod_selector)}
    return served | chosen


def among(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return for each of some strangers those whom they are among; of equals the first counts."""
    every = {name: found for name in sorted(names) if (found := read_strangers(name))}
    order = list(every)
    kin = _Kin(list(every.values()))
    wider: dict[str, list[str]] = {name: [] for name in every}
    for at, (name, wide) in enumerate(every.items()):
        for other in positions(kin.within(wide) & ~(1 << at)):
            if at < other or not every[order[other]].covers(wide):
                wider[order[other]].append(name)
    return {name: tuple(those) for name, those in wider.items()}


class _Kin:
    """Who of some strangers are among others, looked up by what both are asked for.

    Most ask for labels with values, which only those have who ask for just these.
    """

    def __init__(self, whom: Sequence[Strangers]) -> None:
        self._whom = whom
        self._every = (1 << len(whom)) - 1
        self._asking: dict[object, int] = {}
        for at, one in enumerate(whom):
            for kind, required in enumerate((one.pods, one.spaces)):
                for asked in required:
                    for key in ((kind, asked.key), (kind, asked)):
                        self._asking[key] = self._asking.get(key, 0) | 1 << at

    def within(self, wide: Strangers) -> int:
        """Return the places of all who are among some others."""
        members = self._every
        for kind, required in enumerate((wide.pods, wide.spaces)):
            for wanted in required:
                members &= self._asking.get((kind, wanted.key), 0)
                same = members & self._asking.get((kind, wanted), 0)
                if len(wanted.values) != 1:
                    same |= as_set(
                        at for at in positions(members & ~same) if wide.covers(self._whom[at])
                    )
                members = same
        return members


@dataclass(frozen=True)
class Exposure:
    """What the policies of a bundle say of some strangers; sets are of their places in `whom`."""

    reach: Reachability
    whom: Sequence[Strangers]
    other: int
    """The port that no rule names, which stands for one that a rule names by its name only."""

    def into(self, pod: Pod, port: Port) -> ReachedBy:
        """Return which strangers a workload lets in at a port."""
        return self._answer(pod, port, Direction.INGRESS, ())

    def out_of(self, pod: Pod, port: Port) -> ReachedBy:
        """Return which strangers a workload may send to at a port, which may be named only."""
        at = replace(port, number=self.other) if port.name else port
        return self._answer(pod, at, Direction.EGRESS, (at,))

    def causes(self, pod: Pod, port: Port, direction: Direction, who: Strangers) -> Iterator[Cause]:
        """Yield the rules that let some strangers pass, or that no policy isolates the pod."""
        if not self.reach.index.isolating(pod, direction):
            yield Cause("", f"no policy isolates {pod.key} for {direction.lower()}")
        for policy, rule in self.passing(pod, port, direction, who):
            verb = phrases.verb(direction)
            yield Cause(str(rule.origin), f"{policy.rule_name(rule)} lets {verb} {who}")

    def passing(
        self, pod: Pod, port: Port, direction: Direction, who: Strangers
    ) -> Iterator[tuple[NetworkPolicy, Rule]]:
        """Yield the rules that let some strangers pass, with their policies."""
        at = replace(port, number=self.other) if port.name else port
        server = pod if direction is Direction.INGRESS else _stranger(self._ips, (at,))
        for policy in self.reach.index.isolating(pod, direction):
            for rule in policy.rules(direction):
                here = matching.is_for_port(rule.ports, at.number, at.protocol, server)
                if here and self._means(policy, rule, who):
                    yield policy, rule

    def _means(self, policy: NetworkPolicy, rule: Rule, who: Strangers) -> bool:
        if not rule.peers or any(one.covers(who) for one in _named(policy, rule)):
            return True
        blocks = [peer for peer in rule.peers if isinstance(peer, IpBlock)]
        addresses = [ip_address(ip) for ip in self._ips]
        return any(matching.block_condition(b, ip) is None for b in blocks for ip in addresses)

    def _answer(
        self, pod: Pod, at: Port, direction: Direction, served: tuple[Port, ...]
    ) -> ReachedBy:
        policies = self.reach.index.isolating(pod, direction)
        every = (1 << len(self.whom)) - 1
        if not policies:
            return ReachedBy(every, 0)
        stranger = _stranger(self._ips, served)
        server = pod if direction is Direction.INGRESS else stranger
        rules = [
            (policy, rule)
            for policy in policies
            for rule in policy.rules(direction)
            if matching.is_for_port(rule.ports, at.number, at.protocol, server)
        ]
        key = (tuple((id(policy), id(rule)) for policy, rule in rules), pod.host_network)
        if key not in self._known:
            packets = Packets(at.number, at.protocol, Family.IPV4)
            answer, _, _ = weigh(self.reach.index, pod, Party(stranger), packets, direction)
            named = 0 if pod.host_network else self._named(rules)
            allowed = every if answer is Expected.ALLOWED else named
            undefined = every & ~allowed if answer is Expected.UNDEFINED else 0
            self._known[key] = ReachedBy(allowed, undefined)
        return self._known[key]

    def _named(self, rules: Iterable[tuple[NetworkPolicy, Rule]]) -> int:
        members = 0
        for policy, rule in rules:
            for wide in _named(policy, rule):
                members |= self._covered(wide)
        return members

    def _covered(self, wide: Strangers) -> int:
        if wide not in self._within:
            self._within[wide] = self._kin.within(wide)
        return self._within[wide]

    @cached_property
    def _kin(self) -> _Kin:
        return _Kin(self.whom)

    @cached_property
    def _within(self) -> dict[Strangers, int]:
        return {}

    @cached_property
    def _known(self) -> dict[object, ReachedBy]:
        return {}

    @cached_property
    def _ips(self) -> tuple[str, ...]:
        return next((pod.ips for pod in self.reach.workloads), ())


def _named(policy: NetworkPolicy, rule: Rule) -> Iterator[Strangers]:
    return (named_by(one, policy.namespace) for one in rule.peers if isinstance(one, PodPeer))


def _stranger(ips: tuple[str, ...], served: tuple[Port, ...]) -> Pod:
    """Return a pod without labels, in no namespace of the bundle, with an address of pods."""
    return Pod("", "", ports=served, ips=ips, probes=False)
