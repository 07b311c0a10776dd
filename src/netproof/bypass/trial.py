"""Trying the doors that NetworkPolicy does not guard, of a pod that a policy isolates.

Each way through a door is tried without policies first: that is its control, and a silence under
policies means a closed door only where there was an answer without. Then the policies are put in
force, and no door is judged until every other pod is seen to be denied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain

from netproof.bypass import api_server_ways, network_ways
from netproof.bypass.attempts import Means, TrialFleet, TryResult, Way, result_of
from netproof.cluster.backend import ClusterRef
from netproof.errors import ClusterError
from netproof.model import flows
from netproof.model.doors import Door, DoorResult, DoorState
from netproof.model.flow import Flow
from netproof.model.record import RunVerdict, StepRecord
from netproof.model.workload import Listens, Pod, Service, Topology
from netproof.policy import Bundle

HOST_NAMESPACE = "staging"
"""Where pods on the hosts' network are put: what a policy says of those is nobody's promise."""


@dataclass(frozen=True, slots=True)
class Isolated:
    """The pod whose doors are tried (`namespace/name`), its Service, and what isolates it."""

    pod: str
    service: str
    policies: Bundle


@dataclass(frozen=True, slots=True)
class ActingUser:
    """Whose rights a door is tried with; without a name, those of the run."""

    ref: ClusterRef
    user: str = ""


Stand = Callable[[Sequence[Pod]], AbstractContextManager[Topology]]
"""Has pods stand beside those of the fleet for as long as a block runs, and says what is there."""


def try_door(
    worker: TrialFleet,
    door: Door,
    isolated: Isolated,
    stand: Stand,
    user: ActingUser | None = None,
) -> tuple[DoorResult, ...]:
    """Return what was seen of every way through a door, for a pod under policies.

    All that is done for it is undone.
    """
    acting_user = user or ActingUser(worker.client.ref)
    means = Means(worker, acting_user.ref)
    try:
        with stand(tuple(_hosts(worker, door, isolated.pod))) as topology:
            return tuple(_tried(means, door, isolated, topology, acting_user.user))
    except ClusterError as error:
        undetermined = DoorResult(
            door, isolated.pod, DoorState.UNDETERMINED, evidence=str(error), user=acting_user.user
        )
        return (undetermined,)


_Ways = Callable[[Means, Pod, Service | None], Iterator[Way]]

_WAYS: Mapping[Door, _Ways] = {
    Door.PORT_FORWARD_POD: api_server_ways.forward_to_pod,
    Door.PORT_FORWARD_SERVICE: api_server_ways.forward_to_service,
    Door.EXEC: api_server_ways.exec_in,
    Door.ATTACH: api_server_ways.attach_to,
    Door.POD_PROXY: api_server_ways.pod_proxy,
    Door.SERVICE_PROXY: api_server_ways.service_proxy,
    Door.HOST_NETWORK: network_ways.from_hosts,
    Door.NODE: network_ways.from_node,
    Door.EPHEMERAL: api_server_ways.ephemeral_in,
    Door.NODE_PORT: network_ways.from_node_ports,
}


def _tried(
    means: Means, door: Door, isolated: Isolated, topology: Topology, user: str
) -> Iterator[DoorResult]:
    worker, pod = means.worker, topology.pod(isolated.pod)
    service = topology.service(isolated.service) if isolated.service else None
    ways = tuple(_WAYS[door](means, pod, service))
    others = tuple(_from_others(topology, pod))
    worker.look("without policies", (), others)
    controls = [result_of(way.attempt, means.server_answers) for way in ways]
    with worker.with_policies(isolated.policies):
        step = worker.look("policies in force", isolated.policies.policies, others).record
        for way, control in zip(ways, controls, strict=True):
            began = time.monotonic()
            under_policies = _if_isolated(step, result_of(way.attempt, means.server_answers))
            described_way = Way(way.target, _how(way, pod), way.attempt)
            yield _result(
                door,
                described_way,
                control,
                under_policies,
                round(time.monotonic() - began, 3),
                user,
            )


def _if_isolated(step: StepRecord, under_policies: TryResult) -> TryResult:
    """Return what was seen, which tells nothing where the pod is not isolated to begin with."""
    if step.verdict is RunVerdict.PASS:
        return under_policies
    why = f"the pod is not isolated, so nothing goes around ({_differs(step)})"
    return TryResult(DoorState.UNDETERMINED, f"{why}; {under_policies.evidence}")


def _differs(step: StepRecord) -> str:
    """Word the first thing that went wrong, or that nothing could be seen at all."""
    if not step.findings:
        return "no flow to it was defined"
    first = step.findings[0]
    what = f"{first.verdict}: {first.flow}: {first.outcome} {first.detail}".strip()
    return f"{what}; {first.why}" if first.why else what


def _how(way: Way, pod: Pod) -> str:
    where = "" if pod.listens is Listens.EVERYWHERE else f"listens on {pod.listens}"
    return ", ".join(filter(None, (way.by, where)))


def _result(
    door: Door, way: Way, control: TryResult, under_policies: TryResult, seconds: float, user: str
) -> DoorResult:
    state, evidence = under_policies.state, under_policies.evidence
    if under_policies.silent and control.state is not DoorState.OPEN:
        state = DoorState.UNDETERMINED
        evidence = f"{evidence}; nor did it answer without policies: {control.evidence}"
    elif under_policies.silent:
        evidence = f"{evidence}; it answered without policies"
    return DoorResult(
        door=door,
        target=way.target,
        state=state,
        by=way.by,
        identity=under_policies.identity if state is DoorState.OPEN else "",
        control=DoorState.UNDETERMINED if control.silent else control.state,
        evidence=evidence,
        seconds=seconds,
        user=user,
    )


def _from_others(topology: Topology, pod: Pod) -> Iterator[Flow]:
    """Yield the flows of every other pod to the isolated one, hosts' pods left out.

    One that listens on loopback only is reached by nobody at any time, which proves nothing: its
    neighbours stand in for it.
    """
    hosts = {one.key for one in topology.pods if one.host_network}
    space = [one for one in topology.pods if one.namespace == pod.namespace and one.probes]
    targets = [pod] if pod.listens is not Listens.LOOPBACK else [p for p in space if p != pod]
    keys = {one.key for one in targets}
    for flow in flows.pod_flows(topology):
        to_it = flow.destination.name in keys and not flows.is_self(flow)
        if to_it and flow.source.name not in hosts:
            yield flow


def _hosts(worker: TrialFleet, door: Door, target: str) -> Iterator[Pod]:
    """Yield a pod on the host's network of each node, where the door asks for them."""
    if door is not Door.HOST_NETWORK:
        return
    nodes = dict.fromkeys(pod.node for pod in worker.topology.pods if pod.probes and pod.node)
    home = worker.topology.pod(target).node
    for number, node in enumerate(chain([home], (n for n in nodes if n != home))):
        # Named for the worker: agents of one node share its network, and their sockets' names.
        name = f"host-{worker.naming.worker}-{number}"
        yield Pod(HOST_NAMESPACE, name, node=node, host_network=True)
