"""Installing a CNI into a kind cluster, and waiting until it is up.

Up is the cluster's own word: the CNI's daemonsets and deployments, the nodes, the cluster's DNS.
Whether policies bite is for the canary to say.
"""

from __future__ import annotations

import json
import platform
import re
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netproof.cluster.api.waiting import wait_until
from netproof.cluster.kind import images
from netproof.cluster.kind.commands import KindCommands
from netproof.cluster.kind.downloads import Fetch, download
from netproof.cluster.kind.machine import Tools
from netproof.cluster.kind.programs import call, failure
from netproof.cluster.profiles.declaration import IpFamily
from netproof.cluster.profiles.profile import (
    Artifact,
    ChartStep,
    FileStep,
    KubectlStep,
    ManifestStep,
    PluginsStep,
    Profile,
    Readiness,
    Step,
)
from netproof.errors import ClusterError

Say = Callable[[str], None]
Obj = Mapping[str, Any]

DNS = "kube-system/coredns"

CALL_TIMEOUT_S = 30.0

_TRANSIENT = re.compile(r"\brefused\b|timed? ?out|EOF|TLS handshake", re.IGNORECASE)
"""What kubectl says when the API server restarts; a look that ends so is repeated."""

STEP_TIMEOUT_S = 300.0
"""For one call of kubectl or Helm; neither waits for pods here."""

PLUGIN_FOLDER = "/opt/cni/bin"
"""Where the container runtime of a node looks for CNI plugins."""

MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""What `uname -m` calls the architectures that releases are named by."""


@dataclass(frozen=True, slots=True)
class Installer:
    """The means of an installation into a kind cluster."""

    kind: KindCommands
    get: Fetch
    say: Say

    @property
    def tools(self) -> Tools:
        """The tools of the cluster."""
        return self.kind.tools

    def install(self, profile: Profile, family: IpFamily) -> None:
        """Carry out the steps in order; raise ClusterError at the first that fails."""
        for step in profile.install:
            if family in step.families:
                self._carry_out(step, f"installing {profile.title}: {step.name}")

    def _carry_out(self, step: Step, what: str) -> None:
        self.say(what)
        match step.action:
            case ManifestStep(artifact):
                self._apply(self._download(artifact), what)
            case FileStep(path):
                self._apply(path, what)
            case ChartStep():
                self._chart(step.action, what)
            case PluginsStep():
                self._plugins(step.action, what)
            case KubectlStep(arguments):
                self._kubectl(arguments, what)

    def _download(self, artifact: Artifact) -> Path:
        got = download(artifact, self.tools.home, self.get)
        if not got.verified:
            self.say(f"unverified ({artifact.unverified}): {artifact.url} is sha256 {got.sha256}")
        return got.path

    def _apply(self, manifest: Path, what: str) -> None:
        # What an archive has brought to the nodes is not asked for at a registry.
        local = self.tools.home / f"local-{manifest.name}"
        text = manifest.read_text(encoding="utf-8", errors="replace")
        local.write_text(images.taken_from_the_node(text, str(manifest)), encoding="utf-8")
        # Server-side, because some CRDs are too large for the annotation of a client-side apply.
        self._kubectl(("apply", "--server-side", "--force-conflicts", "-f", str(local)), what)

    def _kubectl(self, arguments: tuple[str, ...], what: str) -> None:
        argv = ("kubectl", "--kubeconfig", str(self.tools.kubeconfig), *arguments)
        self.tools.run(argv, what=what, timeout_s=STEP_TIMEOUT_S)

    def _chart(self, step: ChartStep, what: str) -> None:
        values = ("--values", str(step.values)) if step.values else ()
        argv = (
            *("helm", "install", step.release, str(self._download(step.artifact))),
            *("--kubeconfig", str(self.tools.kubeconfig), "--namespace", step.namespace),
            *("--create-namespace", *values),
        )
        self.tools.run(argv, what=what, timeout_s=STEP_TIMEOUT_S)

    def _plugins(self, step: PluginsStep, what: str) -> None:
        machine = MACHINES.get(platform.machine(), platform.machine())
        if machine not in step.archives:
            raise ClusterError(f"{what}: the profile has no archive for {machine}")
        archive = self._download(step.archives[machine])
        plugins = [_extract(archive, name, self.tools.home) for name in step.names]
        for node in self.kind.nodes():
            for plugin in plugins:
                there = f"{node}:{PLUGIN_FOLDER}/{plugin.name}"
                self.tools.run((self.tools.engine, "cp", str(plugin), there), what=what)


def _extract(archive: Path, name: str, into: Path) -> Path:
    """Take one program out of an archive; nothing else of it touches the disk."""
    try:
        with tarfile.open(archive) as opened:
            found = [m for m in opened.getmembers() if m.isfile() and Path(m.name).name == name]
            content = opened.extractfile(found[0]) if found else None
            data = content.read() if content else None
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ClusterError(f"{archive} cannot be unpacked: {error}") from error
    if data is None:
        raise ClusterError(f"{archive} holds no {name}")
    path = into / name
    path.write_bytes(data)
    path.chmod(0o755)
    return path


def wait_ready(tools: Tools, wanted: Readiness) -> None:
    """Wait until everything is up; raise NotReadyError with what is not, at the deadline."""
    state: list[str] = []

    def look() -> bool | None:
        state[:] = unready(tools, wanted)
        return None if state else True

    wait_until(look, deadline_s=wanted.timeout_s, what=lambda: f"not ready: {'; '.join(state)}")


def unready(tools: Tools, wanted: Readiness) -> list[str]:
    """Return what is not up yet, in words."""
    try:
        return _unready(tools, wanted)
    except ClusterError as error:
        if _TRANSIENT.search(str(error)):
            return [str(error)]
        raise


def _unready(tools: Tools, wanted: Readiness) -> list[str]:
    found = [_daemonset(key, _get(tools, "daemonset", key)) for key in wanted.daemonsets]
    deployments = (*wanted.deployments, DNS)
    found += [_deployment(key, _get(tools, "deployment", key)) for key in deployments]
    found += [_node(node) for node in (_get(tools, "nodes", "") or {}).get("items", [])]
    return [text for text in found if text]


def _daemonset(key: str, raw: Obj | None) -> str:
    if raw is None:
        return f"daemonset {key} is not there"
    status = raw.get("status", {})
    wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    if _is_stale(raw) or wanted == 0:
        return f"daemonset {key} is not scheduled yet"
    fresh = status.get("updatedNumberScheduled", 0)
    good = min(ready, fresh)
    return "" if good == wanted else f"daemonset {key}: {good} of {wanted} pods"


def _deployment(key: str, raw: Obj | None) -> str:
    if raw is None:
        return f"deployment {key} is not there"
    wanted, ready = raw["spec"].get("replicas", 1), raw.get("status", {}).get("readyReplicas", 0)
    if _is_stale(raw):
        return f"deployment {key} is not seen yet"
    return "" if ready >= wanted else f"deployment {key}: {ready} of {wanted} pods"


def _is_stale(raw: Obj) -> bool:
    """Tell whether the status speaks of an older object (observedGeneration of apps/v1)."""
    generation = raw["metadata"].get("generation", 0)
    return bool(raw.get("status", {}).get("observedGeneration", 0) < generation)


def _node(raw: Obj) -> str:
    conditions = raw.get("status", {}).get("conditions") or []
    ready = [c for c in conditions if c["type"] == "Ready"]
    if ready and ready[0]["status"] == "True":
        return ""
    why = ready[0].get("message", "") if ready else "no condition Ready"
    return f"node {raw['metadata']['name']}: {why}"


def _get(tools: Tools, kind: str, key: str) -> Obj | None:
    """Return an object as kubectl prints it, None where it is not there."""
    namespace, _, name = key.rpartition("/")
    where = ("--namespace", namespace, name) if key else ()
    argv = ("kubectl", "--kubeconfig", str(tools.kubeconfig), "get", kind, *where, "-o", "json")
    what = f"looking at {kind} {key}".rstrip()
    code, out, said = call(argv, tools.environment, what=what, timeout_s=CALL_TIMEOUT_S)
    if code != 0:
        if "NotFound" in said:
            return None
        raise ClusterError(failure(what, argv, code, said))
    try:
        loaded: Obj = json.loads(out)
    except ValueError as error:
        raise ClusterError(f"{what}: kubectl printed no JSON but {out[:200]!r}") from error
    return loaded
