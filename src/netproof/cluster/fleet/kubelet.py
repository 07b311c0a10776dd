"""What the kubelet does beside probe pods: ephemeral containers, their output, readiness probes."""

from __future__ import annotations

from collections.abc import Sequence

from netproof.cluster.api.client import RESOURCES, Client, Obj
from netproof.cluster.api.waiting import wait_until
from netproof.cluster.fleet import manifests, status
from netproof.cluster.naming import PodName
from netproof.errors import ClusterError, NotReadyError, StreamRefusedError, UnreachableError

_STRATEGIC = "application/strategic-merge-patch+json"


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
