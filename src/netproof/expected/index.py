"""Who is selected by what, worked out once per topology and set of policies.

A matrix asks the same questions of every pair of pods; selectors are matched here once per policy
and pod, and a flow then costs a few look-ups.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeVar

from netproof.errors import HarnessBug
from netproof.model.flow import Direction
from netproof.model.workload import NAMESPACE_NAME_LABEL, Host, Pod, Protocol, Service, Topology
from netproof.policy import IpBlock, NetworkPolicy, PodPeer, PortMatch, Rule, matching
from netproof.policy.population import Population

T = TypeVar("T")

Side = tuple[str, Direction]
"""A pod by its name, and a direction of its traffic."""

_STRANGER = Pod("", "")
"""A pod without labels, in a namespace whose labels nobody can have named."""

API_SERVER_POD = Pod(
    "kube-system",
    "kube-apiserver",
    {"component": "kube-apiserver", "tier": "control-plane"},
    host_network=True,
)
"""The API server where kubeadm makes it a static pod; elsewhere it is none."""

_STRANGE = {"": {NAMESPACE_NAME_LABEL: ""}}


@dataclass(frozen=True, slots=True)
class IndexedRule:
    """A rule with its peers looked up: everyone, these pods, and these blocks of addresses.

    `strangers` tells whether it would select a pod without labels in a namespace without any,
    `api_server` whether it would select that of kubeadm, a pod in its node's network.
    `name` is `namespace/name ingress[0]`, `place` the same with its file and line.
    """

    name: str
    place: str
    ports: tuple[PortMatch, ...]
    everyone: bool
    pods: frozenset[str]
    blocks: tuple[IpBlock, ...]
    strangers: bool = False
    api_server: bool = False

    def has_port(self, port: int, protocol: Protocol, server: Pod | None) -> bool:
        """Tell whether the rule is for this port of `server`, the pod at the destination."""
        return matching.is_for_port(self.ports, port, protocol, server)

    def has_address(self, address: str) -> bool:
        """Tell whether one of the blocks contains the address."""
        parsed = parsed_address(address)
        return any(matching.block_condition(block, parsed) is None for block in self.blocks)


class PolicyIndex:
    """The topology by name, and for each pod the policies that isolate it."""

    def __init__(self, topology: Topology, policies: Iterable[NetworkPolicy]) -> None:
        self.topology = topology
        self.policies = tuple(policies)
        self._pods = {pod.key: pod for pod in topology.pods}
        self._services = {service.key: service for service in topology.services}
        self._hosts = {host.name: host for host in topology.hosts}
        self.population = Population(topology.pods, matching.namespace_labels(topology.namespaces))
        self.labels = self.population.labels
        self._keys: dict[int, frozenset[str]] = {}
        self._isolating: dict[Side, list[NetworkPolicy]] = {}
        self._rules: dict[Side, list[IndexedRule]] = {}
        self._indexed: dict[tuple[str, int], tuple[Rule, IndexedRule]] = {}
        for policy in self.policies:
            self._add(policy)

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
        return self.population.behind(service)

    def isolating(self, pod: Pod, direction: Direction) -> Sequence[NetworkPolicy]:
        """Return the policies that isolate a pod in a direction, in the order given."""
        return self._isolating.get((pod.key, direction), ())

    def rules(self, pod: Pod, direction: Direction) -> Sequence[IndexedRule]:
        """Return all rules that may let traffic of a pod pass: those of all its policies."""
        return self._rules.get((pod.key, direction), ())

    def selected(self, policy: NetworkPolicy) -> Sequence[Pod]:
        """Return the pods that a policy is about, in the topology's order."""
        return self.population.selected(policy)

    def with_changed(self, original: NetworkPolicy, new: NetworkPolicy | None) -> PolicyIndex:
        """Return the index with one policy in another's place, or in none.

        The two select the same pods and share all rules but those that changed; what is known of
        all others is kept.
        """
        made = copy.copy(self)
        made._swap(original, new)  # noqa: SLF001 - it is one of us
        return made

    def _swap(self, original: NetworkPolicy, new: NetworkPolicy | None) -> None:
        swapped = [new if policy is original else policy for policy in self.policies]
        self.policies = tuple(policy for policy in swapped if policy is not None)
        self._isolating, self._rules = dict(self._isolating), dict(self._rules)
        self._indexed = dict(self._indexed)
        for pod in self.selected(original):
            for direction in original.policy_types:
                side = pod.key, direction
                swapped = [new if one is original else one for one in self._isolating[side]]
                policies = [policy for policy in swapped if policy is not None]
                self._isolating[side] = policies
                self._rules[side] = [r for one in policies for r in self._rules_of(one, direction)]

    def _rules_of(self, policy: NetworkPolicy, direction: Direction) -> Iterator[IndexedRule]:
        """Yield a policy's rules; each is indexed once, however often its policy changes."""
        for rule in policy.rules(direction):
            at = policy.key, id(rule)
            if at not in self._indexed:
                self._indexed[at] = rule, self._rule(policy, rule)  # the rule, to keep its id taken
            yield self._indexed[at][1]

    def _add(self, policy: NetworkPolicy) -> None:
        selected = [pod.key for pod in self.selected(policy)]
        for direction in policy.policy_types if selected else ():
            rules = tuple(self._rules_of(policy, direction))
            for key in selected:
                at = key, direction
                self._isolating.setdefault(at, []).append(policy)
                self._rules.setdefault(at, []).extend(rules)

    def _rule(self, policy: NetworkPolicy, rule: Rule) -> IndexedRule:
        peers = [peer for peer in rule.peers if isinstance(peer, PodPeer)]
        return IndexedRule(
            name=policy.rule_name(rule),
            place=f"{policy.key} {rule}",
            ports=rule.ports,
            everyone=not rule.peers,
            pods=self._named(peers, policy.namespace),
            blocks=tuple(peer for peer in rule.peers if isinstance(peer, IpBlock)),
            strangers=any(_names_strangers(peer, policy.namespace) for peer in peers),
            api_server=any(
                matching.names_pod(peer, policy.namespace, API_SERVER_POD, self.labels)
                for peer in peers
            ),
        )

    def _named(self, peers: Iterable[PodPeer], own: str) -> frozenset[str]:
        """Return whom some peers name, as one set for all who name the same by one peer."""
        named = [self.population.named(peer, own) for peer in peers]
        if len(named) != 1:
            return frozenset(pod.key for pods in named for pod in pods)
        (pods,) = named
        if id(pods) not in self._keys:
            self._keys[id(pods)] = frozenset(pod.key for pod in pods)
        return self._keys[id(pods)]


def _names_strangers(peer: PodPeer, own: str) -> bool:
    return matching.names_pod(peer, own, _STRANGER, _STRANGE)


@lru_cache(maxsize=65536)
def parsed_address(text: str) -> IPv4Address | IPv6Address:
    """Return a textual address as a value; a matrix asks for each as often as there are rules."""
    return ip_address(text)


def _known(members: Mapping[str, T], key: str, kind: str) -> T:
    try:
        return members[key]
    except KeyError:
        raise HarnessBug(f"a flow names the {kind} {key}, which its topology lacks") from None
