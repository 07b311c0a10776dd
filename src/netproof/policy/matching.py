"""The one reading of selectors, peers and ports: what they match, and by which condition they fail.

Every question has one function that names the condition that fails, and yes is its absence, so an
answer and its explanation cannot come apart. Nobody else in netproof reads what a selector, peer
or port means; the lab has a reading of its own on purpose.
Source: k8s.io/api/networking/v1/types.go and
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from netproof.model.flow import Direction
from netproof.model.workload import NAMESPACE_NAME_LABEL, Namespace, Pod, Protocol
from netproof.policy.document import Origin
from netproof.policy.networkpolicy import NetworkPolicy, Rule
from netproof.policy.peers import Address, IpBlock, Network, Peer, PodPeer, lies_in
from netproof.policy.ports import PortMatch
from netproof.policy.selectors import LabelSelector, MatchExpression, Operator


class Condition(StrEnum):
    """What has to hold for a policy to apply to a pod, or for a rule to let packets pass."""

    POLICY_NAMESPACE = "the policy is in the pod's namespace"
    POD_SELECTOR = "the policy's podSelector matches the pod"
    POLICY_TYPES = "policyTypes cover the direction"
    PEER_IS_POD = "a peer by selectors needs a pod at the other end"
    PEER_IS_ADDRESS = "a peer by addresses needs a known address outside at the other end"
    PEER_NAMESPACE = "a peer without namespaceSelector is in the policy's namespace"
    PEER_NAMESPACE_SELECTOR = "the peer's namespaceSelector matches its namespace"
    PEER_POD_SELECTOR = "the peer's podSelector matches it"
    BLOCK_CIDR = "the address is in the block"
    BLOCK_EXCEPT = "the address is in none of the block's exceptions"
    PROTOCOL = "the protocol is the rule's"
    PORT_NUMBER = "the port is the rule's, or in its range"
    PORT_NAME = "the port has the rule's name at its pod"


@dataclass(frozen=True, slots=True)
class UnmetLabel:
    """A label as a selector wants it (None: by an expression) and as it is (None: not there)."""

    key: str
    wanted: str | None
    given: str | None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A condition that failed: what is written and where, and what there is instead."""

    condition: Condition
    origin: Origin
    written: str
    given: str = ""
    unmet: tuple[UnmetLabel, ...] = ()


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet every requirement of a selector; an empty one matches everything."""
    return selector.match_labels.items() <= labels.items() and all(
        meets(expression, labels) for expression in selector.match_expressions
    )


def meets(expression: MatchExpression, labels: Mapping[str, str]) -> bool:
    """Tell whether labels meet one requirement; NotIn and DoesNotExist also do without the key."""
    match expression.operator:
        case Operator.IN:
            return labels.get(expression.key) in expression.values
        case Operator.NOT_IN:
            return labels.get(expression.key) not in expression.values
        case Operator.EXISTS:
            return expression.key in labels
        case Operator.DOES_NOT_EXIST:
            return expression.key not in labels


def implies(given: MatchExpression, wanted: MatchExpression) -> bool:
    """Tell whether whatever meets one requirement meets another, too."""
    if given.key != wanted.key:
        return False
    match wanted.operator:
        case Operator.IN:
            return given.operator is Operator.IN and set(given.values) <= set(wanted.values)
        case Operator.EXISTS:
            return given.operator in (Operator.IN, Operator.EXISTS)
        case Operator.DOES_NOT_EXIST:
            return given.operator is Operator.DOES_NOT_EXIST
        case Operator.NOT_IN:
            return _avoids(given, set(wanted.values))


def _avoids(given: MatchExpression, values: set[str]) -> bool:
    if given.operator is Operator.IN:
        return not values & set(given.values)
    if given.operator is Operator.NOT_IN:
        return values <= set(given.values)
    return given.operator is Operator.DOES_NOT_EXIST


def unmet(selector: LabelSelector, labels: Mapping[str, str]) -> tuple[UnmetLabel, ...]:
    """Return the requirements of a selector that labels do not meet, none where it matches."""
    wrong = [
        UnmetLabel(key, wanted, labels.get(key))
        for key, wanted in sorted(selector.match_labels.items())
        if labels.get(key) != wanted
    ]
    wrong += [
        UnmetLabel(expression.key, None, labels.get(expression.key))
        for expression in selector.match_expressions
        if not meets(expression, labels)
    ]
    return tuple(wrong)


def label_keys(selector: LabelSelector) -> Iterator[str]:
    """Yield the keys that a selector asks about."""
    yield from selector.match_labels
    yield from (expression.key for expression in selector.match_expressions)


def namespace_labels(namespaces: Iterable[Namespace]) -> dict[str, dict[str, str]]:
    """Return the labels of each namespace, with its name's, which the API server sets on all."""
    return {space.name: labels_of(space.name, space.labels) for space in namespaces}


def labels_of(name: str, written: Mapping[str, str]) -> dict[str, str]:
    """Return what a namespace's labels are: the written ones and that of its name (KEP-2161)."""
    return {**written, NAMESPACE_NAME_LABEL: name}


def selects(policy: NetworkPolicy, pod: Pod) -> bool:
    """Tell whether a policy is about a pod, in whichever direction."""
    return policy.namespace == pod.namespace and matches(policy.pod_selector, pod.labels)


def selection_mismatches(
    policy: NetworkPolicy, pod: Pod, direction: Direction
) -> tuple[Mismatch, ...]:
    """Return why a policy does not isolate a pod in a direction, nothing where it does."""
    wrong = []
    if policy.namespace != pod.namespace:
        wrong.append(Mismatch(Condition.POLICY_NAMESPACE, policy.origin, policy.namespace))
    if not matches(policy.pod_selector, pod.labels):
        wrong.append(
            Mismatch(
                Condition.POD_SELECTOR,
                policy.origin,
                str(policy.pod_selector),
                unmet=unmet(policy.pod_selector, pod.labels),
            )
        )
    if direction not in policy.policy_types:
        types = ", ".join(sorted(policy.policy_types))
        wrong.append(Mismatch(Condition.POLICY_TYPES, policy.origin, types, str(direction)))
    return tuple(wrong)


def names_namespace(peer: PodPeer, own: str, name: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a peer of a policy in namespace `own` names pods of another one."""
    if peer.namespace_selector is None:
        return name == own
    return matches(peer.namespace_selector, labels)


def has_labels(peer: PodPeer, pod: Pod) -> bool:
    """Tell whether a peer names pods with the labels of this one, in whichever namespace."""
    return peer.pod_selector is None or matches(peer.pod_selector, pod.labels)


def names_pod(peer: PodPeer, own: str, pod: Pod, labels: Mapping[str, Mapping[str, str]]) -> bool:
    """Tell whether a peer of a policy in namespace `own` names a pod; `labels` by namespace."""
    space = labels.get(pod.namespace) or labels_of(pod.namespace, {})
    return names_namespace(peer, own, pod.namespace, space) and has_labels(peer, pod)


def pod_mismatches(
    peer: PodPeer, own: str, pod: Pod, labels: Mapping[str, Mapping[str, str]]
) -> tuple[Mismatch, ...]:
    """Return why a peer of a policy in namespace `own` does not name a pod."""
    wrong = []
    space = labels.get(pod.namespace) or labels_of(pod.namespace, {})
    if not names_namespace(peer, own, pod.namespace, space):
        if peer.namespace_selector is None:
            failed = Mismatch(Condition.PEER_NAMESPACE, peer.origin, own, pod.key)
        else:
            failed = Mismatch(
                Condition.PEER_NAMESPACE_SELECTOR,
                peer.origin,
                str(peer.namespace_selector),
                pod.namespace,
                unmet(peer.namespace_selector, space),
            )
        wrong.append(failed)
    if peer.pod_selector is not None and not has_labels(peer, pod):
        differ = unmet(peer.pod_selector, pod.labels)
        written = str(peer.pod_selector)
        wrong.append(Mismatch(Condition.PEER_POD_SELECTOR, peer.origin, written, pod.key, differ))
    return tuple(wrong)


def block_condition(block: IpBlock, address: Address) -> Condition | None:
    """Return the condition by which an address is not in a block, None where it is.

    An address of the other IP family never is.
    """
    if address not in block.cidr:
        return Condition.BLOCK_CIDR
    if any(address in cut for cut in block.excepts):
        return Condition.BLOCK_EXCEPT
    return None


def port_condition(
    match: PortMatch, port: int, protocol: Protocol, server: Pod | None
) -> Condition | None:
    """Return the condition by which an entry of a rule's ports is not for a port, None if it is.

    A named port is looked up on `server`, the pod at the destination; elsewhere there are no names
    to look up (NetworkPolicyPort.port: "a numerical or named port on a pod").
    """
    if match.protocol is not protocol:
        return Condition.PROTOCOL
    if match.port is None:
        return None
    if isinstance(match.port, str):
        for served in server.ports if server else ():
            if (served.name, served.number) == (match.port, port) and served.protocol is protocol:
                return None
        return Condition.PORT_NAME
    if match.port <= port <= (match.end_port or match.port):
        return None
    return Condition.PORT_NUMBER


def is_for_port(
    ports: tuple[PortMatch, ...], port: int, protocol: Protocol, server: Pod | None
) -> bool:
    """Tell whether a rule with these entries is for a port of `server`; one without is for all."""
    return not ports or any(
        port_condition(match, port, protocol, server) is None for match in ports
    )


def serves(pod: Pod, match: PortMatch) -> bool:
    """Tell whether a pod serves a port that an entry of a rule's ports is for."""
    return any(port_condition(match, port.number, port.protocol, pod) is None for port in pod.ports)


def port_range(match: PortMatch) -> tuple[int, int] | None:
    """Return the first and the last port that an entry numbers, None where it numbers none."""
    if not isinstance(match.port, int):
        return None
    return match.port, match.end_port or match.port


def is_written_for(match: PortMatch, number: int, name: str) -> bool:
    """Tell whether an entry of a rule's ports is this very number or name, ranges aside."""
    return match.port is not None and match.port in (number, name)


def block_covers(block: IpBlock, network: Network) -> bool:
    """Tell whether a block, its exceptions taken out, holds addresses of a network."""
    if block.cidr.version != network.version or not block.cidr.overlaps(network):
        return False
    shared = network if network.prefixlen >= block.cidr.prefixlen else block.cidr
    return not any(lies_in(shared, cut) for cut in block.excepts)


def named_blocks(policy: NetworkPolicy) -> Iterator[Network]:
    """Yield every block and exception that a policy's rules name, in force or not."""
    for rule in (*policy.ingress, *policy.egress):
        for peer in rule.peers:
            if isinstance(peer, IpBlock):
                yield peer.cidr
                yield from peer.excepts


def contains_rule(outer: tuple[NetworkPolicy, Rule], inner: tuple[NetworkPolicy, Rule]) -> bool:
    """Tell whether all that one rule lets pass, another does too, by what is written."""
    (outer_policy, outer_rule), (inner_policy, inner_rule) = outer, inner
    return (
        outer_policy.namespace == inner_policy.namespace
        and outer_rule.direction is inner_rule.direction
        and outer_policy.pod_selector in (LabelSelector(), inner_policy.pod_selector)
        and _contains_peers(outer_rule.peers, inner_rule.peers)
        and _contains_ports(outer_rule.ports, inner_rule.ports)
    )


def _contains_peers(outer: tuple[Peer, ...], inner: tuple[Peer, ...]) -> bool:
    if not outer:
        return True
    return bool(inner) and all(any(contains_peer(o, i) for o in outer) for i in inner)


def contains_peer(outer: Peer, inner: Peer) -> bool:
    """Tell whether whoever is meant by one peer is by another, too, by what is written."""
    if isinstance(outer, IpBlock) and isinstance(inner, IpBlock):
        return outer == inner or (not outer.excepts and lies_in(inner.cidr, outer.cidr))
    if isinstance(outer, PodPeer) and isinstance(inner, PodPeer):
        spaces = outer.namespace_selector in (inner.namespace_selector, LabelSelector())
        pods = outer.pod_selector in (None, LabelSelector(), inner.pod_selector)
        return spaces and pods
    return False


def _contains_ports(outer: tuple[PortMatch, ...], inner: tuple[PortMatch, ...]) -> bool:
    if not outer:
        return True
    return bool(inner) and all(any(_contains_port(o, i) for o in outer) for i in inner)


def _contains_port(outer: PortMatch, inner: PortMatch) -> bool:
    if outer.protocol is not inner.protocol:
        return False
    if outer.port is None or outer == inner:
        return True
    wide, narrow = port_range(outer), port_range(inner)
    return wide is not None and narrow is not None and wide[0] <= narrow[0] <= narrow[1] <= wide[1]
