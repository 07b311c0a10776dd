"""What is left out: a default deny, a way to DNS, policyTypes, the entries of a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from netproof.model.flow import Direction, Endpoint, Expected, Flow, Path
from netproof.model.review import Hint, Severity
from netproof.model.workload import NAMESPACE_NAME_LABEL, Pod, Port, Protocol
from netproof.policy import IpBlock, NetworkPolicy, Peer, Rule, matching
from netproof.review import phrases
from netproof.review.hints.context import HintContext
from netproof.review.reachability import DNS
from netproof.review.ways import ask_resolver

NO_DEFAULT_DENY = "no-default-deny"
DNS_FORGOTTEN = "dns-forgotten"
POLICY_TYPES_DEFAULT = "policy-types-default"
EMPTY_LIST = "empty-list"

_OPEN_SEVERITY = {Direction.INGRESS: Severity.WARNING, Direction.EGRESS: Severity.INFO}
_OPEN = {Direction.INGRESS: "anyone may connect to", Direction.EGRESS: "nothing limits"}

_RESOLVER_FIX = "add egress to an ipBlock of that address, ports 53/UDP and 53/TCP"
_DNS_FIX = (
    "add egress to namespaceSelector kubernetes.io/metadata.name=kube-system with podSelector "
    "k8s-app=kube-dns, ports 53/UDP and 53/TCP"
)


def no_default_deny(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each namespace and direction in which no policy isolates a workload.

    Whoever reaches the network reaches it. Of pods in their node's network no policy may say so,
    and of those that a policy of another kind is about that one may: that is a remark. So it is
    where none serves a port that is known, for then there is nothing to connect to that is.
    """
    spaces: dict[str, list[Pod]] = {}
    for pod in context.reach.workloads:
        if not pod.host_network:
            spaces.setdefault(pod.namespace, []).append(pod)
    for space, pods in sorted(spaces.items()):
        for direction in Direction:
            bare: dict[str, list[Pod]] = {}
            for pod in pods:
                if not context.isolating(pod, direction):
                    bare.setdefault(context.may_be_shut(pod, direction), []).append(pod)
            for unless, those in bare.items():
                yield _bare_hint(context, space, direction, those, unless)


def _bare_hint(
    context: HintContext, space: str, direction: Direction, bare: list[Pod], unless: str
) -> Hint:
    mirror = context.reach.mirror
    where = mirror.place("Namespace", space) or mirror.place("", bare[0].key)
    sure = not unless and any(pod.ports for pod in bare)
    but = f", unless {unless} denies it" if unless else ""
    return Hint(
        NO_DEFAULT_DENY,
        _OPEN_SEVERITY[direction] if sure else Severity.INFO,
        where,
        space,
        f"namespace {space} has no default deny of {direction.lower()}: {_OPEN[direction]} "
        f"{phrases.listed(pod.key for pod in bare)}{but}",
        f"add a policy to {space} with podSelector {{}} and policyTypes [{direction}]",
    )


def dns_forgotten(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each policy that leaves workloads without DNS, or with half of it.

    Names do not resolve any more then. DNS needs UDP, and TCP for answers that do not fit a
    datagram (RFC 7766).
    """
    lacking = [
        (policy, *wrong, pod)
        for pod in context.reach.workloads
        if (policy := _limiting(context, pod)) and (wrong := _lack(context, pod))
    ]
    lacking.sort(key=lambda one: (str(one[0].origin), one[1], one[2]))
    for (policy, severity, text), each in groupby(lacking, key=lambda one: one[:3]):
        pods = phrases.listed(pod.key for *_, pod in each)
        place = str(policy.origin)
        fix = _RESOLVER_FIX if "is no pod" in text else _DNS_FIX
        yield Hint(DNS_FORGOTTEN, severity, place, policy.key, f"{pods}: {text}", fix)


def _limiting(context: HintContext, pod: Pod) -> NetworkPolicy | None:
    """Return the policy to name: of those that limit the pod's egress, one with rules if any."""
    limiting = context.isolating(pod, Direction.EGRESS)
    return next((p for p in limiting if p.egress), limiting[0] if limiting else None)


def _lack(context: HintContext, pod: Pod) -> tuple[Severity, str] | None:
    return (_resolver_lack if pod.key in context.resolvers else _dns_lack)(context, pod)


def _dns_lack(context: HintContext, pod: Pod) -> tuple[Severity, str] | None:
    udp, tcp = (_may_ask(context, pod, protocol) for protocol in (Protocol.UDP, Protocol.TCP))
    if udp and tcp:
        return None
    if udp:
        return Severity.INFO, "DNS by UDP only; answers too long for a datagram are lost"
    if tcp:
        return Severity.WARNING, "DNS by TCP only, and resolvers ask by UDP first"
    rules = [r for p in context.isolating(pod, Direction.EGRESS) for r in p.egress]
    if maybe := next((r for r in rules if _may_mean_dns(context, pod.namespace, r)), None):
        return Severity.INFO, (
            f"DNS is let out if {maybe.peer_words(pod.namespace)} is where the cluster's is, which "
            "the bundle does not tell; else names do not resolve"
        )
    if rules:
        return Severity.WARNING, "egress is limited and DNS is not let out: names do not resolve"
    return Severity.INFO, "all egress is denied, DNS too: names do not resolve"


def _resolver_lack(context: HintContext, pod: Pod) -> tuple[Severity, str] | None:
    """Say of a pod that asks other servers than the cluster's DNS that none is let out to."""
    asked = Flow(Endpoint.pod(pod.key), Endpoint.service(DNS), 53, Protocol.UDP, path=Path.DNS)
    servers = context.resolvers[pod.key]
    answers = [ask_resolver(context.reach, asked, server).expected for server in servers]
    if set(answers) != {Expected.DENIED}:
        return None
    return Severity.WARNING, (
        f"asks {phrases.listed(servers)} for names, which is no pod, and that is not let out: "
        "names do not resolve"
    )


def _may_mean_dns(context: HintContext, own: str, rule: Rule) -> bool:
    """Tell whether a rule for a port of DNS names whom the bundle does not know.

    That of OpenShift serves 5353; a label of kube-system is known to those who set it.
    """
    ports = (Port(number, Protocol.UDP, "dns") for number in (53, 5353))
    stand_in = Pod("", "", ports=tuple(ports))
    if rule.ports and not any(matching.serves(stand_in, match) for match in rule.ports):
        return False
    return any(_is_unknown(context, own, peer, on_port=bool(rule.ports)) for peer in rule.peers)


def _is_unknown(context: HintContext, own: str, peer: Peer, *, on_port: bool) -> bool:
    """Tell whether a peer may be the cluster's DNS though the bundle does not know it as such."""
    if isinstance(peer, IpBlock):
        return on_port
    if on_port and not context.names_peopled(peer, own):
        return True
    chosen = peer.namespace_selector
    labelled = chosen and any(key != NAMESPACE_NAME_LABEL for key in matching.label_keys(chosen))
    return bool(labelled) and context.reach.mirror.known_labels("kube-system") is None


def _may_ask(context: HintContext, pod: Pod, protocol: Protocol) -> bool:
    asked = Flow(Endpoint.pod(pod.key), Endpoint.service(DNS), 53, protocol, path=Path.DNS)
    grid = context.reach.grid
    return grid.expected(*grid.place(asked)) is not Expected.DENIED


def policy_types_default(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each policy that writes `egress` without a rule and no policyTypes.

    NetworkPolicySpec.policyTypes: by default a policy is for egress only if it has such rules.
    """
    for policy, spec in context.written():
        if "egress" in spec and not spec["egress"] and not spec.get("policyTypes"):
            yield Hint(
                POLICY_TYPES_DEFAULT,
                Severity.WARNING,
                str(policy.origin),
                policy.key,
                "`egress` is empty and policyTypes is not written, so the policy is for ingress "
                "only and denies no egress",
                "add policyTypes: [Ingress, Egress]",
            )


def empty_list(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each list or selector of a rule that is written with nothing in it.

    To the API that is the same as one that is left out: everyone, any port, all pods, but the own
    namespace alone. A template whose values are empty writes it so, and means nobody.
    """
    for policy, spec in context.written():
        for direction in Direction:
            rules = spec.get(direction.lower()) or ()
            for rule, written in zip(policy.rules(direction), rules, strict=False):
                yield from _empty_lists(policy, rule, written or {})
                yield from _empty_selectors(policy, rule, written or {})


def _empty_lists(policy: NetworkPolicy, rule: Rule, written: Mapping[str, Any]) -> Iterator[Hint]:
    """Yield the hint on one rule; `[]` is how some write on purpose that everyone is meant."""
    meant = {phrases.verb(rule.direction): f"everyone on {rule.port_words()}", "ports": "any port"}
    empty = [key for key in meant if key in written and not written[key]]
    if empty:
        severity = Severity.WARNING if written[empty[0]] is None else Severity.INFO
        yield _empty_hint(policy, rule, str(rule.origin), severity, empty[0], meant[empty[0]])


def _empty_selectors(
    policy: NetworkPolicy, rule: Rule, written: Mapping[str, Any]
) -> Iterator[Hint]:
    entries = written.get(phrases.verb(rule.direction)) or ()
    for peer, entry in zip(rule.peers, entries, strict=False):
        selectors = [entry.get(key) for key in ("podSelector", "namespaceSelector")]
        unlabelled = any(s is not None and s.get("matchLabels", s) is None for s in selectors)
        absent = "namespaceSelector" in entry and entry["namespaceSelector"] is None
        what = "namespaceSelector" if absent else "matchLabels"
        if absent or unlabelled:
            means = peer.words(policy.namespace)
            yield _empty_hint(policy, rule, str(peer.origin), Severity.WARNING, what, means)


def _empty_hint(
    policy: NetworkPolicy, rule: Rule, place: str, severity: Severity, what: str, meant: str
) -> Hint:
    return Hint(
        EMPTY_LIST,
        severity,
        place,
        policy.rule_name(rule),
        f"`{what}` is written with nothing in it, and that means {meant}",
        f"write what is meant into `{what}`, or `{{}}` where that is all; leave it out otherwise"
        if what == "namespaceSelector"
        else f"if nobody is meant, remove the rule; if that is meant, leave `{what}` out",
    )
