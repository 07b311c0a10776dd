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
from netproof.model.workload import NAMESPACE_NAME_LABEL, Pod, Port, Protocol
from netproof.policy.bundle import Bundle
from netproof.policy.networkpolicy import NetworkPolicy, Rule
from netproof.policy.peers import PodPeer
from netproof.policy.ports import PortMatch


@dataclass(frozen=True, slots=True)
class Wanted:
    """A port that pods (`namespace/name`) serve because somebody (`who`, at `place`) names it."""

    pods: frozenset[str]
    port: int
    protocol: Protocol
    who: str
    place: str


def wanted_ports(bundle: Bundle, also: Iterable[Wanted] = ()) -> tuple[Bundle, tuple[Note, ...]]:
    """Return the bundle with every port served that something names, and a note for each."""
    extra: dict[str, dict[tuple[int, Protocol], Wanted]] = {}
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


def _by_services(bundle: Bundle) -> Iterator[Wanted]:
    for service in bundle.services:
        place = next(
            str(m.origin)
            for m in bundle.manifests
            if (m.kind, m.namespace, m.name) == ("Service", service.namespace, service.name)
        )
        behind = frozenset(
            pod.key
            for pod in bundle.pods
            if pod.namespace == service.namespace and service.selector.items() <= pod.labels.items()
        )
        for port in service.ports:
            if isinstance(port.target, int):
                who = f"Service {service.key}"
                yield Wanted(behind, port.target, port.protocol, who, place)


def _by_policies(bundle: Bundle) -> Iterator[Wanted]:
    labels = {namespace.name: namespace.labels for namespace in bundle.namespaces}
    for policy in bundle.policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                yield from _by_rule(bundle, policy, rule, labels)


def _by_rule(
    bundle: Bundle, policy: NetworkPolicy, rule: Rule, labels: Mapping[str, Mapping[str, str]]
) -> Iterator[Wanted]:
    """Yield the ports a rule names, for the pods it names as servers.

    An egress rule without peers names nobody, so no pod serves a port for its sake.
    """
    servers = frozenset(
        pod.key
        for pod in bundle.pods
        if (
            selects(policy, pod)
            if rule.direction is Direction.INGRESS
            else any(
                is_peer(peer, policy, pod, labels)
                for peer in rule.peers
                if isinstance(peer, PodPeer)
            )
        )
    )
    pods = {pod.key: pod for pod in bundle.pods}
    for match in rule.ports:
        if isinstance(match.port, int):
            lacking = frozenset(key for key in servers if not _has_one_of(pods[key], match))
            who = f"{policy.key} {rule.direction.lower()}[{rule.index}]"
            yield Wanted(lacking, match.port, match.protocol, who, str(match.origin))


def selects(policy: NetworkPolicy, pod: Pod) -> bool:
    """Tell whether a policy applies to a pod."""
    return pod.namespace == policy.namespace and policy.pod_selector.matches(pod.labels)


def is_peer(
    peer: PodPeer, policy: NetworkPolicy, pod: Pod, labels: Mapping[str, Mapping[str, str]]
) -> bool:
    """Tell whether a peer of a policy's rule is this pod; `labels` are those of namespaces."""
    if peer.namespace_selector is None:
        if pod.namespace != policy.namespace:
            return False
    else:
        own = {**labels.get(pod.namespace, {}), NAMESPACE_NAME_LABEL: pod.namespace}
        if not peer.namespace_selector.matches(own):
            return False
    return peer.pod_selector is None or peer.pod_selector.matches(pod.labels)


def _has_one_of(pod: Pod, match: PortMatch) -> bool:
    assert isinstance(match.port, int)  # noqa: S101 - for the type checker; the caller looked
    last = match.end_port or match.port
    return any(
        port.protocol is match.protocol and match.port <= port.number <= last for port in pod.ports
    )
