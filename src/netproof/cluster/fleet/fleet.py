"""The probe pods of one test worker: deployed, waited for, looked up, removed."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from netproof.cluster import inventory
from netproof.cluster.api.apply import wait_gone
from netproof.cluster.api.client import Client, Obj
from netproof.cluster.api.waiting import wait_until
from netproof.cluster.fleet import cleanup, kubelet, manifests, status
from netproof.cluster.naming import Naming, PodName
from netproof.cluster.placement import assign
from netproof.errors import ClusterError, NotReusedError
from netproof.model.flow import Endpoint, EndpointKind
from netproof.model.value import replace
from netproof.model.workload import Namespace, Pod, Topology
from netproof.timelimit import carried

T = TypeVar("T")

PARALLEL_CALLS = 8
"""API servers serve a client's calls in parallel; client-go's default burst is 10."""

SHARED = "shared"
"""The worker's name for what all workers of a run use: agents outside the pods' network."""

NODES = "nodes"
"""The same, for the agents that stand for nodes."""

PENDING = "status.phase=Pending"

SPARED_S = 0.5
"""Between two looks at all that pods say of themselves while some have not begun to run. In between
it is asked whether there still are such pods."""

MOST_HEIRS = 4
"""Pods that are made in turn for one of them to get an address again: some CNIs give one out at
once, most when all others of its node have had their turn, for which nobody waits."""

HEIRS_S = 60.0
"""How long that may take."""

NOBODY: Mapping[str, str] = MappingProxyType({})

OUTSIDE_POD = "outside"

FORBIDDEN = 403


def node_pod(node: str) -> str:
    """Return the name of the pod that stands for a node; a node's own may be too long for it."""
    return f"node{hashlib.sha256(node.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """How probe pods are run: their command, by pod, and the image that has Python in it.

    `deadline_s` is how long a pod may take until it runs, an image's download included.
    `chooses_nodes` puts pods where their flows both stay on a node and cross nodes; `patience_s` is
    how long a node that is full is waited for then, before the scheduler has its way.
    """

    command: Callable[[Pod], list[str]]
    image: str
    deadline_s: float = 120.0
    chooses_nodes: bool = False
    patience_s: float = 10.0


class Fleet:
    """The namespaces, probe pods and Services of one worker, as they are in the cluster."""

    def __init__(self, client: Client, naming: Naming, how: Deployment) -> None:
        """Keep the means; nothing is created yet."""
        self.client = client
        self.naming = naming
        self._how = how
        self.topology = Topology()
        self._services: tuple[Obj, ...] = ()
        self._nodes: tuple[str, ...] = ()
        self._chosen: dict[str, str] = {}
        self._completed: dict[str, Pod] = {}

    def deploy(
        self, namespaces: Iterable[Namespace], pods: Iterable[Pod], services: Iterable[Obj] = ()
    ) -> Topology:
        """Create everything, wait until each pod runs, and return it as it is in the cluster.

        `services` are objects as the API takes them, in the cluster's namespaces. What a crashed
        run of the same name left is removed first.
        """
        self.remove()
        spaces, wanted = tuple(namespaces), tuple(pods)
        self._each(self._create_namespace, spaces)
        self._each(self.client.create, manifests.service_accounts(wanted, self.naming))
        if self._how.chooses_nodes:
            nodes = inventory.nodes_for_pods(self.client, outside=self.client.ref.outside_node)
            self._nodes = tuple(node.name for node in nodes)
        self._chosen, self._completed = {}, {}
        self._choose(wanted)
        self._each(self._create_pod, wanted)
        self._services = tuple(services)
        made = self._each(self.client.create, self._services)
        running = self._wait_running(wanted)
        logical = {self.naming.namespace(space.name): space.name for space in spaces}
        self.topology = Topology(
            spaces, running, tuple(inventory.service(raw, logical) for raw in made)
        )
        return self.topology

    def become(
        self,
        namespaces: Iterable[Namespace],
        pods: Iterable[Pod],
        completed: Iterable[Pod] = (),
        heirs: Mapping[str, str] = NOBODY,
    ) -> Topology:
        """Change the fleet until it is as told, wait until each pod runs, and return it.

        Namespaces and pods that are not told of go, missing ones are made, labels are set, and a
        pod without an address is made anew. A namespace that comes back has its Services again.
        A pod with a grace is deleted with it, unless it was. Those that are to have completed have
        been told to finish: they are waited for and kept as objects. `heirs` names the completed
        pod whose address a new one is to have; raises NotReusedError where it gets another.
        """
        spaces, wanted = tuple(namespaces), tuple(pods)
        self._drop_namespaces({space.name for space in spaces})
        self._complete({pod.key for pod in completed})
        kept = {pod.key: pod for pod in wanted if pod.ips}
        self._drop_pods([pod for pod in self.topology.pods if not _stays(pod, kept)])
        self._shape_namespaces(spaces, wanted)
        here = {pod.key: pod for pod in self.topology.pods}
        fresh = tuple(replace(p, node="", ips=()) for p in wanted if p.key not in here)
        # What an earlier attempt has made and nobody has waited for would be in the way.
        self._each(self._delete_pod, fresh)
        self._choose(pod for pod in fresh if pod.key not in self._chosen)
        plain = tuple(pod for pod in fresh if pod.key not in heirs)
        self._each(self._create_pod, plain)
        for pod in wanted:
            if pod.key in here and pod.labels != here[pod.key].labels:
                self._label_pod(here[pod.key], pod.labels)
        running = here | {pod.key: pod for pod in self._wait_running(plain)}
        for pod in fresh:
            if pod.key in heirs:
                running[pod.key] = self._make_heir(pod, self._completed[heirs[pod.key]])
        self._terminate([pod for pod in wanted if pod.grace_s and not running[pod.key].grace_s])
        placed = tuple(
            replace(pod, node=running[pod.key].node, ips=running[pod.key].ips) for pod in wanted
        )
        self.topology = replace(self.topology, namespaces=spaces, pods=placed)
        return self.topology

    def see_terminating(self) -> None:
        """See that every pod that has its grace still runs; raise ClusterError where not."""
        for pod in self.topology.pods:
            if pod.grace_s:
                kubelet.see_terminating(self.client, self.locate(Endpoint.pod(pod.key)))

    def locate(self, endpoint: Endpoint) -> PodName:
        """Return the pod in the cluster that stands for an endpoint.

        Hosts outside the cluster network are all one pod; it and those that stand for nodes are
        of the run's controller.
        """
        if endpoint.kind is EndpointKind.OUTSIDE:
            return replace(self.naming, worker=SHARED).namespace(SHARED), OUTSIDE_POD
        if endpoint.kind is EndpointKind.NODE:
            return replace(self.naming, worker=NODES).namespace(NODES), node_pod(endpoint.name)
        namespace, name = endpoint.name.split("/")
        return self.naming.namespace(namespace), self.naming.pod(name)

    def remove(self) -> None:
        """Delete this worker's namespaces and wait until they are gone."""
        listed = self.client.list("Namespace", labels=self.naming.selector)
        names = [space["metadata"]["name"] for space in listed]
        self._each(lambda name: self.client.delete("Namespace", name), names)
        for name in names:
            wait_gone(self.client, "Namespace", name, deadline_s=self._how.deadline_s)

    def _drop_namespaces(self, names: set[str]) -> None:
        gone = [space.name for space in self.topology.namespaces if space.name not in names]
        for name in gone:
            self.client.delete("Namespace", self.naming.namespace(name))
        for name in gone:
            space = self.naming.namespace(name)
            wait_gone(self.client, "Namespace", space, deadline_s=self._how.deadline_s)
        if gone:
            self._completed = {k: p for k, p in self._completed.items() if p.namespace in names}
            self.topology = Topology(
                tuple(space for space in self.topology.namespaces if space.name in names),
                tuple(pod for pod in self.topology.pods if pod.namespace in names),
                tuple(one for one in self.topology.services if one.namespace in names),
            )

    def _drop_pods(self, gone: Sequence[Pod]) -> None:
        self._each(self._delete_pod, gone)
        keys = {pod.key for pod in gone}
        pods = tuple(pod for pod in self.topology.pods if pod.key not in keys)
        self.topology = replace(self.topology, pods=pods)

    def _complete(self, wanted: set[str]) -> None:
        """Wait for pods that were told to finish, and remove those that are to be there no more.

        One that fails to complete is none of the fleet any more either.
        """
        told = [pod for pod in self.topology.pods if pod.key in wanted]
        self._completed |= {pod.key: pod for pod in told}
        kept = tuple(pod for pod in self.topology.pods if pod.key not in self._completed)
        self.topology = replace(self.topology, pods=kept)
        for pod in told:
            where = self.locate(Endpoint.pod(pod.key))
            kubelet.wait_completed(self.client, where, deadline_s=self._how.deadline_s)
        for key in self._completed.keys() - wanted:
            self._delete_pod(self._completed[key])
            del self._completed[key]

    def _terminate(self, pods: Sequence[Pod]) -> None:
        """Delete pods with their grace; whatever comes of it, they are no longer what they were."""
        ending = {pod.key: pod.grace_s for pod in pods}
        known = (replace(p, grace_s=ending.get(p.key, p.grace_s)) for p in self.topology.pods)
        self.topology = replace(self.topology, pods=tuple(known))
        for pod in pods:
            kubelet.terminate(self.client, self.locate(Endpoint.pod(pod.key)), pod.grace_s)

    def _make_heir(self, pod: Pod, of: Pod) -> Pod:
        """Make a pod again and again until it gets an address that a completed one had.

        A pod's address comes from the plugin of its node, and nothing in the API asks for one.
        Raises NotReusedError where it got none of them.
        """
        began, made, waited_s = time.monotonic(), 0, 0.0
        while made < MOST_HEIRS and waited_s < HEIRS_S:
            self._create_pod(pod, of.node)
            (running,) = self._wait_running((pod,))
            if set(running.ips) & set(of.ips):
                return running
            self._delete_pod(pod)
            made, waited_s = made + 1, time.monotonic() - began
        raise NotReusedError(
            f"the cluster gave the address of {of.key}, which has completed, to none of {made} new "
            f"pods on {of.node} in {waited_s:.0f} s"
        )

    def _shape_namespaces(self, spaces: tuple[Namespace, ...], pods: tuple[Pod, ...]) -> None:
        here = {space.name: space for space in self.topology.namespaces}
        for space in spaces:
            if space.name not in here:
                self._create_namespace(space)
                own = tuple(pod for pod in pods if pod.namespace == space.name)
                self._each(self.client.create, manifests.service_accounts(own, self.naming))
                self._create_services(space.name)
            elif here[space.name].labels != space.labels:
                change = _label_change(here[space.name].labels, space.labels)
                self.client.relabel("Namespace", self.naming.namespace(space.name), "", change)

    def _create_services(self, namespace: str) -> None:
        name = self.naming.namespace(namespace)
        ours = tuple(obj for obj in self._services if obj["metadata"]["namespace"] == name)
        made = self._each(self.client.create, ours)
        back = tuple(inventory.service(raw, {name: namespace}) for raw in made)
        self.topology = replace(self.topology, services=self.topology.services + back)

    def _delete_pod(self, pod: Pod) -> None:
        namespace, name = self.naming.namespace(pod.namespace), self.naming.pod(pod.name)
        self.client.delete("Pod", name, namespace)
        wait_gone(self.client, "Pod", name, namespace, deadline_s=self._how.deadline_s)

    def _label_pod(self, pod: Pod, labels: Mapping[str, str]) -> None:
        namespace, name = self.naming.namespace(pod.namespace), self.naming.pod(pod.name)
        self.client.relabel("Pod", name, namespace, _label_change(pod.labels, labels))

    def _create_namespace(self, space: Namespace) -> Obj:
        return self.client.create(cleanup.mark(manifests.namespace(space, self.naming)))

    def _create_pod(self, pod: Pod, node: str = "") -> Obj:
        """Create a pod, on the node that was chosen for it where none is named."""
        command = self._how.command(pod)
        obj = manifests.probe_pod(pod, self.naming, command=command, image=self._how.image)
        wanted = node or self._chosen.get(pod.key, "")
        return self.client.create(self.client.ref.pods.dress(obj, wanted))

    def _choose(self, pods: Iterable[Pod]) -> None:
        """Choose nodes for new pods; fleets of different workers have different hubs.

        A pod that comes back has the node again that was chosen for it.
        """
        turn = zlib.crc32(self.naming.worker.encode())
        self._chosen |= assign(pods, self._nodes, turn)

    def _let_go(self, pods: Iterable[Pod]) -> None:
        """Leave pods to the scheduler for which their node has no room.

        Not every command may remove a pod; one that stays goes on waiting for its node.
        """
        for pod in pods:
            del self._chosen[pod.key]
            try:
                self._delete_pod(pod)
            except ClusterError as error:
                if error.status == FORBIDDEN:
                    continue
                raise
            self._create_pod(pod)

    def _wait_running(self, wanted: tuple[Pod, ...]) -> tuple[Pod, ...]:
        unready: dict[str, str] = {}
        began = time.monotonic()
        due = 0.0

        def look() -> tuple[Pod, ...] | None:
            nonlocal due
            waited = time.monotonic() - began
            if waited < due and self._some_pending(wanted):
                return None
            due = waited + SPARED_S
            found = self._look_up(wanted)
            unready.clear()
            unready.update({pod.key: status.unready(found.get(pod.key), waited) for pod in wanted})
            if any(unready.values()):
                if waited > self._how.patience_s:
                    self._let_go(pod for pod in wanted if self._has_no_room(pod, found))
                return None
            return tuple(status.placed(pod, found[pod.key]) for pod in wanted)

        return wait_until(
            look, deadline_s=self._how.deadline_s, what=lambda: status.sentence(unready)
        )

    def _some_pending(self, wanted: tuple[Pod, ...]) -> bool:
        """Tell whether some pod has not begun to run, which is asked for cheaply."""
        spaces = dict.fromkeys(self.naming.namespace(pod.namespace) for pod in wanted)
        return any(self.client.has_some("Pod", name, fields=PENDING) for name in spaces)

    def _has_no_room(self, pod: Pod, found: Mapping[str, Obj]) -> bool:
        return pod.key in self._chosen and status.is_unschedulable(found.get(pod.key, {}))

    def _look_up(self, wanted: tuple[Pod, ...]) -> dict[str, Obj]:
        """Return the pods by `namespace/name`: one call a namespace, however many pods."""
        listed = {
            (namespace, raw["metadata"]["name"]): raw
            for namespace in dict.fromkeys(pod.namespace for pod in wanted)
            for raw in self.client.list("Pod", self.naming.namespace(namespace))
        }
        named = {pod.key: (pod.namespace, self.naming.pod(pod.name)) for pod in wanted}
        return {key: listed[name] for key, name in named.items() if name in listed}

    def _each(self, call: Callable[[T], Any], items: Sequence[T]) -> list[Any]:
        """Do a call for every item, several at a time, and raise what any of them raised."""
        with ThreadPoolExecutor(PARALLEL_CALLS) as pool:
            return list(pool.map(carried(call), items))


def _stays(pod: Pod, kept: Mapping[str, Pod]) -> bool:
    """Tell whether a pod that is there can be what is wanted: one that ends stays at that."""
    wanted = kept.get(pod.key)
    return wanted is not None and (not pod.grace_s or wanted.grace_s == pod.grace_s)


def _label_change(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """Return the merge patch from some labels to others."""
    gone = dict.fromkeys(before.keys() - after.keys())
    return {**gone, **{key: value for key, value in after.items() if before.get(key) != value}}
