"""Carrying out the steps of a CNI's installation."""

from __future__ import annotations

import platform
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netproof.cluster.kind.commands import Kind
from netproof.cluster.kind.downloads import Fetch, download
from netproof.cluster.kind.tools import Tools
from netproof.cluster.profiles.profile import (
    Artifact,
    ChartStep,
    FileStep,
    IpFamily,
    KubectlStep,
    ManifestStep,
    PluginsStep,
    Profile,
    Step,
)
from netproof.errors import ClusterError

Say = Callable[[str], None]

STEP_TIMEOUT_S = 300.0
"""For one call of kubectl or Helm; neither waits for pods here."""

PLUGIN_FOLDER = "/opt/cni/bin"
"""Where the container runtime of a node looks for CNI plugins."""

MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""What `uname -m` calls the architectures that releases are named by."""


@dataclass(frozen=True, slots=True)
class Installer:
    """The means of an installation into a kind cluster."""

    kind: Kind
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
        # Server-side, because some CRDs are too large for the annotation of a client-side apply.
        self._kubectl(("apply", "--server-side", "--force-conflicts", "-f", str(manifest)), what)

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
