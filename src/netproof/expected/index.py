"""Who is selected by what, worked out once per topology and set of policies.

A matrix asks the same questions of every pair of pods; selectors are matched here once per policy
and pod, and a flow then costs a few look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeVar

from netproof.errors import HarnessBug
from netproof.model.flow import Direction
from netproof.model.workload import (
    NAMESPACE_NAME_LABEL,
    Host,
    Pod,
    Protocol,
    Service,
    Topology,
)
from netproof.policy import IpBlock, NetworkPolicy, Peer, PodPeer, PortMatch, Rule

T = TypeVar("T")

_STRANGE = {NAMESPACE_NAME_LABEL: ""}
"""Labels of a namespace that nobody can have named."""


@dataclass(frozen=True, slots=True)
class IndexedRule:
    """A rule with its peers looked up: everyone, these pods, and these blocks of addresses.

    `strangers` tells whether it would select a pod without labels in a namespace without any.
    `name` is `namespace/name ingress[0]`, `place` the same with its file and line.
    """

    name: str
    place: str
    ports: tuple[PortMatch, ...]
    everyone: bool
    pods: frozenset[str]
    blocks: tuple[IpBlock, ...]
    strangers: bool = False

    def has_port(self, port: int, protocol: Protocol, served_by: Pod | None) -> bool:
        """Tell whether the rule is for this port.

        A named port is looked up on `served_by`, the pod at the destination; elsewhere there are
        no names to look up (NetworkPolicyPort.port: "a numerical or named port on a pod").
        """
        return not self.ports or any(
            _is_port(match, port, protocol, served_by) for match in self.ports
        )

    def has_address(self, address: str) -> bool:
        """Tell whether one of the blocks contains the address."""
        parsed = _address(address)
        return any(block.contains(parsed) for block in self.blocks)


class PolicyIndex:
    """The topology by name, and for each pod the policies that isolate it."""

    def __init__(self, topology: Topology, policies: Iterable[NetworkPolicy]) -> None:
        self.topology = topology
        self._pods = {pod.key: pod for pod in topology.pods}
        self._services = {service.key: service for service in topology.services}
        self._hosts = {host.name: host for host in topology.hosts}
        self._labels = {ns.name: dict(ns.labels) for ns in topology.namespaces}
        self._isolating: dict[tuple[str, Direction], tuple[NetworkPolicy, ...]] = {}
        self._rules: dict[tuple[str, Direction], tuple[IndexedRule, ...]] = {}
        self._backends: dict[str, tuple[Pod, ...]] = {}
        policies = tuple(policies)
        for direction in Direction:
            self._index(direction, [p for p in policies if direction in p.policy_types])

    def pod(self, key: str) -> Pod:
        """Return a pod by `namespace/name`; raise HarnessBug where the topology has none."""
        return _known(self._pods, key, "pod")

    def service(self, key: str) -> Service:
        """Return a Service by `namespace/name`; raise HarnessBug where the topology has none."""
        return _known(self._services, key, "Service")

    def host(self, name: str) -> Host:
        """Return a node or outside host; raise HarnessBug where the topology has none."""
        return _known(self._hosts, name, "host")

    def backends(self, service: Service) -> tuple[Pod, ...]:
        """Return the pods behind a Service."""
        if service.key not in self._backends:
            self._backends[service.key] = self.topology.backends(service)
        return self._backends[service.key]

    def isolating(self, pod: Pod, direction: Direction) -> tuple[NetworkPolicy, ...]:
        """Return the policies that isolate a pod in a direction, in the order given."""
        return self._isolating[pod.key, direction]

    def rules(self, pod: Pod, direction: Direction) -> tuple[IndexedRule, ...]:
        """Return all rules that may let traffic of a pod pass: those of all its policies."""
        return self._rules[pod.key, direction]

    def _index(self, direction: Direction, policies: list[NetworkPolicy]) -> None:
        rules = {id(p): tuple(self._rule(p, r) for r in p.rules(direction)) for p in policies}
        for pod in self.topology.pods:
            selecting = tuple(
                p
                for p in policies
                if p.namespace == pod.namespace and p.pod_selector.matches(pod.labels)
            )
            self._isolating[pod.key, direction] = selecting
            self._rules[pod.key, direction] = tuple(r for p in selecting for r in rules[id(p)])

    def _rule(self, policy: NetworkPolicy, rule: Rule) -> IndexedRule:
        pods = {
            key
            for peer in rule.peers
            if isinstance(peer, PodPeer)
            for key in self._selected(peer, policy.namespace)
        }
        blocks = tuple(peer for peer in rule.peers if isinstance(peer, IpBlock))
        name = f"{policy.key} {rule.direction.lower()}[{rule.index}]"
        place = f"{policy.key} {rule}"
        everyone, strangers = not rule.peers, any(map(_is_of_strangers, rule.peers))
        return IndexedRule(name, place, rule.ports, everyone, frozenset(pods), blocks, strangers)

    def _selected(self, peer: PodPeer, own: str) -> Iterable[str]:
        namespaces = self._namespaces(peer, own)
        return (
            pod.key
            for pod in self.topology.pods
            if pod.namespace in namespaces
            and (peer.pod_selector is None or peer.pod_selector.matches(pod.labels))
        )

    def _namespaces(self, peer: PodPeer, own: str) -> set[str]:
        if peer.namespace_selector is None:
            return {own}
        names = {pod.namespace for pod in self.topology.pods}
        return {n for n in names if peer.namespace_selector.matches(self._namespace_labels(n))}

    def _namespace_labels(self, name: str) -> Mapping[str, str]:
        # The API server sets the name's label on each namespace, whoever made it and however.
        return {**self._labels.get(name, {}), NAMESPACE_NAME_LABEL: name}


def _is_of_strangers(peer: Peer) -> bool:
    if not isinstance(peer, PodPeer) or peer.namespace_selector is None:
        return False
    return peer.namespace_selector.matches(_STRANGE) and (
        peer.pod_selector is None or peer.pod_selector.matches({})
    )


def _is_port(match: PortMatch, port: int, protocol: Protocol, served_by: Pod | None) -> bool:
    if match.protocol is not protocol:
        return False
    if match.port is None:
        return True
    if isinstance(match.port, str):
        served = served_by.ports if served_by else ()
        return any(
            p.name == match.port and p.protocol is protocol and p.number == port for p in served
        )
    return match.port <= port <= (match.end_port or match.port)


@lru_cache(maxsize=65536)
def _address(text: str) -> IPv4Address | IPv6Address:
    # A matrix asks for each address as often as there are pods and rules.
    return ip_address(text)


def _known(found: Mapping[str, T], key: str, kind: str) -> T:
    try:
        return found[key]
    except KeyError:
        raise HarnessBug(f"a flow names the {kind} {key}, which its topology lacks") from None
