"""Fleets of agents that are no test worker's: of hosts, for a whole run, and of plain pods."""

from __future__ import annotations

import zlib

from netproof.cluster import inventory
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet.fleet import NODES, OUTSIDE_POD, SHARED, Deployment, Fleet, node_pod
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError
from netproof.model.value import replace
from netproof.model.workload import Host, Namespace, Pod, Port, Protocol, Topology
from netproof.probe.agentcommand import agent_command
from netproof.probe.identity import OUTSIDE_IDENTITY
from netproof.run.endings import end_all, on_error
from netproof.run.outside import OUTSIDE_PORTS

MOST_NODES = 3
"""Nodes that get an agent: one tells what a node may do, and more tell its own from another."""

NODE_DEADLINE_S = 60.0
"""How long agents on nodes may take; a run can do without them."""

FIRST_PORT, PORTS = 20000, 9000
"""Agents on nodes serve one of these: below NodePorts and ephemeral ports, above the usual."""


PLAIN, PLAIN_PORTS = "agents", (Port(8080),)
"""Where plain pods stand, and what they serve."""


class HostAgents:
    """Pods in the network of their machine, which is why not every cluster admits them."""

    def __init__(self, client: Client, ref: ClusterRef, run_id: str, image: str) -> None:
        """Keep the means; nothing is deployed yet."""
        self._client = client
        self._ref = ref
        self._run_id = run_id
        deployment = Deployment(self._command, image)
        self._outside = Fleet(client, Naming(run_id, SHARED), deployment)
        deployment_in_time = replace(deployment, deadline_s=NODE_DEADLINE_S)
        self._nodes = Fleet(client, Naming(run_id, NODES), deployment_in_time)

    def stand_outside(self) -> None:
        """Deploy the host outside, where the cluster has a place for it."""
        if self._ref.outside_node:
            place = self._ref.outside_node
            pod = Pod(SHARED, OUTSIDE_POD, ports=OUTSIDE_PORTS, node=place, host_network=True)
            self._outside.deploy([Namespace(SHARED)], [pod])

    def stand_on_nodes(self) -> tuple[Host, ...]:
        """Deploy agents on some nodes and return these, with the ports that are served there.

        Raises ClusterError where no node takes one; nothing is left of the attempt then.
        """
        nodes = inventory.nodes_for_pods(self._client, outside=self._ref.outside_node)[:MOST_NODES]
        if not nodes:
            raise ClusterError("every node is cordoned or tainted")
        with on_error(self._nodes.remove):
            self._nodes.deploy([Namespace(NODES)], [self._pod_of(node) for node in nodes])
        return tuple(replace(node, ports=self._ports) for node in nodes)

    def remove(self) -> None:
        """Remove what was deployed, however little it is."""
        end_all(self._nodes.remove, self._outside.remove)

    @property
    def _ports(self) -> tuple[Port, ...]:
        """Ports of this run alone, so that runs side by side do not meet on a node."""
        number = FIRST_PORT + zlib.crc32(self._run_id.encode()) % PORTS
        return (Port(number), Port(number, Protocol.UDP))

    def _pod_of(self, node: Host) -> Pod:
        name = node_pod(node.name)
        return Pod(NODES, name, ports=self._ports, node=node.name, host_network=True)

    def _command(self, pod: Pod) -> list[str]:
        identity = OUTSIDE_IDENTITY if pod.name == OUTSIDE_POD else pod.node
        ours = self._ref.has_our_python
        return agent_command(identity, pod.ports, self._run_id, self._ref.secret, compiled=ours)


def deploy_agents(ref: ClusterRef, count: int, image: str = "python") -> Topology:
    """Deploy probe pods `agent-0` ... and return them once each of them answers."""
    client = Client(ref)
    try:
        deployment = Deployment(
            lambda pod: agent_command(
                pod.key, pod.ports, ref.name, ref.secret, compiled=ref.has_our_python
            ),
            image,
        )
        pods = [Pod(PLAIN, f"agent-{n}", {"app": f"agent-{n}"}, PLAIN_PORTS) for n in range(count)]
        return Fleet(client, Naming(ref.name, "lab"), deployment).deploy([Namespace(PLAIN)], pods)
    finally:
        client.close()
