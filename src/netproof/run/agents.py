"""A fleet of equal probe pods, for trying a cluster by hand and for measuring it."""

from __future__ import annotations

from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet.fleet import Deployment, Fleet
from netproof.cluster.naming import Naming
from netproof.model.workload import Namespace, Pod, Port, Topology
from netproof.probe.agentcommand import agent_command

NAMESPACE = "agents"
PORTS = (Port(8080),)


def deploy_agents(ref: ClusterRef, count: int, image: str = "python") -> Topology:
    """Deploy probe pods `agent-0` ... and return them once each of them answers."""
    client = Client(ref)
    try:
        how = Deployment(lambda pod: agent_command(pod.key, pod.ports, ref.name), image)
        pods = [Pod(NAMESPACE, f"agent-{n}", {"app": f"agent-{n}"}, PORTS) for n in range(count)]
        return Fleet(client, Naming(ref.name, "lab"), how).deploy([Namespace(NAMESPACE)], pods)
    finally:
        client.close()
