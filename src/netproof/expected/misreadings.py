"""What policies would mean to a CNI that misreads them, to find what explains what was seen.

Each is a known kind of fault, written as other policies, other labels or other answers, and judged
as any policies are. One that says of every flow of a scenario what the cluster did, of the right
flows as of the wrong ones, may be its cause. It is a suspicion and no verdict: nothing is judged by
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from netproof.expected.evaluate import Answers
from netproof.expected.index import PolicyIndex
from netproof.expected.scenes import (
    Scene,
    Stage,
    across_namespaces,
    all_at_once,
    all_protocols,
    any_term,
    any_value_out,
    as_created,
    blocks_as,
    by_any_label,
    empty,
    escape,
    every_namespace,
    first_by_name,
    first_node,
    first_value,
    halves,
    has_name,
    kept,
    key_needed,
    last_blocks,
    minus_narrower,
    minus_others,
    named_at_source,
    no_peers,
    no_pods,
    old_namespace_labels,
    old_pod_labels,
    old_policies,
    one_name,
    peer_lists_as,
    pod_peers_as,
    policies_as,
    port_lists_as,
    ports_as,
    rule_lists_as,
    rules_as,
    selectors_as,
    set_free,
    shared,
    swapped,
    terms_as,
    types_as,
    void,
    without_rules,
)
from netproof.model.flow import Connectivity, Direction, EndpointKind, Expected, Flow, Observation
from netproof.model.flow import Path as Way
from netproof.model.flows import is_self
from netproof.model.matrix import JudgedStep
from netproof.model.record import TOLD, WRONG, Suspect
from netproof.model.workload import Family, Protocol

LONGEST_LABEL = 63
MANY_PORTS = 24
SYN_AGAIN_S = 0.9
"""A connection that opens so late was opened by its second SYN, which is sent after a second."""


@dataclass(frozen=True, slots=True)
class Look:
    """One scene with its policies looked up: what single flows are asked of."""

    index: PolicyIndex

    def nodes(self, flow: Flow) -> tuple[str, str]:
        """Return the nodes of a flow's ends, "" for what stands on none, or on several."""
        return self._node(flow.source.kind, flow.source.name), self._node(
            flow.destination.kind, flow.destination.name
        )

    def _node(self, kind: EndpointKind, name: str) -> str:
        if kind is EndpointKind.POD:
            return self.index.pod(name).node
        if kind is EndpointKind.SERVICE:
            homes = {pod.node for pod in self.index.backends(self.index.service(name))}
            return homes.pop() if len(homes) == 1 else ""
        return ""

    def terminates(self, flow: Flow) -> bool:
        """Tell whether an end of a flow is a pod that terminates."""
        ends = (flow.source, flow.destination)
        pods = [self.index.pod(end.name) for end in ends if end.kind is EndpointKind.POD]
        return any(pod.grace_s for pod in pods)

    def isolates(self, flow: Flow, *directions: Direction) -> bool:
        """Tell whether the pod that a flow goes to is isolated in one of some directions."""
        if flow.destination.kind is not EndpointKind.POD:
            return False
        pod = self.index.pod(flow.destination.name)
        return any(self.index.isolating(pod, direction) for direction in directions)


Pass = Callable[[Flow, Look], Expected | None]
"""What becomes of a flow whatever the policies say, None where they count."""


@dataclass(frozen=True, slots=True)
class Misreading:
    """A kind of fault: `text` says what happens, `instead` what to write until it is mended.

    `seen` tells it by what a probe saw from others that open or close the same flows. It is about
    flows by one `way` only, where that is named.
    """

    name: str
    text: str
    instead: str = ""
    stage: Stage | None = None
    passes: Pass | None = None
    seen: Callable[[Observation], bool] | None = None
    way: Way | None = None


def suspects(scenes: Sequence[Scene], steps: Sequence[JudgedStep]) -> tuple[Suspect, ...]:
    """Return the misreadings that say of every flow of some steps what the cluster did.

    The scenes are those of the steps, and before them one from before any policy.
    """
    found = [one for one in MISREADINGS if _explains(one, scenes, steps)]
    return tuple(Suspect(one.name, one.text, one.instead) for one in found)


def _explains(one: Misreading, scenes: Sequence[Scene], steps: Sequence[JudgedStep]) -> bool:
    found = 0
    for number, step in enumerate(steps):
        scene = scenes[number + 1]
        read = one.stage(scenes[: number + 2]) if one.stage else scene
        if read == scene and one.passes is None:
            if any(cell.verdict in WRONG for cell in step.matrix.values()):
                return False
            continue
        told = _told(one, read, step)
        if told is None:
            return False
        found += told
    return found > 0


def _told(one: Misreading, read: Scene, step: JudgedStep) -> int | None:
    """Return how many flows that went wrong it foretells, None where it is wrong of any flow."""
    look = Look(PolicyIndex(read.topology, read.policies))
    answers, found = Answers(look.index), 0
    for flow, cell in step.matrix.items():
        if cell.verdict not in TOLD or is_self(flow):
            continue
        said = cell.expectation.expected
        if one.way in (None, flow.path):
            said = (one.passes and one.passes(flow, look)) or answers.expect(flow).expected
        if said is Expected.UNDEFINED:
            continue
        is_as_meant = said is cell.expectation.expected
        if cell.verdict not in WRONG and not is_as_meant:
            return None
        if cell.verdict in WRONG:
            if is_as_meant or not (one.seen is None or one.seen(cell.observation)):
                return None
            found += 1
    return found


# Flows that no policy is asked about.


def _open(is_open: Callable[[Flow, Look], bool]) -> Pass:
    return lambda flow, look: Expected.ALLOWED if is_open(flow, look) else None


def _shut(is_shut: Callable[[Flow, Look], bool]) -> Pass:
    return lambda flow, look: Expected.DENIED if is_shut(flow, look) else None


def _on_one_node(flow: Flow, look: Look) -> bool:
    here, there = look.nodes(flow)
    return bool(here) and here == there


def _across_nodes(flow: Flow, look: Look) -> bool:
    here, there = look.nodes(flow)
    return bool(here and there) and here != there


def _of_protocol(protocol: Protocol) -> Callable[[Flow, Look], bool]:
    return lambda flow, _: flow.protocol is protocol


def _answered(observation: Observation) -> bool:
    return observation.connectivity is Connectivity.ALLOWED


def _only_arrived(observation: Observation) -> bool:
    return observation.arrived is True and not _answered(observation)


def _as_a_stranger(flow: Flow, look: Look) -> bool:
    """Tell whether a flow to the world would pass if that were a pod without labels."""
    if (
        EndpointKind.OUTSIDE is not flow.destination.kind
        or EndpointKind.POD is not flow.source.kind
    ):
        return False
    rules = look.index.rules(look.index.pod(flow.source.name), Direction.EGRESS)
    return any(rule.strangers and rule.has_port(flow.port, flow.protocol, None) for rule in rules)


_SERVICE = (Way.CLUSTER_IP, Way.NAME, Way.DNS, Way.NODE_PORT)
_BOTH = frozenset(Direction)
_M = Misreading


def _is_late(observation: Observation) -> bool:
    return _answered(observation) and observation.seconds > SYN_AGAIN_S


MISREADINGS = (
    _M(
        "fragments-have-no-ports",
        "a rule with ports lets no datagram in that comes in fragments",
        "keep datagrams below the MTU, or write the rule without ports",
        rules_as(lambda rule: None if rule.ports else rule),
        way=Way.FRAGMENTS,
    ),
    _M(
        "drops-large-replies",
        "answers that come in fragments are dropped, also to requests that are allowed",
        "keep answers below the MTU, or ask by TCP",
        passes=_shut(lambda *_: True),
        seen=_only_arrived,
        way=Way.FRAGMENTS,
    ),
    _M(
        "drops-fragments",
        "datagrams that come in fragments are dropped, whatever policies say",
        "keep datagrams below the MTU, or ask by TCP",
        passes=_shut(lambda *_: True),
        way=Way.FRAGMENTS,
    ),
    _M(
        "fragments-pass",
        "datagrams that come in fragments pass, whatever policies say",
        "no policy helps; the CNI has to put fragments together, or to drop them",
        passes=_open(lambda *_: True),
        way=Way.FRAGMENTS,
    ),
    _M(
        "terminating-pod-is-set-free",
        "policies do not count for a pod that terminates",
        "end the program before the pod",
        set_free,
    ),
    _M(
        "terminating-pod-is-no-peer",
        "selectors of peers do not find a pod that terminates",
        "let clients and servers end what they have begun before they are deleted",
        no_peers,
    ),
    _M(
        "terminating-pod-loses-its-egress",
        "a pod that terminates has no Egress rules left and stays isolated",
        "let it end what it has begun before it is deleted",
        partial(without_rules, direction=Direction.EGRESS),
    ),
    _M(
        "terminating-pod-loses-its-ingress",
        "a pod that terminates has no Ingress rules left and stays isolated",
        "let it end what it has begun before it is deleted",
        partial(without_rules, direction=Direction.INGRESS),
    ),
    _M(
        "terminating-pod-keeps-old-policies",
        "a pod that terminates goes on with the policies that there were when it began to",
        "change policies before the pod is deleted",
        old_policies,
    ),
    _M(
        "terminating-pod-is-cut-off",
        "a pod that terminates gets nothing and sends nothing, whatever policies say",
        "let it end what it has begun before it is deleted",
        passes=_shut(lambda flow, look: look.terminates(flow)),
    ),
    _M(
        "long-name-voids-policy",
        f"a policy whose name is longer than {LONGEST_LABEL} characters is not enforced",
        "write a shorter name",
        void(lambda policy: len(policy.name) > LONGEST_LABEL),
    ),
    _M(
        "many-ports-void-policy",
        f"a policy with a rule of more than {MANY_PORTS} ports is not enforced",
        "write ranges, or several rules",
        void(lambda one: any(len(r.ports) > MANY_PORTS for r in (*one.ingress, *one.egress))),
    ),
    _M(
        "policy-keys-run-together",
        "policies are taken for one where namespace and name, joined by a hyphen, are the same",
        "rename one of them",
        one_name,
    ),
    _M(
        "ipblock-needs-clean-cidr",
        "an ipBlock whose cidr has host bits set is ignored",
        "write the network's first address",
        blocks_as(lambda block: (block,) if block.is_clean else ()),
    ),
    _M(
        "ignores-except",
        "what `except` takes out of an ipBlock gets through",
        "write the blocks around the exception, and no `except`",
        blocks_as(lambda block: (replace(block, excepts=()),)),
    ),
    _M(
        "except-bars-other-rules",
        "what one ipBlock's `except` takes out, no other block of the policy lets through",
        "put the other block into a policy of its own",
        policies_as(minus_others),
    ),
    _M(
        "same-block-last-rule-counts",
        "where an ipBlock stands in two rules of a policy, the last one's ports count alone",
        "put both ports into one rule, or the second rule into a policy of its own",
        rule_lists_as(last_blocks),
    ),
    _M(
        "narrowest-block-counts",
        "an address gets what the narrowest ipBlock of the policy gives, and not what others do",
        "repeat in the narrower block's rule what the wider one allows",
        policies_as(minus_narrower),
    ),
    _M(
        "ipblock-skips-pods",
        "an ipBlock never matches the address of a pod",
        "name pods by selectors",
        no_pods,
    ),
    _M(
        "named-port-opens-all",
        "a port given by name opens every port of its protocol",
        "write the port's number",
        ports_as(lambda p: (replace(p, port=None),) if isinstance(p.port, str) else (p,)),
    ),
    _M(
        "named-port-voids-policy",
        "a policy in which a port is given by name is not enforced at all",
        "write the port's number",
        void(has_name),
    ),
    _M(
        "named-port-on-source",
        "a port's name is looked up at the pod that connects, not at the one connected to",
        "write the port's number",
        named_at_source,
    ),
    _M(
        "range-as-first-port",
        "of a range of ports (endPort) the first alone is open",
        "list the ports one by one",
        ports_as(lambda port: (replace(port, end_port=None),)),
    ),
    _M(
        "first-port-only",
        "of a rule's ports the first alone counts",
        "write a rule for each port",
        port_lists_as(lambda ports: ports[:1]),
    ),
    _M(
        "empty-ports-denies",
        "a rule without ports lets nothing pass",
        "list the ports, with ranges where it is many",
        rules_as(lambda rule: rule if rule.ports else None),
    ),
    _M(
        "ignores-protocol",
        "a numbered port is open for every protocol, not for the rule's alone",
        "serve nothing else on that port",
        ports_as(all_protocols),
    ),
    _M(
        "ignores-ports",
        "the peers of a rule reach every port, whatever ports it lists",
        "no policy helps; the CNI does not read `ports`",
        port_lists_as(lambda _: ()),
    ),
    _M(
        "in-first-value-only",
        "of the values of an In expression the first alone counts",
        "write a peer, or a policy, for each value",
        terms_as(first_value),
    ),
    _M(
        "notin-needs-key",
        "NotIn matches only what has the label at all",
        "add a peer with DoesNotExist",
        terms_as(key_needed),
    ),
    _M(
        "notin-values-are-alternatives",
        "NotIn matches what lacks one of its values, and not all of them",
        "write an expression for each value",
        selectors_as(any_value_out),
    ),
    _M(
        "target-by-any-label",
        "a policy selects what has one of the labels of its podSelector, and not all of them",
        "select by one label that the pods have alone",
        policies_as(by_any_label),
    ),
    _M(
        "exists-means-empty",
        "Exists matches only labels without a value",
        "list the values with In",
        terms_as(empty),
    ),
    _M(
        "expressions-or",
        "one of the terms of matchExpressions is enough, where all have to hold",
        "write labels that say it in one term",
        selectors_as(any_term),
    ),
    _M(
        "ignores-expressions",
        "matchExpressions count for nothing, only matchLabels do",
        "write matchLabels",
        terms_as(lambda _: ()),
    ),
    _M(
        "first-peer-only",
        "of a rule's peers the first alone counts",
        "write a rule for each peer",
        peer_lists_as(lambda peers: peers[:1]),
    ),
    _M(
        "or-as-and",
        "the peers of a rule have to match all at once, where any is enough",
        "write a rule for each peer",
        all_at_once,
    ),
    _M(
        "and-as-or",
        "a peer's namespaceSelector and podSelector count one by one, where both have to match",
        "write labels on pods that one selector finds",
        pod_peers_as(halves),
    ),
    _M(
        "ignores-namespace-selector",
        "a peer's namespaceSelector matches every namespace",
        "write labels on pods that one podSelector finds",
        pod_peers_as(partial(every_namespace, written=True)),
    ),
    _M(
        "ignores-peer-pod-selector",
        "a peer's podSelector matches every pod of the right namespaces",
        "keep apart by namespaces",
        pod_peers_as(lambda peer: (replace(peer, pod_selector=None),)),
    ),
    _M(
        "pod-selector-any-namespace",
        "a peer with a podSelector alone matches pods of every namespace",
        "add a namespaceSelector with kubernetes.io/metadata.name",
        pod_peers_as(partial(every_namespace, written=False)),
    ),
    _M(
        "empty-from-denies",
        "a rule without peers lets nobody pass",
        "write an empty namespaceSelector, and blocks for who is outside",
        rules_as(lambda rule: rule if rule.peers else None),
    ),
    _M(
        "first-rule-only",
        "of a policy's rules the first of each direction alone counts",
        "write a policy for each rule",
        rule_lists_as(lambda rules: rules[:1]),
    ),
    _M(
        "swaps-directions",
        "ingress rules are taken for egress rules, and the other way round",
        "no policy helps; the CNI confuses the directions",
        policies_as(swapped),
    ),
    _M(
        "directions-share-rules",
        "a policy's pods reach each other by its rules of either direction",
        "write a policy for each direction",
        policies_as(shared),
    ),
    _M(
        "ignores-egress",
        "no policy restricts what a pod sends: Egress is not enforced",
        "guard every destination by Ingress",
        types_as(lambda types: types - {Direction.EGRESS}),
    ),
    _M(
        "ignores-ingress",
        "no policy restricts what a pod receives: Ingress is not enforced",
        "guard every source by Egress",
        types_as(lambda types: types - {Direction.INGRESS}),
    ),
    _M(
        "ingress-isolates-egress",
        "a policy for Ingress shuts Egress too",
        "add an Egress rule that allows all",
        types_as(lambda types: _BOTH if Direction.INGRESS in types else types),
    ),
    _M(
        "egress-isolates-ingress",
        "a policy for Egress shuts Ingress too",
        "add an Ingress rule that allows all",
        types_as(lambda types: _BOTH if Direction.EGRESS in types else types),
    ),
    _M(
        "first-policy-wins",
        "of the policies that select a pod the first by name alone counts, where they add up",
        "write one policy a pod",
        first_by_name,
    ),
    _M(
        "crosses-namespaces",
        "a policy applies to pods of other namespaces that have the same labels",
        "write labels that other namespaces do not have",
        across_namespaces,
    ),
    _M(
        "policy-update-ignored",
        "a policy that was changed is enforced as it was when it was created",
        "delete a policy and create it anew",
        as_created,
    ),
    _M(
        "stale-pod-labels",
        "a pod's labels count as they were when it was created",
        "make pods anew after a change of labels",
        old_pod_labels,
    ),
    _M(
        "stale-namespace-labels",
        "a namespace's labels count as they were when it was created",
        "make policies anew after a change of labels",
        old_namespace_labels,
    ),
    _M(
        "policy-lost-on-pod-restart",
        "a pod that comes again escapes the policies that were there",
        "make policies anew after a restart",
        partial(escape, only_again=True),
    ),
    _M(
        "new-pods-escape",
        "a pod that comes later escapes the policies that were there",
        "make policies anew when pods come",
        partial(escape, only_again=False),
    ),
    _M(
        "policy-kept-after-delete",
        "a policy that was deleted goes on being enforced",
        "see that the CNI's agent hears of deletions; restart it",
        kept,
    ),
    _M(
        "second-syn-passes",
        "a denied TCP connection is opened by its second SYN",
        "no policy helps; the CNI takes a retransmission for an established connection",
        passes=_open(_of_protocol(Protocol.TCP)),
        seen=_is_late,
    ),
    _M(
        "tcp-request-leaks",
        "the SYN of denied TCP connections is delivered, and only its answer is dropped",
        "no policy helps; the CNI has to drop the SYN",
        passes=_open(_of_protocol(Protocol.TCP)),
        seen=_only_arrived,
    ),
    _M(
        "udp-request-leaks",
        "denied UDP requests are delivered, and only their answers are dropped",
        "no policy helps; the CNI has to drop the request",
        passes=_open(_of_protocol(Protocol.UDP)),
        seen=_only_arrived,
    ),
    _M(
        "drops-udp-replies",
        "UDP answers of isolated pods are dropped, also to requests that are allowed",
        "no policy helps; allow both directions until the CNI tracks UDP",
        passes=_shut(
            lambda flow, look: flow.protocol is Protocol.UDP and look.isolates(flow, *Direction)
        ),
    ),
    _M(
        "forgets-ipv6",
        "policies count for IPv4 and not for IPv6: every denied IPv6 flow passes",
        "run the cluster with IPv4 alone until the CNI polices IPv6",
        passes=_open(lambda flow, _: flow.family is Family.IPV6),
    ),
    _M(
        "forgets-ipv4",
        "policies count for IPv6 and not for IPv4: every denied IPv4 flow passes",
        "run the cluster with IPv6 alone until the CNI polices IPv4",
        passes=_open(lambda flow, _: flow.family is Family.IPV4),
    ),
    _M(
        "ignores-udp",
        "policies do not count for UDP: every denied UDP flow passes",
        "no policy helps; the CNI does not police UDP",
        passes=_open(_of_protocol(Protocol.UDP)),
        seen=_answered,
    ),
    _M(
        "ignores-tcp",
        "policies do not count for TCP: every denied TCP flow passes",
        "no policy helps; the CNI does not police TCP",
        passes=_open(_of_protocol(Protocol.TCP)),
    ),
    _M(
        "leaks-dns",
        "whatever goes to port 53 passes, whatever policies say",
        "serve nothing but DNS on port 53",
        passes=_open(lambda flow, _: flow.port == 53),
    ),
    _M(
        "cluster-ip-bypass",
        "whatever comes by a Service passes, whatever policies say",
        "no policy helps; the CNI has to police after the Service's address was rewritten",
        passes=_open(lambda flow, _: flow.path in _SERVICE),
    ),
    _M(
        "selectors-take-the-world",
        "selectors that any pod without labels would match let out to the world, too",
        "name namespaces by labels that they have",
        passes=_open(_as_a_stranger),
    ),
    _M(
        "world-not-policed",
        "flows that leave the cluster pass, whatever policies say",
        "guard what leaves the cluster by a firewall or gateway of its own",
        passes=_open(lambda flow, _: flow.destination.kind is EndpointKind.OUTSIDE),
    ),
    _M(
        "same-node-not-policed",
        "policies do not count within a node: every denied flow between pods of one node passes",
        "keep apart by nodes what policies keep apart",
        passes=_open(_on_one_node),
    ),
    _M(
        "cross-node-not-policed",
        "policies do not count between nodes: every denied flow from node to node passes",
        "no policy helps; see that the CNI keeps the source's address between nodes",
        passes=_open(_across_nodes),
    ),
    _M(
        "cross-node-overblocks",
        "isolated pods get nothing from other nodes, not what rules allow either",
        "allow the nodes' addresses too, until the CNI knows pods of other nodes",
        passes=_shut(
            lambda flow, look: _across_nodes(flow, look) and look.isolates(flow, Direction.INGRESS)
        ),
    ),
    _M(
        "enforces-on-one-node-only",
        "policies are enforced on the first node alone: pods of other nodes are open",
        "see that the CNI's agent runs on every node",
        first_node,
    ),
)
"""What is more particular stands before what explains the same, and more, at times."""
