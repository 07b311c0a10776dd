"""What is done once in a run, whatever the number of test workers: the cluster and the canary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netproof.cluster import foreign
from netproof.cluster.backend import Backend, ClusterRef
from netproof.cluster.client import Client
from netproof.cluster.fleet.fleet import OUTSIDE_POD, SHARED, Deployment, Fleet
from netproof.cluster.naming import Naming
from netproof.model import codec
from netproof.model.record import CanaryRecord, ClusterRecord
from netproof.model.workload import Host, Namespace, Pod, Port, Protocol
from netproof.run import canary
from netproof.run.scenario import Settings, Wishes
from netproof.run.worker import Worker, agent_command

OUTSIDE_PORTS = (Port(80), Port(443), Port(443, Protocol.UDP))
"""What the host outside serves: the web, as a policy for the internet would name it."""


@dataclass(frozen=True, slots=True)
class Handout:
    """What every test worker is told: where the cluster is, and whether it enforces anything."""

    ref: ClusterRef
    run_id: str
    enforces: bool | None
    canary: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for the trip to a test worker."""
        return {**codec.to_plain(self), "ref": self.ref.to_json()}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Handout:
        """Make a handout from what `to_json` returned."""
        return cls(**{**plain, "ref": ClusterRef.from_json(plain["ref"])})


class Controller:
    """Owns the cluster of a run; `stop` gives back all of it, whatever `start` got to."""

    def __init__(self, backend: Backend, run_id: str, wishes: Wishes) -> None:
        """Keep the means; nothing is started yet."""
        self._backend = backend
        self._run_id = run_id
        self._wishes = wishes
        self._shared: Fleet | None = None

    def start(self) -> tuple[Handout, CanaryRecord, ClusterRecord]:
        """Start the cluster, what stands outside of it, and ask the canary."""
        ref = self._backend.start()
        settings = self._wishes.settings(ref)
        client = Client(ref)
        self._deploy_outside(client, ref, settings)
        asked = self._ask_canary(ref, settings)
        nodes = tuple(node.name for node in foreign.nodes(client, outside=ref.outside_node))
        handout = Handout(ref, self._run_id, asked.enforces, asked.text)
        return handout, asked, ref.record(client.version(), nodes)

    def stop(self) -> None:
        """Remove what was deployed and end the cluster."""
        try:
            if self._shared is not None:
                self._shared.remove()
        finally:
            self._shared = None
            self._backend.stop()

    def _deploy_outside(self, client: Client, ref: ClusterRef, settings: Settings) -> None:
        if not ref.outside_node:
            return
        pod = Pod(
            SHARED, OUTSIDE_POD, ports=OUTSIDE_PORTS, node=ref.outside_node, host_network=True
        )
        how = Deployment(
            lambda _: agent_command("outside", pod.ports, self._run_id), settings.image
        )
        self._shared = Fleet(client, Naming(self._run_id, SHARED), how)
        self._shared.deploy([Namespace(SHARED)], [pod])

    def _ask_canary(self, ref: ClusterRef, settings: Settings) -> CanaryRecord:
        worker = Worker(ref, Naming(self._run_id, canary.NAMESPACE), settings)
        try:
            worker.deploy(canary.workloads())
            return canary.ask(worker)
        finally:
            worker.close()


def outside_hosts(ref: ClusterRef) -> tuple[Host, ...]:
    """Return the hosts outside the cluster that probes can be sent to, none where it has none."""
    if not ref.outside_node:
        return ()
    client = Client(ref)
    try:
        return foreign.outside_hosts(client, ref.outside_node, OUTSIDE_PORTS)
    finally:
        client.close()


def node_hosts(ref: ClusterRef) -> tuple[Host, ...]:
    """Return the cluster's nodes, those that node ports can be reached at."""
    client = Client(ref)
    try:
        return foreign.nodes(client, outside=ref.outside_node)
    finally:
        client.close()
