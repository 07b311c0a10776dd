"""What probing a bundle adds to reading it: what the cluster's copy does not keep, and results.

A bundle's namespaces stand in a cluster under names of our own. Labels are kept and selectors by
`kubernetes.io/metadata.name` are rewritten, so policies mean what they meant; what that cannot
keep is noted. Results are looked up by pairs of ends, after which tests are named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from netproof.model.flow import Endpoint, EndpointKind, Flow
from netproof.model.matrix import JudgedScenario
from netproof.model.record import Tried
from netproof.model.review import Note, PairResult
from netproof.policy import PodPeer, Rule, matching
from netproof.policy.mirror import Mirror
from netproof.review import phrases
from netproof.review.reachability import DNS, Reachability

SYSTEM = "kube-system"
OUTSIDE = "outside"
NODES = "nodes"

OURS = ("app.kubernetes.io/managed-by", "netproof.dev/")
"""Labels that every namespace of ours carries, whatever the bundle says."""


def notes(mirror: Mirror) -> tuple[Note, ...]:
    """Return what the renaming of namespaces does not keep of a bundle."""
    return (*_system(mirror), *_taken_labels(mirror))


def unprobed(why: str) -> tuple[Note, ...]:
    """Return what a cluster without agents on its nodes leaves unsaid; nothing where it has."""
    return (Note("nodes", "", f"no packet was sent to or from them: {why}"),) if why else ()


def world(who: str) -> tuple[Note, ...]:
    """Return what of the world outside was not tried, if it is not as on the lab."""
    return (Note(OUTSIDE, "", f"no packet went to or from {who}"),) if who else ()


def one_relation(pairs: Iterable[Tried]) -> tuple[Note, ...]:
    """Return which namespaces met on one node only, or only across nodes."""
    return tuple(
        Note(f"flows {one.subject}", "", f"were tried {one.only}") for one in pairs if one.only
    )


def _system(mirror: Mirror) -> Iterator[Note]:
    for space in mirror.bundle.namespaces:
        if space.name == SYSTEM:
            keys = [w.key for w in mirror.workloads if w.pod.namespace == SYSTEM]
            place = mirror.place("Namespace", SYSTEM) or mirror.place("", next(iter(keys), ""))
            text = (
                "stands under a name of ours in the cluster: its pods are not the cluster's DNS, "
                "and rules for DNS are tried on the copies"
            )
            yield Note(f"Namespace {SYSTEM}", place, text)


def _taken_labels(mirror: Mirror) -> Iterator[Note]:
    for policy in mirror.bundle.policies:
        for rule in (*policy.ingress, *policy.egress):
            for key in _taken_keys(rule):
                text = f"selects namespaces by the label {key}, which is ours in the cluster"
                yield Note(policy.rule_name(rule), str(rule.origin), text)


def _taken_keys(rule: Rule) -> Iterator[str]:
    for peer in rule.peers:
        if isinstance(peer, PodPeer) and peer.namespace_selector is not None:
            keys = matching.label_keys(peer.namespace_selector)
            yield from (key for key in keys if key.startswith(OURS))


def pair_names(reach: Reachability) -> tuple[str, ...]:
    """Return the pairs of a bundle: workloads with workloads, Services, the outside, nodes, DNS."""
    return tuple(_pair_names(reach))


def _pair_names(reach: Reachability) -> Iterator[str]:
    bundle = reach.mirror.bundle
    for source in reach.workloads:
        for destination in reach.workloads:
            if source.key != destination.key and destination.ports:
                yield f"{source.key} -> {destination.key}"
        for service in bundle.services:
            if reach.index.backends(service):
                yield f"{source.key} -> service {service.key}"
        yield f"{source.key} -> {OUTSIDE}"
        yield f"{source.key} -> {NODES}"
        if source.ports:
            yield f"{NODES} -> {source.key}"
        yield f"{source.key} -> dns"


def pair_of(flow: Flow) -> str:
    """Return the pair that a flow belongs to; all hosts outside are one end, and so are nodes."""
    return f"{_end(flow.source)} -> {_end(flow.destination)}"


def _end(end: Endpoint) -> str:
    if end.kind is EndpointKind.OUTSIDE:
        return OUTSIDE
    if end.kind is EndpointKind.NODE:
        return NODES
    return "dns" if end == Endpoint.service(DNS) else str(end)


def pair_results(scenario: JudgedScenario) -> tuple[PairResult, ...]:
    """Return what a scenario showed of each pair, in the order it was probed."""
    counts: Counter[str] = Counter()
    findings: dict[str, list[str]] = {}
    for step in scenario.steps:
        counts.update(map(pair_of, step.matrix))
        for finding in step.record.findings:
            text = phrases.finding(step.record.name, finding)
            findings.setdefault(pair_of(finding.flow), []).append(text)
    return tuple(
        PairResult(name, count, tuple(findings.get(name, ()))) for name, count in counts.items()
    )
