"""What the kubelet does with pods: ends them, adds containers, tells their output and readiness."""

from __future__ import annotations

from collections.abc import Sequence

from netproof.cluster.api.client import RESOURCES, Client, Obj, is_not_found
from netproof.cluster.api.waiting import wait_until
from netproof.cluster.fleet import manifests, status
from netproof.cluster.naming import PodName
from netproof.errors import ClusterError, NotReadyError, StreamRefusedError, UnreachableError

_STRATEGIC = "application/strategic-merge-patch+json"


def terminate(client: Client, pod: PodName, grace_s: int) -> None:
    """Delete a pod that is to run on for its grace period, and see that it does.

    Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination.
    Raises ClusterError where the API server refuses, or grants the pod another grace.
    """
    namespace, name = pod
    client.delete("Pod", name, namespace, grace_s=grace_s)
    given = see_terminating(client, pod).get("deletionGracePeriodSeconds")
    if given != grace_s:
        why = f"it was deleted with a grace period of {grace_s} s, and the cluster gives it {given}"
        raise ClusterError(f"pod {namespace}/{name} cannot be looked at while it ends: {why}")


def see_terminating(client: Client, pod: PodName) -> Obj:
    """Return the metadata of a pod that was deleted and has its grace.

    Raises ClusterError where it is gone already, or runs no more: what was seen of it since its
    deletion may have been seen of nobody.
    """
    namespace, name = pod
    try:
        raw = client.get("Pod", name, namespace)
    except ClusterError as error:
        if is_not_found(error):
            raise ClusterError(_too_early(pod, "it is gone")) from error
        raise
    meta: Obj = raw["metadata"]
    if not meta.get("deletionTimestamp"):
        raise ClusterError(_too_early(pod, "one of its name that nobody has deleted is there"))
    if idle := status.not_running(raw):
        raise ClusterError(_too_early(pod, idle))
    return meta


def _too_early(pod: PodName, what: str) -> str:
    return f"pod {pod[0]}/{pod[1]} ended before its grace period did: {what}"


def wait_completed(client: Client, pod: PodName, *, deadline_s: float) -> None:
    """Wait until a pod whose program has ended is said to have succeeded.

    Raises NotReadyError at the deadline, ClusterError where the pod is gone or failed.
    """
    namespace, name = pod
    phase = ""

    def look() -> bool | None:
        nonlocal phase
        phase = str(client.get("Pod", name, namespace).get("status", {}).get("phase"))
        if phase == "Failed":
            raise ClusterError(f"pod {namespace}/{name} was to complete, and failed")
        return True if phase == "Succeeded" else None

    what = f"pod {namespace}/{name} was told to finish and is"
    wait_until(look, deadline_s=deadline_s, what=lambda: f"{what} {phase}")


def add_ephemeral_container(
    client: Client, pod: PodName, name: str, *, command: Sequence[str], image: str
) -> None:
    """Put an ephemeral container into a running pod, as `kubectl debug` does.

    Raises StreamRefusedError where the API server refuses.
    """
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "securityContext": manifests.RESTRICTED,
    }
    path = f"{RESOURCES['Pod'].path(*pod)}/ephemeralcontainers"
    body = {"spec": {"ephemeralContainers": [container]}}
    what = f"ephemeral container in {pod[0]}/{pod[1]}"
    try:
        client.patch(path, body, what, content_type=_STRATEGIC)
    except UnreachableError:
        raise
    except ClusterError as error:
        raise StreamRefusedError(str(error), error.status) from error


def output(client: Client, pod: PodName, container: str, *, lines: int, deadline_s: float) -> str:
    """Wait until a container has written so many lines and return them.

    Raises NotReadyError with what there is at the deadline, UnreachableError where the API server
    gives no answer, ClusterError where its words may not be read.
    """
    path = f"{RESOURCES['Pod'].path(*pod)}/log"
    what = f"container {container} of {pod[0]}/{pod[1]}"
    written = ""

    def look() -> str | None:
        nonlocal written
        try:
            written = client.text(path, f"reading the log of {what}", {"container": container})
        except UnreachableError:
            raise
        except ClusterError as error:  # the container has not started yet
            if error.status in (401, 403):
                raise
            written = str(error)
            return None
        return written if written.count("\n") >= lines else None

    return wait_until(look, deadline_s=deadline_s, what=lambda: f"{what} wrote {written[:200]!r}")


def wait_seen_ready(client: Client, pod: Obj, *, deadline_s: float) -> str:
    """Create a pod with a readiness probe, return the node whose kubelet reached it, delete it.

    The probe dials the first TCP port at the pod's own address. Raises NotReadyError where the
    kubelet does not get through in time, a plain ClusterError where nothing ran to get through to.
    """
    meta = pod["metadata"]
    spec = dict(pod["spec"])
    (container,) = spec["containers"]
    dial = {"tcpSocket": {"port": container["ports"][0]["containerPort"]}, "periodSeconds": 1}
    spec["containers"] = [{**container, "readinessProbe": dial}]
    client.create({**pod, "spec": spec})

    idle = ""

    def look() -> str | None:
        nonlocal idle
        raw = client.get("Pod", meta["name"], meta["namespace"])
        idle = status.not_running(raw)
        return str(raw["spec"]["nodeName"]) if status.is_ready(raw) else None

    try:
        what = f"the kubelet does not reach {meta['namespace']}/{meta['name']}"
        return wait_until(look, deadline_s=deadline_s, what=lambda: what)
    except NotReadyError as error:
        if idle:
            raise ClusterError(f"{meta['namespace']}/{meta['name']} did not run: {idle}") from error
        raise
    finally:
        client.delete("Pod", meta["name"], meta["namespace"])
