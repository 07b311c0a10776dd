"""All of a flow: both its sides, by whichever path it goes.

A flow passes if the policies of the source let it out and those of the destination let it in
(https://kubernetes.io/docs/concepts/services-networking/network-policies/,
"The two sorts of pod isolation"). What is sent to a Service is judged by its backends, after
kube-proxy has rewritten the destination; where several backends differ, or rewriting the source
makes the answer depend on the dataplane, it is undefined.

kube-proxy picks one of the ready backends; a named targetPort is looked up on each backend, and a
backend without that name is none for that port
(https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports).
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from netproof.expected.decision import decide, weigh
from netproof.expected.index import PolicyIndex, Side
from netproof.expected.traffic import SOME_NODE, Packets, Party
from netproof.expected.undefined import NO_TRANSPORT, NODE_PORT_ORDER, REWRITTEN_BY_NODE
from netproof.model.flow import (
    Direction,
    EndpointKind,
    Expectation,
    Expected,
    Flow,
    Path,
    Reason,
)
from netproof.model.matrix import ExpectedMatrix, Matrix
from netproof.model.workload import Pod, Protocol, Service, ServicePort, Topology
from netproof.policy import NetworkPolicy

REWRITTEN_PATHS = frozenset({Path.CLUSTER_IP, Path.NAME, Path.DNS, Path.NODE_PORT})
"""The paths on which the destination's address is rewritten."""


@dataclass(frozen=True, slots=True)
class BackendPod:
    """A pod behind a Service, and the port that it is reached at."""

    pod: Pod
    port: int


@dataclass(frozen=True, slots=True)
class NoBackend:
    """There is nobody to judge the flow by; `text` says why."""

    expected: Expected
    text: str


def expect(flow: Flow, topology: Topology, policies: Iterable[NetworkPolicy]) -> Expectation:
    """Say what should happen to one flow, and why.

    Raises HarnessBug if the flow names what the topology lacks. For many flows use an `Evaluator`,
    which matches the selectors once.
    """
    return Evaluator(PolicyIndex(topology, policies)).expect(flow)


def expected_matrix(
    flows: Iterable[Flow], topology: Topology, policies: Iterable[NetworkPolicy]
) -> ExpectedMatrix:
    """Say what should happen to each flow; raise HarnessBug as `expect` does."""
    return Evaluator(PolicyIndex(topology, policies)).matrix(flows)


class Evaluator:
    """Answers for flows of one topology under one set of policies."""

    def __init__(self, index: PolicyIndex) -> None:
        self.index = index

    def matrix(self, flows: Iterable[Flow]) -> ExpectedMatrix:
        """Say what should happen to each flow; raise HarnessBug as `expect` does."""
        cells = {flow: self.expect(flow) for flow in flows}
        return Matrix(cells, cells)

    def expect(self, flow: Flow) -> Expectation:
        """Say what should happen to one flow; raise HarnessBug if it names what is not there."""
        if flow.protocol is Protocol.ICMP:
            return _both([Reason(Direction.INGRESS, Expected.UNDEFINED, NO_TRANSPORT)])
        if flow.path in REWRITTEN_PATHS:
            return self._by_service(flow)
        source = self._party(flow.source.kind, flow.source.name)
        destination = self._party(flow.destination.kind, flow.destination.name)
        packets = Packets(flow.port, flow.protocol, flow.family)
        reasons = []
        if source.pod:
            reasons.append(self.decide(source.pod, destination, packets, Direction.EGRESS))
        if destination.pod:
            reasons.append(self.decide(destination.pod, source, packets, Direction.INGRESS))
        if not reasons:
            text = "no pod takes part, so no policy applies"
            reasons.append(Reason(Direction.EGRESS, Expected.ALLOWED, text))
        return _both(reasons)

    def decide(self, pod: Pod, other: Party, packets: Packets, direction: Direction) -> Reason:
        """Say what the policies of one pod make of one side; every answer is made of these."""
        return decide(self.index, pod, other, packets, direction)

    def _by_service(self, flow: Flow) -> Expectation:
        reached = find_backends(self.index, flow)
        if isinstance(reached, NoBackend):
            return _both([Reason(Direction.INGRESS, reached.expected, reached.text)])
        each = [self._to_backend(flow, backend) for backend in reached]
        if len({expectation.expected for expectation in each}) == 1:
            return _merge(each[0].expected, each)
        answers = ", ".join(f"{b.pod.key} {e.expected}" for b, e in zip(reached, each, strict=True))
        text = f"the backends of {flow.destination} differ: {answers}"
        reason = Reason(Direction.INGRESS, Expected.UNDEFINED, text)
        return _merge(Expected.UNDEFINED, [Expectation(Expected.UNDEFINED, (reason,)), *each])

    def _to_backend(self, flow: Flow, backend: BackendPod) -> Expectation:
        source = self._party(flow.source.kind, flow.source.name)
        if source.pod and source.pod.key == backend.pod.key:
            key = backend.pod.key
            text = f"{key} reaches itself through a Service, which the API does not define"
            return _both([Reason(Direction.INGRESS, Expected.UNDEFINED, text)])
        packets = Packets(backend.port, flow.protocol, flow.family)
        reasons = []
        if source.pod:
            reasons.append(self._out_to_backend(flow, source.pod, backend))
        if flow.path is Path.NODE_PORT or not source.pod:
            source = Party(source.who, rewritten=REWRITTEN_BY_NODE)
        reasons.append(self.decide(backend.pod, source, packets, Direction.INGRESS))
        return _both(reasons)

    def _out_to_backend(self, flow: Flow, pod: Pod, backend: BackendPod) -> Reason:
        after = Packets(backend.port, flow.protocol, flow.family)
        reason = self.decide(pod, Party(backend.pod), after, Direction.EGRESS)
        if flow.path is not Path.NODE_PORT:
            return reason
        node = SOME_NODE
        if flow.destination.kind is EndpointKind.NODE:
            node = Party(self.index.host(flow.destination.name))
        before = Packets(flow.port, flow.protocol, flow.family)
        if self.decide(pod, node, before, Direction.EGRESS).expected is reason.expected:
            return reason
        text = f"{reason.text}; yet {NODE_PORT_ORDER}"
        return Reason(Direction.EGRESS, Expected.UNDEFINED, text, reason.policies, reason.rules)

    def _party(self, kind: EndpointKind, name: str) -> Party:
        index = self.index
        return Party(index.pod(name) if kind is EndpointKind.POD else index.host(name))


class Answers(Evaluator):
    """Answers without words, for who asks about many sets of policies that hardly differ.

    `known` answers for all sides but those in `changed`; what was answered is kept.
    """

    def __init__(
        self, index: PolicyIndex, known: Answers | None = None, changed: Container[Side] = ()
    ) -> None:
        super().__init__(index)
        self._known, self._changed = known, changed
        self._kept: dict[tuple[str, str, str, Packets, Direction], Reason] = {}

    def with_changed(self, original: NetworkPolicy, new: NetworkPolicy | None) -> Answers:
        """Return the answers with one policy in another's place, as `PolicyIndex` has it."""
        pods = self.index.selected(original)
        changed = {(pod.key, direction) for pod in pods for direction in original.policy_types}
        return Answers(self.index.with_changed(original, new), self, changed)

    def decide(self, pod: Pod, other: Party, packets: Packets, direction: Direction) -> Reason:
        """Say what one side comes to, in no words."""
        if self._known is not None and (pod.key, direction) not in self._changed:
            return self._known.decide(pod, other, packets, direction)
        asked = pod.key, other.name, other.rewritten, packets, direction
        found = self._kept.get(asked)
        if found is None:
            expected, _, _ = weigh(self.index, pod, other, packets, direction)
            found = self._kept[asked] = Reason(direction, expected, "")
        return found


def _both(reasons: list[Reason]) -> Expectation:
    """Combine the sides: one that denies is enough, and one that is undefined leaves it open."""
    answers = {reason.expected for reason in reasons}
    for expected in (Expected.DENIED, Expected.UNDEFINED):
        if expected in answers:
            return Expectation(expected, tuple(reasons))
    return Expectation(Expected.ALLOWED, tuple(reasons))


def _merge(expected: Expected, each: list[Expectation]) -> Expectation:
    reasons = dict.fromkeys(reason for one in each for reason in one.reasons)
    ordered = sorted(reasons, key=lambda reason: reason.direction is Direction.INGRESS)
    return Expectation(expected, tuple(ordered))


def find_backends(index: PolicyIndex, flow: Flow) -> tuple[BackendPod, ...] | NoBackend:
    """Return all the pods that the flow may be sent to, or why there is none.

    Without backends kube-proxy rejects what is sent to a Service, so the flow is denied, though
    by no policy. Who stands behind a Service without a selector, or behind a port that it does
    not have, is not ours to know: that is undefined.
    """
    addressed = _service_port(index, flow)
    if addressed is None:
        what = "node port" if flow.path is Path.NODE_PORT else "port"
        text = f"no {what} {flow.port}/{flow.protocol} is known of {flow.destination}"
        return NoBackend(Expected.UNDEFINED, text)
    service, port = addressed
    if flow.path is Path.DNS and service.asked_at:
        asked = " and ".join(service.asked_at)
        text = f"pods ask {asked} for names and not {service.key}, and what that is nobody told"
        return NoBackend(Expected.UNDEFINED, text)
    if not service.selector:
        text = f"Service {service.key} has no selector, so its backends are not known"
        return NoBackend(Expected.UNDEFINED, text)
    reached = tuple(
        BackendPod(pod, number)
        for pod in index.backends(service)
        if (number := _target(port, pod)) is not None
    )
    if not reached:
        text = f"Service {service.key} has no backend for {flow.port}/{flow.protocol}"
        return NoBackend(Expected.DENIED, f"{text}, so what is sent there is rejected")
    return reached


def _service_port(index: PolicyIndex, flow: Flow) -> tuple[Service, ServicePort] | None:
    if flow.destination.kind is EndpointKind.SERVICE:
        services: tuple[Service, ...] = (index.service(flow.destination.name),)
    else:
        services = index.topology.services
    for service in services:
        for port in service.ports:
            number = port.node_port if flow.path is Path.NODE_PORT else port.number
            if number == flow.port and port.protocol is flow.protocol:
                return service, port
    return None


def _target(port: ServicePort, pod: Pod) -> int | None:
    if isinstance(port.target, int):
        return port.target
    return next(
        (p.number for p in pod.ports if p.name == port.target and p.protocol is port.protocol),
        None,
    )
