"""The doors that lead through the network: nodes, what stands on them, and NodePorts.

One function a door: it yields the ways through it to a pod.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count

from netproof.bypass.attempts import (
    CLOSED,
    OPEN,
    UNDETERMINED,
    Means,
    TryResult,
    Way,
    first_tcp_port,
)
from netproof.cluster.fleet import kubelet, manifests
from netproof.errors import NotReadyError
from netproof.model.flow import Endpoint, Flow, Path
from netproof.model.workload import Family, HostKind, Pod, Port, Service
from netproof.probe.agentcommand import agent_command

_NUMBERS = count(1)


def from_hosts(means: Means, pod: Pod, _: Service | None) -> Iterator[Way]:
    """Probe from pods on the host's network, on the pod's own node and on another."""
    for one in means.worker.topology.pods:
        if one.host_network and one.probes:
            same_node = one.node == pod.node
            by = "from its own node" if same_node else "from another node"
            for family in (f for f in Family if pod.ip(f) and one.ip(f)):
                flow = Flow(
                    Endpoint.pod(one.key), Endpoint.pod(pod.key), first_tcp_port(pod), family=family
                )
                yield Way(pod.key, f"{by}, {family}", partial(_flow, means, flow, pod.key))


def from_node_ports(means: Means, pod: Pod, service: Service | None) -> Iterator[Way]:
    """Probe every NodePort at every node, from the first host outside, where there is one."""
    del pod, service
    topology = means.worker.topology
    outside = [host for host in topology.hosts if host.kind is HostKind.OUTSIDE][:1]
    nodes = [host for host in topology.hosts if host.kind is HostKind.NODE]
    for start in outside:
        for one in topology.services:
            for port in (p for p in one.ports if p.node_port):
                for node in nodes:
                    flow = Flow(
                        Endpoint.outside(start.name),
                        Endpoint.node(node.name),
                        port.node_port or 0,
                        path=Path.NODE_PORT,
                    )
                    backends = " or ".join(means.behind(one))
                    yield Way(
                        one.key,
                        f"from outside, at {node.name}",
                        partial(_flow, means, flow, backends),
                    )


def _flow(means: Means, flow: Flow, identity: str) -> TryResult:
    observation = means.worker.prober.probe([flow], expected_allowed=[flow], last=True)[flow]
    words = f"{flow}: {observation.outcome} {observation.detail}".strip()
    if observation.leaked:
        return TryResult(OPEN, words, identity)
    denied = observation.denied
    return TryResult(CLOSED if denied else UNDETERMINED, words, silent=denied)


def from_node(means: Means, pod: Pod, _: Service | None) -> Iterator[Way]:
    """Have the kubelet of its node probe a pod that the same policies isolate."""

    def attempt() -> TryResult:
        one = Pod(pod.namespace, f"seen-ready-{next(_NUMBERS)}", pod.labels, (Port(8080),))
        run_id, secret = means.worker.naming.run_id, means.worker.client.ref.secret
        command = agent_command(one.key, one.ports, run_id, secret)
        obj = manifests.probe_pod(
            one, means.worker.naming, command=command, image=means.worker.settings.image
        )
        obj = means.worker.client.ref.pods.dress(obj)
        try:
            node = kubelet.wait_seen_ready(
                means.worker.client, obj, deadline_s=30 + means.patience_s
            )
        except NotReadyError as error:
            return TryResult(CLOSED, str(error), silent=True)
        return TryResult(
            OPEN, "a readiness probe (tcpSocket) got through", f"the kubelet of {node}"
        )

    yield Way(pod.key, "from its own node", attempt)
