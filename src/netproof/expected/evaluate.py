"""All of a flow: both its sides, by whichever path it goes.

A flow passes if the policies of the source let it out and those of the destination let it in
(https://kubernetes.io/docs/concepts/services-networking/network-policies/,
"The two sorts of pod isolation"). What is sent to a Service is judged by its backends, after
kube-proxy has rewritten the destination; where several backends differ, or rewriting the source
makes the answer depend on the dataplane, it is undefined.
"""

from __future__ import annotations

from collections.abc import Iterable

from netproof.expected.index import PolicyIndex
from netproof.expected.parties import SOME_NODE, Packets, Party
from netproof.expected.services import PATHS, Backend, NoBackend, backends
from netproof.expected.sides import judge
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
from netproof.model.workload import Pod, Topology
from netproof.policy import NetworkPolicy

_TO_NODE = "a node may put its own address in place of the sender's on the way to a backend"
_ORDER = "it is not defined whether policies see a node port before or after it is rewritten"


def expect(flow: Flow, topology: Topology, policies: Iterable[NetworkPolicy]) -> Expectation:
    """Say what should happen to one flow, and why.

    Raises HarnessBug if the flow names what the topology lacks. For many flows use
    `expected_matrix`, which matches the selectors once.
    """
    return _expect(PolicyIndex(topology, policies), flow)


def expected_matrix(
    flows: Iterable[Flow], topology: Topology, policies: Iterable[NetworkPolicy]
) -> ExpectedMatrix:
    """Say what should happen to each flow; raise HarnessBug as `expect` does."""
    index = PolicyIndex(topology, policies)
    cells = {flow: _expect(index, flow) for flow in flows}
    return Matrix(cells, cells)


def _expect(index: PolicyIndex, flow: Flow) -> Expectation:
    if flow.path in PATHS:
        return _by_service(index, flow)
    source = _party(index, flow.source.kind, flow.source.name)
    destination = _party(index, flow.destination.kind, flow.destination.name)
    packets = Packets(flow.port, flow.protocol, flow.family)
    reasons = []
    if source.pod:
        reasons.append(judge(index, source.pod, destination, packets, Direction.EGRESS))
    if destination.pod:
        reasons.append(judge(index, destination.pod, source, packets, Direction.INGRESS))
    if not reasons:
        text = "no pod takes part, so no policy applies"
        reasons.append(Reason(Direction.EGRESS, Expected.ALLOWED, text))
    return _both(reasons)


def _by_service(index: PolicyIndex, flow: Flow) -> Expectation:
    found = backends(index, flow)
    if isinstance(found, NoBackend):
        return _both([Reason(Direction.INGRESS, found.expected, found.text)])
    each = [_to_backend(index, flow, backend) for backend in found]
    if len({expectation.expected for expectation in each}) == 1:
        return _merge(each[0].expected, each)
    answers = ", ".join(f"{b.pod.key} {e.expected}" for b, e in zip(found, each, strict=True))
    text = f"the backends of {flow.destination} differ: {answers}"
    differ = Expectation(Expected.UNDEFINED, (Reason(Direction.INGRESS, Expected.UNDEFINED, text),))
    return _merge(Expected.UNDEFINED, [differ, *each])


def _to_backend(index: PolicyIndex, flow: Flow, backend: Backend) -> Expectation:
    source = _party(index, flow.source.kind, flow.source.name)
    if source.pod and source.pod.key == backend.pod.key:
        text = f"{backend.pod.key} reaches itself through a Service, which the API does not define"
        return _both([Reason(Direction.INGRESS, Expected.UNDEFINED, text)])
    packets = Packets(backend.port, flow.protocol, flow.family)
    reasons = []
    if source.pod:
        reasons.append(_out_to_backend(index, flow, source.pod, backend))
    if flow.path is Path.NODE_PORT or not source.pod:
        source = Party(source.who, rewritten=_TO_NODE)
    reasons.append(judge(index, backend.pod, source, packets, Direction.INGRESS))
    return _both(reasons)


def _out_to_backend(index: PolicyIndex, flow: Flow, pod: Pod, backend: Backend) -> Reason:
    after = Packets(backend.port, flow.protocol, flow.family)
    reason = judge(index, pod, Party(backend.pod), after, Direction.EGRESS)
    if flow.path is not Path.NODE_PORT:
        return reason
    node = SOME_NODE
    if flow.destination.kind is EndpointKind.NODE:
        node = Party(index.host(flow.destination.name))
    before = Packets(flow.port, flow.protocol, flow.family)
    if judge(index, pod, node, before, Direction.EGRESS).expected is reason.expected:
        return reason
    text = f"{reason.text}; yet {_ORDER}"
    return Reason(Direction.EGRESS, Expected.UNDEFINED, text, reason.policies, reason.rules)


def _party(index: PolicyIndex, kind: EndpointKind, name: str) -> Party:
    return Party(index.pod(name) if kind is EndpointKind.POD else index.host(name))


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
