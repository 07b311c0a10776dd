"""What a lab with a defect would do to flows, worked out from what its dataplane compiles.

No packet is sent: the dataplane says whom policies isolate and what its rules let pass, and the few
rules that stand before those of policies are read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import ip_address, ip_network
from itertools import count
from pathlib import Path
from typing import Any

from netlab.dataplane.addresses import Ip, parse_ip
from netlab.dataplane.clusterstate import (
    ClusterState,
    ClusterView,
    NodeInfo,
    PolicyDirection,
    StateReader,
)
from netlab.dataplane.filters import DirectionFilter, Filters, PolicyResolver
from netlab.dataplane.planes import DEFECTS
from netlab.dataplane.semantics import NodeSite, Semantics
from netproof.expected import expected_matrix
from netproof.expected.misreadings import suspects
from netproof.expected.scenes import Scene
from netproof.front.plugin.cases import with_addresses
from netproof.model import flows as flow_sources
from netproof.model.flow import (
    EndpointKind,
    Expected,
    Flow,
    Observation,
    Outcome,
    PathControl,
)
from netproof.model.flow import Path as Way
from netproof.model.matrix import ExpectedMatrix, JudgedStep, Matrix
from netproof.model.record import Convergence, ScenarioRecord
from netproof.model.value import replace as with_fields
from netproof.model.workload import (
    Family,
    Host,
    HostKind,
    Pod,
    Port,
    Protocol,
    Service,
    ServicePort,
    Topology,
)
from netproof.policy import Bundle, load_bundle, load_text
from netproof.run.changes import AddPod, Change, ReplacePolicies, State, Terminate
from netproof.suites.generated.case import Policies, dump
from netproof.suites.generated.cases import cases
from netproof.verdict import judge_step, scenario_verdict

SUITES = Path(__file__).parents[3] / "suites"
NODES = ("lab-node-0", "lab-node-1")
WORLD = Host(HostKind.OUTSIDE, "outside", ("203.0.113.9", "2001:db8:9::9"), (Port(443),))
LATE = Pod("production", "late", {"app": "late"}, (Port(80),))
_OPEN = Observation(Outcome.CONNECTED, seconds=0.002)
_SHUT = Observation(Outcome.DROPPED, arrived=False, seconds=0.5, attempts=2)

FlowSource = Callable[[Topology], Iterable[Flow]]


@dataclass(frozen=True, slots=True)
class Play:
    """A case as the suites play it."""

    name: str
    text: str
    flows: FlowSource
    then: tuple[Callable[[Topology], Change], ...] = ()


@cache
def fleet() -> Topology:
    """Return the fleet of the suites on two nodes."""
    bundle = load_bundle(SUITES / "fleet.yaml")
    pods = tuple(_placed(pod, number) for number, pod in enumerate(bundle.pods, start=1))
    api = Service("production", "api", {"app": "api"}, (ServicePort(80, 80),), ("10.9.0.1",))
    return Topology(bundle.namespaces, pods, (api,), (WORLD,))


_NUMBERS = count(100)


def _placed(pod: Pod, number: int) -> Pod:
    node = pod.node or NODES[(number // 2) % 2]
    return with_fields(pod, node=node, ips=(f"10.1.0.{number}", f"fd00:10:1::{number:x}"))


def scenes_of(play: Play) -> list[Scene]:
    """Return what a case makes of the fleet and its policies, step by step."""
    home = fleet()
    state = State.at_home(home, _bundle(play.text, home))
    scenes = [Scene("", (), home), Scene("policies in force", state.bundle.policies, home)]
    bundles = [state.bundle]
    for after in play.then:
        change = after(scenes[-1].topology)
        state = change(replace(state, pods=scenes[-1].topology.pods))
        pods = tuple(p if p.ips else _placed(p, next(_NUMBERS)) for p in state.pods)
        topology = with_fields(home, namespaces=state.namespaces, pods=pods)
        scenes.append(Scene(str(change), state.bundle.policies, topology))
        bundles.append(state.bundle)
    scenes.append(Scene("policies removed", (), scenes[-1].topology))
    _RAW.update({id(scene): bundle for scene, bundle in zip(scenes[1:], bundles, strict=False)})
    return scenes


_RAW: dict[int, Bundle] = {}


def _bundle(text: str, topology: Topology) -> Bundle:
    return load_text(with_addresses(text, topology), "case.yaml") if text else Bundle()


class Lab:
    """A dataplane with a defect or none; one cluster's scenes are asked in their order."""

    def __init__(self, defect: str) -> None:
        self.defect = defect
        faulty = (DEFECTS[defect].semantics,) if defect else ()
        self.semantics = type("Defective", (*faulty, Semantics), {})()
        self._before: ClusterView | None = None

    def sees(self, scene: Scene) -> Callable[[Flow], Observation]:
        """Return what becomes of flows in a scene."""
        view = _view(scene)
        state = StateReader().read(self.semantics.perceive(self._before, view))
        self._before = view
        filters = PolicyResolver(self.semantics).resolve(state)
        selected = {direction: only.isolated for direction, only in filters.items()}
        before = {
            node: self.semantics.first_rules(NodeSite(node, state.pods, selected))
            for node in NODES
            if self.semantics.enforces_on(state, node)
        }

        def seen(flow: Flow) -> Observation:
            return self._seen(flow, scene, state, filters, before)

        return seen

    def _seen(
        self,
        flow: Flow,
        scene: Scene,
        state: ClusterState,
        filters: Filters,
        before: Mapping[str, Sequence[str]],
    ) -> Observation:
        source, target = _ip(flow.source, flow, scene), _ip(flow.destination, flow, scene)
        nodes = [pod.node if (pod := _pod(ip, state)) else "" for ip in (source, target)]
        if source == target:
            return _OPEN  # a pod's packets to itself go through no chain
        answered = True
        for node in (one for one in dict.fromkeys(nodes) if one in before):
            verdict = _first(before[node], flow, source, target)
            if verdict == "drop":
                return _SHUT
            answered &= verdict != "no reply"
            without_ports = flow.path is Way.FRAGMENTS and "length" in self.semantics.of_ports()
            passes = _passes(filters, node, source, target, flow, state, ports=not without_ports)
            if verdict != "accept" and not passes:
                return self._denied(flow)
        return _OPEN if answered else with_fields(_SHUT, arrived=True)

    def _denied(self, flow: Flow) -> Observation:
        rules = " ".join(self.semantics.deny_rules(None, ()))
        if f"l4proto {flow.protocol.lower()} ct mark set" in rules:
            return with_fields(_SHUT, arrived=True)
        if "syn" in rules and flow.protocol is Protocol.TCP:
            return Observation(Outcome.CONNECTED, seconds=1.03)
        return _SHUT


def _passes(
    filters: Filters,
    node: str,
    source: Ip,
    target: Ip,
    flow: Flow,
    state: ClusterState,
    *,
    ports: bool,
) -> bool:
    for direction, own, other in (
        (PolicyDirection.EGRESS, source, target),
        (PolicyDirection.INGRESS, target, source),
    ):
        pod = _pod(own, state)
        here = pod is not None and pod.node == node
        if here and not _lets(filters[direction], own, other, target, flow, ports=ports):
            return False
    return True


def _lets(
    only: DirectionFilter, own: Ip, other: Ip, target: Ip, flow: Flow, *, ports: bool
) -> bool:
    if not any(own in pod.ips for pod in only.isolated):
        return True
    protocol = flow.protocol.lower()
    for allow in only.allows:
        if not any(own in pod.ips for pod in allow.subjects) or other not in allow.peers:
            continue
        if allow.ports is not None and not ports:
            continue
        if allow.ports is None or any(
            p.protocol == protocol and p.first <= flow.port <= p.last for p in allow.ports
        ):
            return True
        if any(
            e.ip == target and e.protocol == protocol and e.port == flow.port
            for e in allow.endpoints
        ):
            return True
    return False


def _first(rules: Sequence[str], flow: Flow, source: Ip, target: Ip) -> str:
    """Read the rules that stand before those of policies."""
    for rule in rules:
        reply = rule.startswith("ct direction reply")
        ends = {"saddr": target if reply else source, "daddr": source if reply else target}
        if " ct mark " in rule or not _is_about(rule, flow):
            continue
        if all(_in_set(rule, side, ip) for side, ip in ends.items()):
            return "no reply" if reply else rule.split()[-1]
    return ""


def _is_about(rule: str, flow: Flow) -> bool:
    """Tell whether a rule is about a flow, its ends left aside."""
    protocol, port = re.search(r"l4proto (\w+)", rule), re.search(r"dport (\d+)", rule)
    return (
        ("ct status dnat" not in rule or flow.path in (Way.CLUSTER_IP, Way.NAME))
        and ("length > 1500" not in rule or flow.path is Way.FRAGMENTS)
        and ("nfproto ipv6" not in rule or flow.family is Family.IPV6)
        and (protocol is None or protocol[1] == flow.protocol.lower())
        and (port is None or int(port[1]) == flow.port)
    )


def _in_set(rule: str, side: str, ip: Ip) -> bool:
    found = re.search(rf"(ip6?) {side} (!= )?\{{ ([^}}]*) \}}", rule)
    if found is None:
        return True
    if (found[1] == "ip6") != (":" in str(ip)):
        return False
    inside = any(_holds(text.strip(), str(ip)) for text in found[3].split(","))
    return inside is not bool(found[2])


def _holds(text: str, ip: str) -> bool:
    if "/" in text:
        return ip_address(ip) in ip_network(text, strict=False)
    first, _, last = text.partition("-")
    return int(ip_address(first)) <= int(ip_address(ip)) <= int(ip_address(last or first))


def _pod(ip: Ip, state: ClusterState) -> Any:
    return next((pod for pod in state.pods if ip in pod.ips), None)


def _ip(end: Any, flow: Flow, scene: Scene) -> Ip:
    if end.kind is EndpointKind.SERVICE:
        service = scene.topology.service(end.name)
        return parse_ip(str(scene.topology.backends(service)[0].ip(flow.family)))
    of = scene.topology.pod if end.kind is EndpointKind.POD else scene.topology.host
    return _parsed(str(of(end.name).ip(flow.family)))


_parsed = cache(parse_ip)


def _view(scene: Scene) -> ClusterView:
    bundle = _RAW.get(id(scene), Bundle())
    wanted = {policy.key for policy in scene.policies}
    policies = []
    for manifest in bundle.manifests:
        key = f"{manifest.namespace}/{manifest.name}"
        if manifest.kind == "NetworkPolicy" and key in wanted:
            meta = {**manifest.raw["metadata"], "namespace": manifest.namespace, "uid": key}
            policies.append({**manifest.raw, "metadata": meta})
    policies.sort(key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))
    return ClusterView(
        namespaces=tuple(
            {"metadata": {"name": s.name, "uid": s.name, "labels": dict(s.labels)}}
            for s in scene.topology.namespaces
        ),
        pods=tuple(map(_object, scene.topology.pods)),
        policies=tuple(policies),
        nodes=tuple(NodeInfo(name, (f"172.30.0.{n}",)) for n, name in enumerate(NODES)),
    )


def _object(pod: Pod) -> dict[str, Any]:
    ports = [
        {"name": p.name, "containerPort": p.number, "protocol": str(p.protocol)} for p in pod.ports
    ]
    return {
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "uid": f"{pod.key}@{pod.ips[0]}",
            "labels": dict(pod.labels),
            **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if pod.grace_s else {}),
        },
        "spec": {"nodeName": pod.node, "containers": [{"name": "m", "ports": ports}]},
        "status": {"phase": "Running", "podIPs": [{"ip": ip} for ip in pod.ips]},
    }


@dataclass(frozen=True, slots=True)
class Staged:
    """A case's scenes, and what is expected of its flows after the first, which has none."""

    play: Play
    scenes: list[Scene]
    expected: list[ExpectedMatrix]


@cache
def staged(play: Play) -> Staged:
    """Work out what all defects of a case have in common."""
    scenes = scenes_of(play)
    wanted = [
        expected_matrix(tuple(play.flows(one.topology)), one.topology, one.policies)
        for one in scenes[1:]
    ]
    return Staged(play, scenes, wanted)


def played(play: Play, defect: str) -> ScenarioRecord | None:
    """Return what would be on record of a case on a lab with a defect, None where it passes."""
    made, lab = staged(play), Lab(defect)
    lab.sees(made.scenes[0])
    seen = []
    for scene, expected in zip(made.scenes[1:], made.expected, strict=True):
        look = lab.sees(scene)
        seen.append({flow: look(flow) for flow in expected})
    if not any(
        _differs(expected[flow].expected, one)
        for expected, of in zip(made.expected, seen, strict=True)
        for flow, one in of.items()
    ):
        return None
    steps = [
        _judged(scene, expected, of)
        for scene, expected, of in zip(made.scenes[1:], made.expected, seen, strict=True)
    ]
    return ScenarioRecord(
        id=play.name,
        title="",
        bundle="",
        worker="w",
        verdict=scenario_verdict(step.record for step in steps),
        seconds=0.1,
        steps=tuple(step.record for step in steps),
        repeat=f"netproof test {play.name}",
        suspects=suspects(made.scenes, steps),
    )


def _differs(expected: Expected, seen: Observation) -> bool:
    if expected is Expected.UNDEFINED:
        return False
    return seen.leaked is not (expected is Expected.ALLOWED) or (
        expected is Expected.ALLOWED and seen.outcome is not Outcome.CONNECTED
    )


def _judged(scene: Scene, expected: ExpectedMatrix, seen: Mapping[Flow, Observation]) -> JudgedStep:
    return judge_step(
        scene.name,
        [policy.key for policy in scene.policies],
        expected=expected,
        observed=Matrix(expected, {flow: _weighed(one) for flow, one in seen.items()}),
        baseline=dict.fromkeys(expected, _OPEN),
        convergence=Convergence(),
        topology=scene.topology,
    )


def _weighed(observation: Observation) -> Observation:
    return with_fields(observation, beside=PathControl(("a", "b"), far=True))


@cache
def play_of(name: str) -> Play:
    """Return a bundle of the suites by hand, a generated case, or one of this test's own."""
    if name in OWN:
        bundle, then = OWN[name]
        return Play(name, _text_of(bundle), flow_sources.mixed_flows, then)
    if name.startswith("generated/"):
        case = cases()[name.removeprefix("generated/")]
        return Play(name, case.text(), case.flows, tuple(map(_then, case.then)))
    return Play(name, _text_of(name), FLOWS.get(name, flow_sources.mixed_flows))


def _text_of(name: str) -> str:
    theme, _, bundle = name.partition("/")
    return (SUITES / theme / "bundles" / f"{bundle}.yaml").read_text(encoding="utf-8")


def _turned(topology: Topology) -> Change:
    return ReplacePolicies(_bundle(_text_of("endings/around-web-turned"), topology))


def _late(_: Topology) -> Change:
    return AddPod(LATE)


def _terminating(_: Topology) -> Change:
    return Terminate("production/web")


OWN: Mapping[str, tuple[str, tuple[Callable[[Topology], Change], ...]]] = {
    "lifecycle/late": ("isolation/default-deny-all", (_late,)),
    "endings/terminating-pod": ("endings/around-web", (_terminating,)),
    "endings/while-terminating": ("endings/around-web", (_terminating, _turned)),
}
"""Cases that the suites play from a bundle and changes: the bundle, and the changes."""


def _to_services(topology: Topology) -> Iterator[Flow]:
    yield from flow_sources.mixed_flows(topology)
    yield from flow_sources.service_flows(topology)


def _to_the_world(topology: Topology) -> Iterator[Flow]:
    yield from flow_sources.mixed_flows(topology)
    yield from flow_sources.outside_flows(topology)


def _in_fragments(topology: Topology) -> Iterator[Flow]:
    yield from flow_sources.mixed_flows(topology)
    yield from flow_sources.fragment_flows(topology)


FLOWS: Mapping[str, FlowSource] = {
    "isolation/default-deny-all": _to_services,
    "egress/deny-egress": _to_the_world,
    "egress/selectors-and-the-world": _to_the_world,
    "protocols/udp-only": _in_fragments,
}
"""What is tried besides flows between pods, where a case is about that."""


def _then(one: Policies | Change) -> Callable[[Topology], Change]:
    """Return a change, as the addresses of the moment make it."""
    if isinstance(one, Policies):
        text = dump(one.bundle)
        return lambda topology: ReplacePolicies(_bundle(text, topology))
    return lambda _: one
