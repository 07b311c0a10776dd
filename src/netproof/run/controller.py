"""What is done once in a run, whatever the number of test workers: the cluster and the canary."""

from __future__ import annotations

from collections.abc import Callable

from netproof.cluster import inventory
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterBackend, ClusterRef
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError
from netproof.model.record import CanaryRecord, ClusterRecord
from netproof.model.value import Value, replace
from netproof.model.workload import Host
from netproof.probe.identity import fresh_secret
from netproof.run import canary, outside
from netproof.run.agent_fleets import HostAgents
from netproof.run.endings import afterwards, end_all, on_error
from netproof.run.outside import OUTSIDE_PORTS
from netproof.run.scenario import Settings, Wishes
from netproof.run.worker import Worker


class Handout(Value):
    """What every test worker is told: where the cluster is, and whether it enforces anything.

    `nodes` are the nodes that run an agent, with its ports; `unprobed` says why there is none
    where there should be. `world` is what of the world outside is not tried, "" on the lab.
    """

    ref: ClusterRef
    run_id: str
    enforces: bool | None
    canary: str
    nodes: tuple[Host, ...] = ()
    unprobed: str = ""
    world: str = ""


class Controller:
    """Owns the cluster of a run; `stop` gives back all of it, whatever `start` got to.

    `canary` is what the canary said, also where what came after it went wrong.
    """

    def __init__(
        self,
        backend: ClusterBackend,
        run_id: str,
        wishes: Wishes,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Keep the means; nothing is started yet. `tell` is told what is under way."""
        self._tell = tell
        self._backend = backend
        self._run_id = run_id
        self._wishes = wishes
        self._client: Client | None = None
        self._hosts: HostAgents | None = None
        self.canary: CanaryRecord | None = None
        self.name = ""

    def start(self) -> tuple[Handout, CanaryRecord, ClusterRecord]:
        """Start the cluster, what stands outside of it, and ask the canary.

        Where any of it fails, all of it is given back.
        """
        with on_error(self.stop):
            return self._start()

    def _start(self) -> tuple[Handout, CanaryRecord, ClusterRecord]:
        started, gone_after_s = self._backend.start(), self._wishes.gone_after_s
        secret = fresh_secret()
        self.name = started.name
        ref, world = outside.stand(
            replace(started, secret=secret, gone_after_s=gone_after_s), self._run_id
        )
        self._tell("agents: deploying those that all cases share")
        settings = self._wishes.settings(ref)
        client = self._client = Client(ref)
        hosts = self._hosts = HostAgents(client, ref, self._run_id, settings.image)
        hosts.stand_outside()
        self._tell("canary: does any denial bite?")
        canary_record, ref, world = self._ask_canary(ref, settings, world)
        names = tuple(node.name for node in inventory.nodes(client, outside=ref.outside_node))
        if self._wishes.nodes:
            self._tell("agents: deploying those on nodes")
        nodes, unprobed = self._nodes(hosts)
        handout = Handout(
            ref, self._run_id, canary_record.enforces, canary_record.text, nodes, unprobed, world
        )
        return handout, canary_record, ref.record(client.version(), names)

    def stop(self) -> None:
        """Remove what was deployed and end the cluster; each of it whatever became of the rest."""
        hosts, self._hosts = self._hosts, None
        end_all(*([hosts.remove] if hosts else []), self.leave)

    def leave(self) -> None:
        """End a cluster that may have gone away: nothing is asked of its API server."""
        client, self._client = self._client, None
        end_all(*([client.close] if client else []), self._backend.stop)

    def _nodes(self, hosts: HostAgents) -> tuple[tuple[Host, ...], str]:
        """Return the nodes that can be probed, and why none can; a run can do without them."""
        if not self._wishes.nodes:
            return (), ""
        try:
            return hosts.stand_on_nodes(), ""
        except ClusterError as error:
            return (), str(error)

    def _ask_canary(
        self, ref: ClusterRef, settings: Settings, world: str
    ) -> tuple[CanaryRecord, ClusterRef, str]:
        """Return what the canary says, and the world outside as far as its pods reach it."""
        there = ref.outside.hosts if ref.outside else ()
        worker = Worker(ref, Naming(self._run_id, canary.NAMESPACE), settings, there)
        with afterwards(worker.close):
            worker.deploy(canary.workloads())
            self.canary = canary.ask(worker)
            return self.canary, *outside.reached(worker, ref, world)


def outside_hosts(ref: ClusterRef) -> tuple[Host, ...]:
    """Return the hosts outside the cluster that probes can be sent to, none where it has none."""
    if ref.outside is not None:
        return ref.outside.hosts
    if not ref.outside_node:
        return ()
    client = Client(ref)
    try:
        return inventory.outside_hosts(client, ref.outside_node, OUTSIDE_PORTS)
    finally:
        client.close()


def node_hosts(ref: ClusterRef) -> tuple[Host, ...]:
    """Return the cluster's nodes, those that node ports can be reached at."""
    client = Client(ref)
    try:
        return inventory.nodes(client, outside=ref.outside_node)
    finally:
        client.close()
