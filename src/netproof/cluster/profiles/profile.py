"""What is declared of one CNI: how to install it, when it is ready, what it can and cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netproof.cluster.profiles.declaration import (
    UNVERIFIED,
    Capabilities,
    Denial,
    IpFamily,
    RealRun,
)
from netproof.model.doors import Stance
from netproof.model.known_gap import KnownGap


@dataclass(frozen=True, slots=True)
class HostNeeds:
    """What the machine that runs kind must offer.

    `loaded` modules have to be loaded already, because a node container cannot do it reliably;
    `available` ones are loaded by the CNI itself. `kernel` is the oldest (major, minor).
    """

    kernel: tuple[int, int] = (0, 0)
    cgroup_v2: bool = False
    inotify_watches: int = 0
    inotify_instances: int = 0
    loaded: tuple[str, ...] = ()
    available: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Artifact:
    """Something to download. Without `sha256`, `unverified` says why there is no checksum.

    `line` is where the profile says which of the two it is.
    """

    url: str
    sha256: str = ""
    unverified: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class ManifestStep:
    """Apply a manifest that is downloaded."""

    artifact: Artifact


@dataclass(frozen=True, slots=True)
class FileStep:
    """Apply a manifest that lies beside the profile."""

    path: Path


@dataclass(frozen=True, slots=True)
class ChartStep:
    """Install a Helm chart that is downloaded, with a file of values beside the profile."""

    artifact: Artifact
    release: str
    namespace: str
    values: Path | None = None


@dataclass(frozen=True, slots=True)
class PluginsStep:
    """Copy CNI plugins out of a downloaded archive into each node; archives by architecture."""

    archives: dict[str, Artifact]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KubectlStep:
    """Run kubectl with these arguments."""

    arguments: tuple[str, ...]


Action = ManifestStep | FileStep | ChartStep | PluginsStep | KubectlStep


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an installation; `families` limits it to clusters of these, `ways` to these."""

    name: str
    action: Action
    families: tuple[IpFamily, ...] = tuple(IpFamily)
    ways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Readiness:
    """What has to be up, as `namespace/name`, and how many seconds it may take."""

    timeout_s: float
    daemonsets: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A CNI profile; `file` is where it was read.

    `ways` are those to install it, each with what has to be up then, the usual one first.
    `images` are those that none of its manifests names. `stance` is what is expected of the doors
    that policies do not guard.
    """

    file: Path
    name: str
    title: str
    version: str
    oldest: str
    maintained: bool
    kind: str
    enforces: bool
    mechanism: str
    denial: Denial
    families: tuple[IpFamily, ...]
    converge_s: float
    probe_timeout_s: float
    host: HostNeeds
    ready: Readiness
    capabilities: Capabilities
    install: tuple[Step, ...] = ()
    images: tuple[str, ...] = ()
    ways: Mapping[str, Readiness] = field(default_factory=dict)
    gaps: tuple[KnownGap, ...] = field(default=())
    stance: Stance = Stance.REPORT
    verified: RealRun | None = None

    @property
    def verification(self) -> str:
        """When the suites were last run for real with this CNI, and with what result."""
        return self.verified.text if self.verified else UNVERIFIED

    @property
    def kind_config(self) -> Path:
        """The kind cluster config that lies beside the profile."""
        return self.file.parent / "kind.yaml"

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Everything that an installation downloads."""
        return tuple(artifact for step in self.install for artifact in _downloads(step.action))

    @property
    def needs_helm(self) -> bool:
        """Tell whether a step installs a chart."""
        return any(isinstance(step.action, ChartStep) for step in self.install)


def _downloads(action: Action) -> tuple[Artifact, ...]:
    match action:
        case ManifestStep(artifact) | ChartStep(artifact):
            return (artifact,)
        case PluginsStep(archives):
            return tuple(archives.values())
    return ()
