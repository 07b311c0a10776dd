"""Pods: gives each a node, a worker that runs it, and an end when it is deleted.

The choice of a node is pure: it knows nodeName, nodeSelector, the node affinity that is required,
and taints; affinity between pods and topology spread are not looked at. Must not know: how a pod is
run on its node.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from netlab import tasks
from netlab.controllers import podstatus
from netlab.controllers.kubelet import PodWorker
from netlab.controllers.machine import EventRecorder, LabMachine
from netlab.node.mounts import cluster_resolv_conf
from netlab.objects.obj import Obj, at, has_ended, labels_of
from netlab.objects.selectors import matches_labels, selects
from netlab.objects.store import Store, StoreEvent, now

log = logging.getLogger(__name__)

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class UnschedulableError(Exception):
    """No node takes the pod; the message is worded as the scheduler's."""


def choose_node(pod: Obj, nodes: Sequence[Obj], pods_on: Mapping[str, int]) -> str:
    """Return the name of the node with the fewest pods that takes this one.

    Ties go to the node listed first. Raises UnschedulableError.
    """
    node_name = pod["spec"].get("nodeName")
    if node_name:  # set by the user: the scheduler is not asked, taints do not count
        if any(node["metadata"]["name"] == node_name for node in nodes):
            return str(node_name)
        raise UnschedulableError(f'nodeName "{node_name}": there is no such node')
    reasons = {node["metadata"]["name"]: _obstacle(pod, node) for node in nodes}
    fit = [name for name, reason in reasons.items() if not reason]
    if not fit:
        raise UnschedulableError(_unschedulable_summary(list(reasons.values())))
    return str(min(fit, key=lambda name: pods_on.get(name, 0)))


def _obstacle(pod: Obj, node: Obj) -> str:
    """Return why a node does not take a pod, or an empty string."""
    if node["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    tolerations = pod["spec"].get("tolerations") or []
    for taint in node["spec"].get("taints") or []:
        hard = taint["effect"] in {"NoSchedule", "NoExecute"}
        if hard and not any(_tolerates(toleration, taint) for toleration in tolerations):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    wanted = pod["spec"].get("nodeSelector") or {}
    if not (selects(wanted, labels_of(node)) and _has_affinity(pod, node)):
        return "node(s) didn't match Pod's node affinity/selector"
    return ""


def _has_affinity(pod: Obj, node: Obj) -> bool:
    """Tell whether a node meets what a pod requires of it (NodeSelector: one term is enough)."""
    required = at(pod, "spec", "affinity", "nodeAffinity", _REQUIRED) or {}
    fields = {"metadata.name": node["metadata"]["name"]}
    terms = required.get("nodeSelectorTerms") or []
    return not terms or any(
        matches_labels({"matchExpressions": term.get("matchExpressions")}, labels_of(node))
        and matches_labels({"matchExpressions": term.get("matchFields")}, fields)
        for term in terms
        if term.get("matchExpressions") or term.get("matchFields")
    )


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    key = toleration.get("key")
    if toleration.get("operator", "Equal") == "Exists":
        return key in {None, "", taint["key"]}
    return bool(key == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def _unschedulable_summary(reasons: list[str]) -> str:
    counted = ", ".join(f"{n} {reason}" for reason, n in sorted(Counter(reasons).items()))
    return f"0/{len(reasons)} nodes are available: {counted}."


class PodController:
    """Watches pods and nodes; scheduler and all kubelets in one."""

    def __init__(self, machine: LabMachine, scheduling: EventRecorder) -> None:
        self._machine = machine
        self._store: Store = machine.store
        self._scheduling = scheduling
        self._workers: dict[str, PodWorker] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._store.subscribe("pods", self._on_pod)
        self._store.subscribe("nodes", self._on_node)
        self._store.subscribe("namespaces", self._on_namespace)

    def _on_pod(self, event: StoreEvent) -> None:
        # Later, not now: whoever committed the change is answered first.
        self._loop.call_soon(self._sync, event.object, event.type == "DELETED")

    def _on_node(self, _: StoreEvent) -> None:
        for pod in self._store.list("pods"):
            if pod["metadata"]["uid"] not in self._workers:
                self._loop.call_soon(self._sync, pod, False)

    def _on_namespace(self, event: StoreEvent) -> None:
        if event.type == "DELETED":
            resolv_conf = cluster_resolv_conf(event.object["metadata"]["name"])
            self._machine.sandboxes.forget_view(resolv_conf)

    def _sync(self, pod: Obj, is_gone: bool) -> None:
        """Act on a change of a pod; a fault of the lab in it is said of that pod alone."""
        try:
            self._act(pod, is_gone=is_gone)
        except Exception as error:
            meta = pod["metadata"]
            log.exception("pod %s/%s cannot be acted on", meta["namespace"], meta["name"])
            message = f"the lab cannot act on this pod: {tasks.describe(error)}"
            self._machine.events.record(pod, "FailedSync", message, warning=True)

    def _act(self, changed: Obj, *, is_gone: bool) -> None:
        meta = changed["metadata"]
        if is_gone:
            self._end(meta["uid"], grace_s=0)
            return
        pod = self._store.find("pods", meta["namespace"], meta["name"])
        if pod is None or pod["metadata"]["uid"] != meta["uid"]:
            return  # the event of its deletion follows
        if "deletionTimestamp" in pod["metadata"]:
            self._delete(pod)
        elif meta["uid"] in self._workers:
            self._workers[meta["uid"]].update(pod)
        elif self._schedule(pod):
            bound = self._store.get("pods", meta["namespace"], meta["name"])
            self._workers[meta["uid"]] = PodWorker(self._machine, bound)

    def _schedule(self, pod: Obj) -> bool:
        """Bind a pod to a node, or say in its status why there is none."""
        status = pod.get("status") or {}
        try:
            node = choose_node(pod, self._store.list("nodes"), self._pods_on_nodes())
        except UnschedulableError as error:
            new = podstatus.unscheduled(str(error), status, now())
            if new["conditions"] != status.get("conditions"):
                self._store.update("pods", {**pod, "status": new}, subresource="status")
                self._scheduling.record(pod, "FailedScheduling", str(error), warning=True)
            return False
        bound = {
            **pod,
            "spec": {**pod["spec"], "nodeName": node},
            "status": podstatus.scheduled(status, now()),
        }
        self._store.update("pods", bound)
        meta = pod["metadata"]
        where = f"{meta['namespace']}/{meta['name']}"
        self._scheduling.record(pod, "Scheduled", f"Successfully assigned {where} to {node}")
        return True

    def _pods_on_nodes(self) -> Counter[str]:
        pods = (pod for pod in self._store.list("pods") if not has_ended(pod))
        return Counter(pod["spec"].get("nodeName", "") for pod in pods)

    def _delete(self, pod: Obj) -> None:
        """End a pod in its own time, then remove its object."""
        meta = pod["metadata"]
        grace_s = meta.get("deletionGracePeriodSeconds", 0)
        if meta["uid"] not in self._workers:
            self._remove(pod)
            return
        task = self._end(meta["uid"], grace_s=grace_s)
        if task is not None:
            task.add_done_callback(lambda _: self._remove(pod))

    def _end(self, uid: str, *, grace_s: float) -> "asyncio.Task[None] | None":
        """Tell a pod's worker to end; return the task when this began it."""
        worker = self._workers.get(uid)
        if worker is None:
            return None
        task = worker.end(grace_s)
        if task in self._endings:
            return None
        self._endings.add(task)
        task.add_done_callback(lambda _: self._forget(uid, task))
        return task

    def _forget(self, uid: str, task: "asyncio.Task[None]") -> None:
        self._endings.discard(task)
        self._workers.pop(uid, None)

    def _remove(self, pod: Obj) -> None:
        meta = pod["metadata"]
        current = self._store.find("pods", meta["namespace"], meta["name"])
        if current is not None and current["metadata"]["uid"] == meta["uid"]:
            self._store.delete("pods", meta["namespace"], meta["name"], uid=meta["uid"])
