"""Ports that pods serve though no container declares them, because something else names them.

`containerPort` is information only (Container.ports: "Not specifying a port here DOES NOT prevent
that port from being exposed"), so a port that a Service sends to, or a rule is about, counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from netproof.model.flow import Direction
from netproof.model.review import Note
from netproof.model.value import replace
from netproof.model.workload import Pod, Port, Protocol, Topology
from netproof.policy import matching
from netproof.policy.bundle import Bundle
from netproof.policy.networkpolicy import NetworkPolicy, Rule
from netproof.policy.peers import PodPeer


@dataclass(frozen=True, slots=True)
class PortDemand:
    """A port that pods (`namespace/name`) serve because somebody (`who`, at `place`) names it."""

    pods: frozenset[str]
    port: int
    protocol: Protocol
    who: str
    place: str


def with_extra_ports(
    bundle: Bundle, also: Iterable[PortDemand] = ()
) -> tuple[Bundle, tuple[Note, ...]]:
    """Return the bundle with every port served that something names, and a note for each."""
    extra: dict[str, dict[tuple[int, Protocol], PortDemand]] = {}
    pods = {pod.key: pod for pod in bundle.pods}
    for wanted in (*_by_services(bundle), *_by_policies(bundle), *also):
        for key in sorted(wanted.pods):
            if not _serves(pods[key], wanted.port, wanted.protocol):
                extra.setdefault(key, {}).setdefault((wanted.port, wanted.protocol), wanted)
    notes = [
        Note(
            f"pod {key}",
            wanted.place,
            f"declares no {wanted.port}/{wanted.protocol}; it is served because {wanted.who} "
            "names it",
        )
        for key, added in extra.items()
        for wanted in added.values()
    ]
    grown = tuple(_grown(pod, extra.get(pod.key, {})) for pod in bundle.pods)
    return replace(bundle, pods=grown), tuple(notes)


def _grown(pod: Pod, extra: Iterable[tuple[int, Protocol]]) -> Pod:
    return replace(pod, ports=pod.ports + tuple(Port(n, p) for n, p in sorted(extra)))


def _serves(pod: Pod, number: int, protocol: Protocol) -> bool:
    return any(port.number == number and port.protocol is protocol for port in pod.ports)


def _by_services(bundle: Bundle) -> Iterator[PortDemand]:
    for service in bundle.services:
        place = next(
            str(m.origin)
            for m in bundle.manifests
            if (m.kind, m.namespace, m.name) == ("Service", service.namespace, service.name)
        )
        behind = frozenset(pod.key for pod in Topology(pods=bundle.pods).backends(service))
        for port in service.ports:
            if isinstance(port.target, int):
                who = f"Service {service.key}"
                yield PortDemand(behind, port.target, port.protocol, who, place)


def _by_policies(bundle: Bundle) -> Iterator[PortDemand]:
    labels = matching.namespace_labels(bundle.namespaces)
    for policy in bundle.policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                yield from _by_rule(bundle, policy, rule, labels)


def _by_rule(
    bundle: Bundle, policy: NetworkPolicy, rule: Rule, labels: Mapping[str, Mapping[str, str]]
) -> Iterator[PortDemand]:
    """Yield the ports a rule names, for the pods it names as servers.

    An egress rule without peers names nobody, so no pod serves a port for its sake.
    """
    servers = frozenset(
        pod.key
        for pod in bundle.pods
        if (
            matching.selects(policy, pod)
            if rule.direction is Direction.INGRESS
            else any(
                matching.names_pod(peer, policy.namespace, pod, labels)
                for peer in rule.peers
                if isinstance(peer, PodPeer)
            )
        )
    )
    pods = {pod.key: pod for pod in bundle.pods}
    for match in rule.ports:
        if isinstance(match.port, int):
            lacking = frozenset(key for key in servers if not matching.serves(pods[key], match))
            who = policy.rule_name(rule)
            yield PortDemand(lacking, match.port, match.protocol, who, str(match.origin))
