"""What a pod's spec asks of the machine, read without acting on it. Pure.

Must not know: namespaces, processes, the store.
"""

import re
from collections.abc import Mapping

from netlab.node.addressplan import API_IP
from netlab.node.container import ContainerConsole
from netlab.objects.obj import Obj

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")  # "$$" is how a manifest writes one "$"


class SpecError(Exception):
    """The spec asks for something that cannot be had here; `reason` is the kubelet's word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def containers(pod: Obj, kind: str = "containers") -> list[Obj]:
    """Return the containers or the initContainers of a pod."""
    listed: list[Obj] = pod["spec"].get(kind) or []
    return listed


def console(container: Obj) -> ContainerConsole:
    """Return what a container has for somebody who attaches to it."""
    return ContainerConsole(
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
    )


def uses_host_network(pod: Obj) -> bool:
    return bool(pod["spec"].get("hostNetwork"))


def uses_cluster_dns(pod: Obj) -> bool:
    """Tell whether dnsPolicy leads to the cluster's DNS.

    ClusterFirst, the default, means the node's DNS for pods on the host network.
    """
    policy = pod["spec"].get("dnsPolicy", "ClusterFirst")
    return policy == "ClusterFirstWithHostNet" or (
        policy == "ClusterFirst" and not uses_host_network(pod)
    )


def sysctls(pod: Obj) -> dict[str, str]:
    """Return securityContext.sysctls; raise SpecError for those that are not the pod's own."""
    listed = (pod["spec"].get("securityContext") or {}).get("sysctls") or []
    for entry in listed:
        if not entry["name"].startswith("net.") or uses_host_network(pod):
            message = f"sysctl {entry['name']} cannot be set: only net.* of a pod's own network"
            raise SpecError("SysctlForbidden", message)
    return {entry["name"]: entry["value"] for entry in listed}


def check(pod: Obj, container: Obj) -> None:
    """Raise SpecError for what the lab cannot give a container."""
    volumes = {v["name"]: v for v in pod["spec"].get("volumes") or []}
    for mount in container.get("volumeMounts") or []:
        volume = volumes.get(mount["name"], {})
        kind = next((key for key in volume if key != "name"), "unknown")
        message = f'volume "{mount["name"]}" is of type {kind}: the lab has no volumes'
        raise SpecError("CreateContainerConfigError", message)
    if not (container.get("command") or entrypoint(container)):
        message = (
            f"container {container['name']!r} has no `command`: the lab pulls no images, so it "
            f"knows no entrypoint but those of {', '.join(ENTRYPOINTS)}; set `command`"
        )
        raise SpecError("CreateContainerConfigError", message)
    for key in ("envFrom", "lifecycle"):
        if container.get(key):
            raise SpecError("CreateContainerConfigError", f"the lab does not support `{key}`")
    for key in PROBES:
        kind = unsupported_probe(container.get(key) or {})
        if kind:
            message = f"{key} of type {kind}: the lab makes exec, httpGet and tcpSocket probes"
            raise SpecError("CreateContainerConfigError", message)


PROBES = ("startupProbe", "readinessProbe", "livenessProbe")

_PROBE_TYPES = frozenset({"exec", "httpGet", "tcpSocket"})


def unsupported_probe(probe: Obj) -> str:
    """Return the type of a probe that cannot be made here, "" where it can or there is none."""
    if not probe or _PROBE_TYPES & probe.keys():
        return ""
    return next((key for key, value in probe.items() if isinstance(value, dict)), "none")


def environment(
    pod: Obj,
    container: Obj,
    *,
    base: Mapping[str, str],
    ips: tuple[str, ...],
    host_ips: tuple[str, ...],
) -> dict[str, str]:
    """Return a container's variables: the lab's, Kubernetes' own, then the container's.

    Raises SpecError for a `valueFrom` other than the field references listed here.
    """
    env = {
        **base,
        "HOME": "/",
        "HOSTNAME": hostname(pod),
        "KUBERNETES_SERVICE_HOST": API_IP,
        "KUBERNETES_SERVICE_PORT": "443",
    }
    fields = _field_values(pod, ips, host_ips)
    for entry in container.get("env") or []:
        if "valueFrom" in entry:
            env[entry["name"]] = _from_field(entry, fields)
        else:
            env[entry["name"]] = expand(entry.get("value", ""), env)
    return env


def hostname(pod: Obj) -> str:
    """Return what the pod calls itself: spec.hostname, the node's on its network, or its name."""
    if uses_host_network(pod):
        return str(pod["spec"].get("nodeName") or pod["metadata"]["name"])[:63]
    return str(pod["spec"].get("hostname") or pod["metadata"]["name"])[:63]


_SHELL: tuple[list[str], list[str]] = ([], ["sh"])
_PAUSE = (["/agnhost"], ["pause"])

ENTRYPOINTS = {"agnhost": _PAUSE, "pause": _PAUSE, "busybox": _SHELL, "alpine": _SHELL}
"""What images of these names run, entrypoint and default arguments: programs that are here, too."""


def entrypoint(container: Obj) -> tuple[list[str], list[str]] | None:
    """Return what a container's image would run, None where the lab does not know."""
    repository = str(container.get("image", "")).partition("@")[0]
    return ENTRYPOINTS.get(repository.rpartition("/")[2].partition(":")[0])


def arguments(container: Obj, env: Mapping[str, str]) -> list[str]:
    """Return the command line with $(NAME) replaced.

    As with images, `command` goes before the image's entrypoint and, like `args`, makes its default
    arguments void.
    """
    command, args = container.get("command") or [], container.get("args") or []
    first, default = entrypoint(container) or ([], [])
    words = [*command, *args] if command else [*first, *(args or default)]
    return [expand(word, env) for word in words]


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace $(NAME) by variables that exist; $$(NAME) stays as $(NAME), as Kubernetes does."""

    def replace(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        return env.get(match.group(1), match.group())

    return _REFERENCE.sub(replace, text)


def _field_values(pod: Obj, ips: tuple[str, ...], host_ips: tuple[str, ...]) -> dict[str, str]:
    meta, spec = pod["metadata"], pod["spec"]
    fields = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta.get("namespace", "default"),
        "metadata.uid": meta.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": ips[0],
        "status.podIPs": ",".join(ips),
        "status.hostIP": host_ips[0],
        "status.hostIPs": ",".join(host_ips),
    }
    for kind in ("labels", "annotations"):
        for key, value in (meta.get(kind) or {}).items():
            fields[f"metadata.{kind}['{key}']"] = value
    return fields


def _from_field(entry: Obj, fields: Mapping[str, str]) -> str:
    path = str((entry["valueFrom"].get("fieldRef") or {}).get("fieldPath", ""))
    if path in fields:
        return fields[path]
    if path.startswith(("metadata.labels[", "metadata.annotations[")):
        return ""
    source = path or next(iter(entry["valueFrom"]), "nothing")
    message = f"env {entry['name']}: valueFrom {source} is not supported by the lab"
    raise SpecError("CreateContainerConfigError", message)
