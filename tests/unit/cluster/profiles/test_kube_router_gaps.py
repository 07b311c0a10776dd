"""kube-router's gaps are declared where its reading of port names matters, and only there.

Its reading, as its source has it (pkg/controllers/netpol/policy.go at v2.11.1), is put beside the
API's on the suites' own cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml

from netproof.cluster.profiles import reading
from netproof.expected import expected_matrix
from netproof.front.plugin.cases import with_addresses
from netproof.model import flows
from netproof.model.flow import Direction, Expected, Flow
from netproof.model.flowpattern import parse_pattern
from netproof.model.known_gap import KnownGap
from netproof.model.record import FlowVerdict
from netproof.model.value import replace
from netproof.model.workload import Topology
from netproof.policy import PodPeer, load_bundle, load_text
from netproof.policy.matching import names_pod, namespace_labels, selects
from netproof.suites.generated.case import Policies, dump
from netproof.suites.generated.cases import cases

SUITES = Path(__file__).parents[4] / "suites"
GAPS = {gap.id: gap for gap in reading.load("kube-router", reading.folder()).gaps}
BLOCKS, TOGETHER = "except-bars-other-blocks", "names-run-together"
ANYWHERE, AT_BLOCKS, SYNCS = "port-name-anywhere", "port-name-at-blocks", "port-name-while-syncing"

NAMED = re.compile(r"port: [a-z]")
"""A port by its name; most bundles have none, and need not be read."""

FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Rule = dict[str, Any]

POLICY = "NetworkPolicy"
NOTHING = [{"port": 1, "protocol": "SCTP"}]
"""A port that no pod serves: a list without entries would be all ports."""


@cache
def fleet() -> Topology:
    """Return the suites' fleet, with addresses."""
    bundle = load_bundle(SUITES / "fleet.yaml")
    pods = (
        replace(pod, ips=(f"10.1.0.{number}", f"fd00::{number}"))
        for number, pod in enumerate(bundle.pods, start=1)
    )
    return Topology(bundle.namespaces, tuple(pods))


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Return every bundle of the suites by its scenario's id; of a change, what comes after."""
    return tuple(_texts())


def _texts() -> Iterator[tuple[str, str]]:
    for name, case in cases().items():
        if case.policies:
            yield f"generated/{name}", case.text()
        for change in case.then:
            if isinstance(change, Policies) and change.bundle:
                yield f"generated/{name}", dump(change.bundle)
    for file in sorted(SUITES.glob("*/bundles/*.yaml")):
        yield f"{file.parts[-3]}/{file.stem}", file.read_text(encoding="utf-8")


def named(rule: Rule) -> list[str]:
    """Return the names of ports in a rule."""
    return [port["port"] for port in rule.get("ports") or () if isinstance(port.get("port"), str)]


def as_it_reads(documents: list[Rule]) -> list[Rule]:
    """Return policies as kube-router acts on their blocks, and on egress rules that name ports."""
    for document in documents:
        spec = document.get("spec") or {}
        if document["kind"] == POLICY:
            for rule in (*(spec.get("ingress") or ()), *(spec.get("egress") or ())):
                for side in {"from", "to"} & set(rule):
                    rule[side] = as_one_set(rule[side] or [])
        space = document["metadata"]["namespace"]
        own = [pod for pod in fleet().pods if pod.namespace == space]
        for rule in (document["spec"].get("egress") or ()) if document["kind"] == POLICY else ():
            if named(rule) and not rule.get("to"):
                opened = [one for port in rule["ports"] for one in _numbered(port, own)]
                rule["ports"] = opened or NOTHING
            elif named(rule) and all("ipBlock" in peer for peer in rule["to"]):
                kept = [port for port in rule["ports"] if not isinstance(port.get("port"), str)]
                rule["ports"] = kept or NOTHING
    return documents


def as_one_set(peers: Sequence[Any]) -> list[Any]:
    """Return the peers of a rule as one set of blocks means them: the longest entry decides.

    An entry that comes twice is what it was last (ipset, hash:net, nomatch).
    """
    blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
    if len(blocks) < 2:
        return list(peers)
    lets_pass = {
        ip_network(entry, strict=False): entry == block["cidr"]
        for block in blocks
        for entry in (block["cidr"], *(block.get("except") or ()))
    }
    barred = [entry for entry, passes in lets_pass.items() if not passes]
    kept = [peer for peer in peers if "ipBlock" not in peer]
    for net in (ip_network(block["cidr"], strict=False) for block in blocks):
        inside = [str(one) for one in barred if one.version == net.version and _within(one, net)]
        if net not in barred:
            kept.append({"ipBlock": {"cidr": str(net), **({"except": inside} if inside else {})}})
    return kept


def _within(one: Any, net: Any) -> bool:
    return bool(one != net and one.subnet_of(net))


def _numbered(port: Rule, pods: Sequence[Any]) -> list[Rule]:
    if not isinstance(port.get("port"), str):
        return [port]
    protocol = port.get("protocol", "TCP")
    found = {
        one.number
        for pod in pods
        for one in pod.ports
        if one.name == port["port"] and one.protocol == protocol
    }
    return [{**port, "port": number} for number in sorted(found)]


def differences(text: str) -> dict[Flow, FlowVerdict]:
    """Return the flows that come out otherwise by kube-router's reading."""
    if not (NAMED.search(text) or text.count("cidr: ") > 1) or " of outside}" in text:
        return {}  # nothing to read otherwise, or a host that kind has not
    text = with_addresses(text, fleet())
    documents = [one for one in yaml.load_all(text, Loader=FAST) if one]
    theirs = as_it_reads(deepcopy(documents))
    if documents == theirs:
        return {}
    tried = [flow for flow in flows.pod_flows(fleet()) if not flows.is_self(flow)]
    api, other = (
        expected_matrix(tried, fleet(), load_text(one, "case").policies)
        for one in (text, dump(theirs))
    )
    return {
        flow: FlowVerdict.LEAK
        if api[flow].expected is Expected.DENIED
        else FlowVerdict.OVER_BLOCKED
        for flow in tried
        if api[flow].expected is not other[flow].expected
    }


def tried(scenario: str, flow: Flow) -> bool:
    """Tell whether a case tries a flow: generated ones do so in one family."""
    theme, _, name = scenario.partition("/")
    return theme != "generated" or flow.family is cases()[name].family


def explained(flow: Flow, verdict: FlowVerdict, gap: KnownGap) -> bool:
    """Tell whether a gap is about a flow that comes out in a way."""
    patterns = map(parse_pattern, gap.flows)
    return verdict in gap.verdicts and any(pattern.matches(flow) for pattern in patterns)


def test_gaps_stand_where_the_reading_differs_and_nowhere_else() -> None:
    """A case is declared in a gap exactly if that explains each flow that comes out otherwise."""
    lasting = [GAPS[ANYWHERE], GAPS[AT_BLOCKS], GAPS[BLOCKS]]
    shown: set[tuple[str, str]] = set()
    for scenario, text in texts():
        for flow, verdict in differences(text).items():
            explaining = [gap for gap in lasting if explained(flow, verdict, gap)]
            if tried(scenario, flow):
                assert any(gap.concerns(scenario) for gap in explaining), f"{scenario}: {flow}"
                shown |= {(gap.id, scenario) for gap in explaining if gap.concerns(scenario)}
    ids = {scenario for scenario, _ in texts()}
    declared = {(gap.id, one) for gap in lasting for one in ids if gap.concerns(one)}
    assert declared == shown


def run_together(text: str) -> bool:
    """Tell whether two policies have a namespace and a name that make the same text."""
    if text.count(f"kind: {POLICY}") < 2:
        return False
    documents = [one for one in yaml.load_all(text, Loader=FAST) if one and one["kind"] == POLICY]
    keys = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in documents}
    return len({space + name for space, name in keys}) < len(keys)


def test_policies_whose_names_run_together_are_declared_and_no_others() -> None:
    """Its chains and sets are named by a hash of both, with nothing between them."""
    gap = GAPS[TOGETHER]
    meeting = {scenario for scenario, text in texts() if run_together(text)}
    assert meeting == {scenario for scenario, _ in texts() if gap.concerns(scenario)}


def ambiguous(text: str) -> bool:
    """Tell whether a rule names a port that has several numbers at the pods it is for."""
    if not NAMED.search(text):
        return False
    read = load_text(with_addresses(text, fleet()), "case")
    labels = namespace_labels(fleet().namespaces)
    for policy in read.policies:
        for rule in (*policy.ingress, *policy.egress):
            peers = [peer for peer in rule.peers if isinstance(peer, PodPeer)]
            for port in rule.ports:
                numbers = {
                    served.number
                    for pod in fleet().pods
                    for served in pod.ports
                    if (served.name, served.protocol) == (port.port, port.protocol)
                    and (
                        selects(policy, pod)
                        if rule.direction is Direction.INGRESS
                        else any(names_pod(peer, policy.namespace, pod, labels) for peer in peers)
                    )
                }
                if len(numbers) > 1:
                    return True
    return False


def test_the_transient_gap_stands_where_a_name_has_several_numbers() -> None:
    """Sets by the index of a number can be mixed up only where there are two."""
    gap = GAPS[SYNCS]
    assert gap.transient
    several = {scenario for scenario, text in texts() if ambiguous(text)}
    assert several == {scenario for scenario, _ in texts() if gap.concerns(scenario)}
