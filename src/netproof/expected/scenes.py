"""Ways to take policies, labels and pods for others than they are: what misreadings are made of.

Each makes of the scenes of a scenario what a CNI would take the last of them for. Nothing here is
how policies are read; that is `policy.matching`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from itertools import pairwise, product

from netproof.expected.index import parsed_address
from netproof.model.flow import Direction
from netproof.model.value import replace as with_fields
from netproof.model.workload import NAMESPACE_NAME_LABEL, TRANSPORTS, Namespace, Pod, Topology
from netproof.policy import (
    IpBlock,
    LabelSelector,
    MatchExpression,
    Network,
    NetworkPolicy,
    Operator,
    Peer,
    PodPeer,
    PortMatch,
    Rule,
    lies_in,
    matching,
)

MARK = "netproof.internal/pod"
"""A label that each pod gets with its own name, so that policies can be about some of them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The policies in force and who was there, in one step of a scenario; `name` is the step's."""

    name: str
    policies: tuple[NetworkPolicy, ...]
    topology: Topology


Stage = Callable[[Sequence[Scene]], Scene]
"""What the last of some scenes is taken for, given those before it."""


# Policies that are taken for others, one by one.


def policies_as(change: Callable[[NetworkPolicy], Iterable[NetworkPolicy]]) -> Stage:
    """Take every policy for none, itself, or others."""

    def staged(scenes: Sequence[Scene]) -> Scene:
        now = scenes[-1]
        return replace(now, policies=tuple(p for one in now.policies for p in change(one)))

    return staged


def void(is_void: Callable[[NetworkPolicy], bool]) -> Stage:
    """Take some policies for none."""
    return policies_as(lambda policy: () if is_void(policy) else (policy,))


def types_as(change: Callable[[frozenset[Direction]], frozenset[Direction]]) -> Stage:
    """Take policies to isolate in other directions."""
    return policies_as(lambda policy: (replace(policy, policy_types=change(policy.policy_types)),))


def rule_lists_as(change: Callable[[tuple[Rule, ...]], Iterable[Rule]]) -> Stage:
    """Take the rules of each direction for others."""
    return policies_as(
        lambda policy: (
            replace(
                policy,
                ingress=tuple(change(policy.ingress)),
                egress=tuple(change(policy.egress)),
            ),
        )
    )


def rules_as(change: Callable[[Rule], Rule | None]) -> Stage:
    """Take a rule for another, or for none."""
    return rule_lists_as(lambda rules: (made for made in map(change, rules) if made is not None))


def swapped(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
    """Yield a policy with its directions changed round."""
    other = {Direction.INGRESS: Direction.EGRESS, Direction.EGRESS: Direction.INGRESS}
    yield replace(
        policy,
        policy_types=frozenset(other[direction] for direction in policy.policy_types),
        ingress=policy.egress,
        egress=policy.ingress,
    )


def shared(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
    """Yield a policy whose pods reach each other by its rules of the opposite direction too."""
    if len(policy.policy_types) < 2:
        yield policy
        return
    own = (PodPeer(policy.pod_selector),)
    ingress, egress = (
        tuple(replace(rule, peers=own) for rule in rules)
        for rules in (policy.egress, policy.ingress)
    )
    yield replace(policy, ingress=policy.ingress + ingress, egress=policy.egress + egress)


# Peers: a rule that had some and is left with none lets nobody pass.


def peer_lists_as(change: Callable[[tuple[Peer, ...]], Iterable[Peer]]) -> Stage:
    """Take the peers of a rule for others; one that had some and has none left lets nobody pass."""

    def changed(rule: Rule) -> Rule | None:
        peers = tuple(change(rule.peers))
        return None if rule.peers and not peers else replace(rule, peers=peers)

    return rules_as(changed)


def _peers(change: Callable[[Peer], Iterable[Peer]]) -> Stage:
    return peer_lists_as(lambda peers: (made for one in peers for made in change(one)))


def pod_peers_as(change: Callable[[PodPeer], Iterable[Peer]]) -> Stage:
    """Take peers by selectors for others."""
    return _peers(lambda one: change(one) if isinstance(one, PodPeer) else (one,))


def blocks_as(change: Callable[[IpBlock], Iterable[Peer]]) -> Stage:
    """Take blocks of addresses for others."""
    return _peers(lambda one: change(one) if isinstance(one, IpBlock) else (one,))


def halves(peer: PodPeer) -> Iterable[Peer]:
    """Return the selectors of a peer as peers of their own."""
    if peer.namespace_selector is None or peer.pod_selector is None:
        return (peer,)
    return (replace(peer, namespace_selector=None), replace(peer, pod_selector=None))


def every_namespace(peer: PodPeer, *, written: bool) -> Iterable[Peer]:
    """Return a peer that looks everywhere, where a namespaceSelector is written or is not."""
    if (peer.namespace_selector is not None) is not written:
        return (peer,)
    return (replace(peer, namespace_selector=LabelSelector()),)


def _blocks_of(policy: NetworkPolicy) -> list[IpBlock]:
    rules = (*policy.ingress, *policy.egress)
    return [peer for rule in rules for peer in rule.peers if isinstance(peer, IpBlock)]


def minus_others(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
    """Yield a policy whose blocks lack what any of its blocks excepts."""
    excepted = {cut for block in _blocks_of(policy) for cut in block.excepts}
    yield from _of_one(policy, blocks_as(lambda block: _without(block, excepted - {block.cidr})))


def minus_narrower(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
    """Yield a policy whose blocks lack the narrower ones in them."""
    networks = {block.cidr for block in _blocks_of(policy)}

    def lacking(block: IpBlock) -> Iterable[Peer]:
        inside = {cut for cut in networks - {block.cidr} if lies_in(cut, block.cidr)}
        return _without(block, inside)

    yield from _of_one(policy, blocks_as(lacking))


def _of_one(policy: NetworkPolicy, stage: Stage) -> tuple[NetworkPolicy, ...]:
    """Return what a stage that knows of nothing but policies takes one of them for."""
    return stage((Scene("", (policy,), Topology()),)).policies


def _without(block: IpBlock, cuts: Iterable[Network]) -> Iterable[Peer]:
    """Yield a block without some networks, nothing where one of them holds all of it."""
    cuts = tuple(cuts)
    if any(lies_in(block.cidr, cut) for cut in cuts):
        return
    inside = [cut for cut in cuts if lies_in(cut, block.cidr)]
    yield replace(block, excepts=tuple(dict.fromkeys((*block.excepts, *inside))))


def last_blocks(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    """Yield rules without the blocks that stand in a later one too."""
    for number, rule in enumerate(rules):
        later = [peer for other in rules[number + 1 :] for peer in other.peers]
        peers = tuple(
            peer for peer in rule.peers if not (isinstance(peer, IpBlock) and peer in later)
        )
        if peers or not rule.peers:
            yield replace(rule, peers=peers)


def no_pods(scenes: Sequence[Scene]) -> Scene:
    """Take blocks for their addresses without those of pods."""
    pods = {ip_network(ip) for pod in scenes[-1].topology.pods for ip in pod.ips}
    return blocks_as(lambda block: _without(block, pods))(scenes)


def all_at_once(scenes: Sequence[Scene]) -> Scene:
    """Take the peers of a list for conditions that have to hold together."""
    now = scenes[-1]
    labels = matching.namespace_labels(now.topology.namespaces)

    def of_policy(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
        def joined(peers: tuple[Peer, ...]) -> Iterable[Peer]:
            if len(peers) < 2:
                return peers
            if all(isinstance(peer, IpBlock) for peer in peers):
                return _common([peer for peer in peers if isinstance(peer, IpBlock)])
            return [
                IpBlock(ip_network(ip))
                for pod in now.topology.pods
                for ip in pod.ips
                if all(_names(peer, policy.namespace, pod, ip, labels) for peer in peers)
            ]

        return _of_one(policy, peer_lists_as(joined))

    return policies_as(of_policy)(scenes)


def _names(peer: Peer, own: str, pod: Pod, ip: str, labels: dict[str, dict[str, str]]) -> bool:
    if isinstance(peer, IpBlock):
        return matching.block_condition(peer, parsed_address(ip)) is None
    return matching.names_pod(peer, own, pod, labels)


def _common(blocks: Sequence[IpBlock]) -> Iterable[Peer]:
    """Yield the addresses that all of some blocks have."""
    narrow = max(blocks, key=lambda block: block.cidr.prefixlen)
    if all(lies_in(narrow.cidr, block.cidr) for block in blocks):
        yield from _without(narrow, {cut for block in blocks for cut in block.excepts})


# Selectors, of policies and of peers.


def selectors_as(change: Callable[[LabelSelector], Sequence[LabelSelector]]) -> Stage:
    """Take the selectors of policies and peers for others, any of which is enough."""

    def of_peer(peer: PodPeer) -> Iterable[Peer]:
        pods = change(peer.pod_selector) if peer.pod_selector else [peer.pod_selector]
        spaces = peer.namespace_selector
        for one, space in product(pods, change(spaces) if spaces else [spaces]):
            yield replace(peer, pod_selector=one, namespace_selector=space)

    def of_policy(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
        (read,) = _of_one(policy, pod_peers_as(of_peer))
        for one in change(policy.pod_selector):
            yield replace(read, pod_selector=one)

    return policies_as(of_policy)


def terms_as(change: Callable[[MatchExpression], Iterable[MatchExpression]]) -> Stage:
    """Take terms of matchExpressions for others."""
    return selectors_as(
        lambda selector: [
            replace(
                selector,
                match_expressions=tuple(
                    m for one in selector.match_expressions for m in change(one)
                ),
            )
        ]
    )


def any_term(selector: LabelSelector) -> Sequence[LabelSelector]:
    """Return a selector for each term."""
    terms = selector.match_expressions
    return [replace(selector, match_expressions=(one,)) for one in terms] or [selector]


def any_value_out(selector: LabelSelector) -> Sequence[LabelSelector]:
    """Return a selector for each choice of one value of every NotIn."""
    one_each = [
        [replace(term, values=(value,)) for value in term.values]
        if term.operator is Operator.NOT_IN
        else [term]
        for term in selector.match_expressions
    ]
    return [replace(selector, match_expressions=terms) for terms in product(*one_each)]


def by_any_label(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
    """Yield a policy for each label of its podSelector."""
    labels = policy.pod_selector.match_labels
    for key, value in labels.items() if len(labels) > 1 else ():
        yield replace(policy, pod_selector=LabelSelector({key: value}))
    if len(labels) < 2:
        yield policy


def first_value(term: MatchExpression) -> Iterable[MatchExpression]:
    """Yield a term with the first of its values."""
    yield replace(term, values=term.values[:1]) if term.operator is Operator.IN else term


def key_needed(term: MatchExpression) -> Iterable[MatchExpression]:
    """Yield a term, and for NotIn one that the label be there."""
    yield term
    if term.operator is Operator.NOT_IN:
        yield MatchExpression(term.key, Operator.EXISTS)


def empty(term: MatchExpression) -> Iterable[MatchExpression]:
    """Yield a term that wants a label without a value where it is to be there."""
    is_exists = term.operator is Operator.EXISTS
    yield MatchExpression(term.key, Operator.IN, ("",)) if is_exists else term


# Ports.


def port_lists_as(change: Callable[[tuple[PortMatch, ...]], tuple[PortMatch, ...]]) -> Stage:
    """Take the ports of a rule that has some for others."""
    return rules_as(lambda rule: replace(rule, ports=change(rule.ports)) if rule.ports else rule)


def ports_as(change: Callable[[PortMatch], Iterable[PortMatch]]) -> Stage:
    """Take a port for others."""
    return port_lists_as(lambda ports: tuple(made for one in ports for made in change(one)))


def all_protocols(port: PortMatch) -> Iterable[PortMatch]:
    """Return a numbered port in every protocol."""
    if isinstance(port.port, str):
        return (port,)
    return [replace(port, protocol=protocol) for protocol in TRANSPORTS]


def has_name(policy: NetworkPolicy) -> bool:
    """Tell whether a policy gives a port by name."""
    rules = (*policy.ingress, *policy.egress)
    return any(isinstance(port.port, str) for rule in rules for port in rule.ports)


def named_at_source(scenes: Sequence[Scene]) -> Scene:
    """Look a port's name up at the pod that connects: a rule for each such pod."""
    now = marked(scenes[-1])
    labels = matching.namespace_labels(now.topology.namespaces)

    def of_policy(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
        if not has_name(policy):
            yield policy
            return
        yield replace(policy, ingress=tuple(ingress(policy)), egress=())
        for pod in now.topology.pods if Direction.EGRESS in policy.policy_types else ():
            if matching.selects(policy, pod):
                egress = [replace(r, ports=_numbered(r.ports, pod)) for r in policy.egress]
                yield replace(
                    policy,
                    pod_selector=only([pod.key]),
                    policy_types=frozenset({Direction.EGRESS}),
                    ingress=(),
                    egress=tuple(rule for rule in egress if rule.ports),
                )

    def ingress(policy: NetworkPolicy) -> Iterator[Rule]:
        for rule, pod in product(policy.ingress, now.topology.pods):
            named = any(
                _names(peer, policy.namespace, pod, ip, labels)
                for peer in rule.peers
                for ip in pod.ips
            )
            ports = _numbered(rule.ports, pod)
            if (named or not rule.peers) and (ports or not rule.ports):
                yield replace(rule, peers=(PodPeer(only([pod.key]), LabelSelector()),), ports=ports)

    return policies_as(of_policy)((now,))


def _numbered(ports: Iterable[PortMatch], pod: Pod) -> tuple[PortMatch, ...]:
    """Return ports with each name replaced by the number that a pod has for it."""
    numbers = {(port.name, port.protocol): port.number for port in pod.ports}
    made = [
        replace(port, port=numbers.get((port.port, port.protocol), 0))
        if isinstance(port.port, str)
        else port
        for port in ports
    ]
    return tuple(port for port in made if port.port != 0)


# Whom policies apply to.


def marked(scene: Scene) -> Scene:
    """Return a scene in which every pod has the label that only it has."""
    pods = tuple(
        with_fields(pod, labels={**pod.labels, MARK: pod.key}) for pod in scene.topology.pods
    )
    return replace(scene, topology=with_fields(scene.topology, pods=pods))


def only(keys: Iterable[str]) -> LabelSelector:
    """Return the selector of some pods of a marked scene, wherever they are."""
    return LabelSelector({}, (MatchExpression(MARK, Operator.IN, tuple(keys)),))


def _applying(scene: Scene, applies: Callable[[NetworkPolicy, Pod], bool]) -> Scene:
    """Return a scene in which policies miss some of the pods that they select."""
    if all(
        applies(policy, pod)
        for policy in scene.policies
        for pod in scene.topology.pods
        if matching.selects(policy, pod)
    ):
        return scene

    def missing(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
        mine = [pod for pod in scene.topology.pods if matching.selects(policy, pod)]
        yield replace(policy, pod_selector=only(p.key for p in mine if applies(policy, p)))

    return policies_as(missing)((marked(scene),))


def first_by_name(scenes: Sequence[Scene]) -> Scene:
    """Have the first policy by name alone apply to a pod, in each direction."""
    now, claimed, applied = scenes[-1], set[tuple[str, Direction]](), set[tuple[int, str]]()
    split = tuple(
        replace(policy, policy_types=frozenset({direction}))
        for policy in sorted(now.policies, key=lambda policy: policy.name)
        for direction in sorted(policy.policy_types)
    )
    for policy, pod in product(split, now.topology.pods):
        (direction,) = policy.policy_types
        if matching.selects(policy, pod) and (pod.key, direction) not in claimed:
            claimed.add((pod.key, direction))
            applied.add((id(policy), pod.key))
    scene = replace(now, policies=split)
    read = _applying(scene, lambda policy, pod: (id(policy), pod.key) in applied)
    return now if read is scene else read


def across_namespaces(scenes: Sequence[Scene]) -> Scene:
    """Have policies apply in every namespace, and name the same peers."""
    now = scenes[-1]

    def copies(policy: NetworkPolicy) -> Iterable[NetworkPolicy]:
        own = LabelSelector({NAMESPACE_NAME_LABEL: policy.namespace})

        def named(peer: PodPeer) -> Iterable[Peer]:
            yield replace(peer, namespace_selector=peer.namespace_selector or own)

        (read,) = _of_one(policy, pod_peers_as(named))
        for space in now.topology.namespaces:
            yield policy if space.name == policy.namespace else replace(read, namespace=space.name)

    return policies_as(copies)(scenes)


def one_name(scenes: Sequence[Scene]) -> Scene:
    """Take policies for one whose namespace and name read the same when joined; the last stays."""
    last = {f"{policy.namespace}-{policy.name}": policy for policy in scenes[-1].policies}
    return replace(scenes[-1], policies=tuple(last.values()))


def first_node(scenes: Sequence[Scene]) -> Scene:
    """Have policies apply on the first node by name alone."""
    nodes = {pod.node for pod in scenes[-1].topology.pods if pod.node}
    nodes |= {host.name for host in scenes[-1].topology.hosts if host.kind == "node"}
    return _applying(scenes[-1], lambda _, pod: pod.node == min(nodes, default=""))


# Pods that terminate.


def set_free(scenes: Sequence[Scene]) -> Scene:
    """Have policies apply to no pod that terminates."""
    return _applying(scenes[-1], lambda _, pod: not pod.grace_s)


def no_peers(scenes: Sequence[Scene]) -> Scene:
    """Have selectors of peers find no pod that terminates."""
    ending = _ending(scenes[-1])
    if not ending:
        return scenes[-1]
    term = MatchExpression(MARK, Operator.NOT_IN, tuple(ending))

    def without(peer: PodPeer) -> Iterable[Peer]:
        pods = peer.pod_selector or LabelSelector()
        terms = (*pods.match_expressions, term)
        yield replace(peer, pod_selector=replace(pods, match_expressions=terms))

    return pod_peers_as(without)([marked(scenes[-1])])


def without_rules(scenes: Sequence[Scene], *, direction: Direction) -> Scene:
    """Have policies lose the rules of a direction for pods that terminate."""
    lost = Direction.INGRESS is direction

    def split(policy: NetworkPolicy, pods: list[str], others: list[str]) -> Iterable[NetworkPolicy]:
        bare = replace(policy, ingress=()) if lost else replace(policy, egress=())
        yield replace(policy, pod_selector=only(others))
        yield replace(bare, pod_selector=only(pods))

    return _for_ending(scenes[-1], scenes[-1].policies, split)


def old_policies(scenes: Sequence[Scene]) -> Scene:
    """Have the policies count for pods that terminate that there were when they began to."""
    now = scenes[-1]
    began = next((n for n, one in enumerate(scenes) if _ending(one)), 0)
    before = scenes[began - 1].policies if began else now.policies
    ending = _ending(now)
    if not ending or before == now.policies:
        return now
    theirs = _for_ending(
        now, before, lambda policy, pods, _: [replace(policy, pod_selector=only(pods))]
    )
    others = _for_ending(
        now, now.policies, lambda policy, _, rest: [replace(policy, pod_selector=only(rest))]
    )
    return replace(theirs, policies=theirs.policies + others.policies)


def _ending(scene: Scene) -> list[str]:
    return [pod.key for pod in scene.topology.pods if pod.grace_s]


def _for_ending(
    scene: Scene,
    policies: Iterable[NetworkPolicy],
    split: Callable[[NetworkPolicy, list[str], list[str]], Iterable[NetworkPolicy]],
) -> Scene:
    """Return a scene in which policies are others for pods that terminate and for the rest."""
    if not _ending(scene):
        return scene
    made: list[NetworkPolicy] = []
    for policy in policies:
        mine = [pod for pod in scene.topology.pods if matching.selects(policy, pod)]
        ending = [pod.key for pod in mine if pod.grace_s]
        made += split(policy, ending, [pod.key for pod in mine if not pod.grace_s])
    return replace(marked(scene), policies=tuple(made))


# What was before.


def kept(scenes: Sequence[Scene]) -> Scene:
    """Have policies stay that went, as long as their namespace is there."""
    ever = {policy.key: policy for scene in scenes for policy in scene.policies}
    spaces = {space.name for space in scenes[-1].topology.namespaces}
    there = tuple(policy for policy in ever.values() if policy.namespace in spaces)
    return replace(scenes[-1], policies=there)


def as_created(scenes: Sequence[Scene]) -> Scene:
    """Take policies for what they were when they came."""
    first: dict[str, NetworkPolicy] = {}
    for scene in scenes:
        first = {policy.key: first.get(policy.key, policy) for policy in scene.policies}
    return replace(scenes[-1], policies=tuple(first.values()))


def old_pod_labels(scenes: Sequence[Scene]) -> Scene:
    """Take the labels of pods for what they were when they came."""
    first: dict[tuple[str, tuple[str, ...]], Pod] = {}
    for scene in scenes:
        first = {(p.key, p.ips): first.get((p.key, p.ips), p) for p in scene.topology.pods}
    pods = tuple(
        with_fields(p, labels=first[p.key, p.ips].labels) for p in scenes[-1].topology.pods
    )
    return replace(scenes[-1], topology=with_fields(scenes[-1].topology, pods=pods))


def old_namespace_labels(scenes: Sequence[Scene]) -> Scene:
    """Take the labels of namespaces for what they were when they came."""
    first: dict[str, Namespace] = {}
    for scene in scenes:
        first = {s.name: first.get(s.name, s) for s in scene.topology.namespaces}
    topology = with_fields(scenes[-1].topology, namespaces=tuple(first.values()))
    return replace(scenes[-1], topology=topology)


def _made_anew(scenes: Sequence[Scene]) -> list[set[str]]:
    """Return for each scene the pods that came, or came again, with it."""
    made: list[set[str]] = [{pod.key for pod in scenes[0].topology.pods}]
    for before, scene in pairwise(scenes):
        known = {(pod.key, pod.ips) for pod in before.topology.pods}
        pods = scene.topology.pods
        again = {pod.key for pod in pods if scene.name == f"{pod.key} restarted"}
        made.append(again | {pod.key for pod in pods if (pod.key, pod.ips) not in known})
    return made


def escape(scenes: Sequence[Scene], *, only_again: bool) -> Scene:
    """Have pods that came while a policy was there escape it: all, or those that were known."""
    known: set[str] = set()
    missed: set[tuple[str, str]] = set()
    for number, (scene, made) in enumerate(zip(scenes, _made_anew(scenes), strict=True)):
        before = {policy.key for policy in scenes[number - 1].policies} if number else set()
        there = {policy.key for policy in scene.policies}
        missed = {(policy, pod) for policy, pod in missed if policy in there and pod not in made}
        came = made & known if only_again else made
        missed |= set(product(before & there, came))
        known |= {pod.key for pod in scene.topology.pods}
    return _applying(scenes[-1], lambda policy, pod: (policy.key, pod.key) not in missed)
