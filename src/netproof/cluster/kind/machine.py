"""The programs that make a kind cluster, found and old enough.

They get an environment of their own: a kubeconfig and a Helm home in the run's folder, so nothing
that belongs to the person running it is read or written.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netproof.cluster.kind.programs import call, failure
from netproof.cluster.profiles.profile import Profile
from netproof.cluster.profiles.versions import number
from netproof.errors import ClusterError, UsageError

ENGINES = ("docker", "nerdctl", "podman")
"""What kind can run nodes with, in the order in which kind itself looks for them."""

PROVIDER = "KIND_EXPERIMENTAL_PROVIDER"
"""The variable that tells kind which engine to use."""

WHERE_TO_GET = {
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/#kubectl",
    "helm": "https://helm.sh/docs/intro/install/",
}
ENGINE_FROM = "https://docs.docker.com/engine/install/"

ASK_TIMEOUT_S = 60.0
"""For questions that a healthy tool answers within a second or two."""

LOCAL_SCHEMES = ("unix://", "npipe://")

DOCKER_SOCKET = "/var/run/docker.sock"
_SOCKET = re.compile(r"unix://(/[^\s:?\"]*[^\s:?\".])")
"""Where an engine listens, as DOCKER_HOST has it and engines tell it."""

_KIND = re.compile(r"kind v(\S+)")
_RELEASE = re.compile(r"v\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Tools:
    """The engine and the environment in which the tools run; `home` is the run's own folder."""

    engine: str
    home: Path
    environment: Mapping[str, str]

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig that the tools read and write, and nobody else."""
        return self.home / "kubeconfig"

    def run(self, argv: Sequence[str], *, what: str, timeout_s: float = ASK_TIMEOUT_S) -> str:
        """Run a tool and return what it printed; raise ClusterError with its own last words.

        The tool is ended when it takes longer than `timeout_s`, and when we are interrupted.
        """
        code, out, said = call(argv, self.environment, what=what, timeout_s=timeout_s)
        if code != 0:
            raise ClusterError(failure(what, argv, code, said or out))
        return out


def find(home: Path, *, helm: bool, environ: Mapping[str, str] | None = None) -> Tools:
    """Find an engine that answers and the tools that are needed; raise UsageError for what lacks.

    `home` is a folder that may be filled.
    """
    found = engine(home, environ)
    needed = ("kind", "kubectl", *(("helm",) if helm else ()))
    missing = [
        name for name in needed if shutil.which(name, path=found.environment.get("PATH")) is None
    ]
    if missing:
        listed = "; ".join(f"{name} (get it: {WHERE_TO_GET[name]})" for name in missing)
        raise UsageError(f"not found on PATH: {listed}")
    return found


def engine(home: Path, environ: Mapping[str, str] | None = None) -> Tools:
    """Find an engine that answers, for its images alone; raise UsageError where there is none."""
    given = dict(os.environ if environ is None else environ)
    return Tools(found := _engine(given), home, _environment(given, found, home))


def _engine(environ: Mapping[str, str]) -> str:
    wanted = environ.get(PROVIDER)
    candidates = (wanted,) if wanted else ENGINES
    there = [name for name in candidates if shutil.which(name, path=environ.get("PATH"))]
    if not there:
        raise UsageError(
            f"no container engine on PATH: kind needs {', '.join(ENGINES[:-1])} or {ENGINES[-1]}"
            f"{f' ({PROVIDER} asks for {wanted})' if wanted else ''}; get one: {ENGINE_FROM}"
        )
    silent = []
    for name in there:
        said = _silence(name, environ)
        if not said:
            return name
        silent.append(f"{said}\n    {_remedy(name, environ, said)}")
    raise UsageError("no container engine answers:\n" + "\n".join(silent))


def _silence(engine: str, environ: Mapping[str, str]) -> str:
    """Return what becomes of asking an engine, "" where it answers."""
    asked = Tools(engine, Path(), environ)
    try:
        what = f"asking {engine} whether it runs"
        asked.run((engine, "info"), what=what, timeout_s=ASK_TIMEOUT_S)
    except ClusterError as error:
        return str(error)
    return ""


def _remedy(engine: str, environ: Mapping[str, str], said: str) -> str:
    """Return what to do about an engine that does not answer.

    Newer dockers say the same of a socket that they may not open and of one that is not there.
    """
    named = _SOCKET.search(said) or _SOCKET.match(environ.get("DOCKER_HOST", ""))
    path = named[1] if named else DOCKER_SOCKET
    wrong = _knock(path) if named or engine == "docker" else 0
    if wrong in (errno.EACCES, errno.EPERM):
        return (
            f"this user may not use {path}: sudo usermod -aG docker USER, then log in again (that "
            f"group is as good as root), or use rootless podman, with {PROVIDER}=podman"
        )
    if wrong:
        return f"nothing listens at {path}: start {engine}, as by sudo systemctl start {engine}"
    return f"see that `{engine} info` works for this user; {PROVIDER} names another engine"


def _knock(path: str) -> int:
    """Return the error of opening a socket, 0 where it opens."""
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(1.0)
        try:
            knocking.connect(path)
        except OSError as error:
            return error.errno or 0
    return 0


def _environment(given: Mapping[str, str], engine: str, home: Path) -> dict[str, str]:
    helm = {
        f"HELM_{kind}_HOME": str(home / "helm" / kind.lower())
        for kind in ("CACHE", "CONFIG", "DATA")
    }
    return {**given, **helm, PROVIDER: engine, "KUBECONFIG": str(home / "kubeconfig")}


def check_kind(tools: Tools, profile: Profile) -> None:
    """Raise UsageError where kind is too old for the profile's node image."""
    told = tools.run(("kind", "version"), what="asking kind for its version")
    found = _KIND.search(told)
    if found is None:
        raise UsageError(f"`kind version` says {told.strip()!r}, which is no version of kind")
    if number(found[1]) < number(profile.kind):
        raise UsageError(
            f"kind is v{found[1]}, its node image for {profile.title} needs {profile.kind} or "
            f"newer: {WHERE_TO_GET['kind']}"
        )


def is_local(tools: Tools) -> bool:
    """Tell whether the engine's containers run on the kernel that we see."""
    host = tools.environment.get("DOCKER_HOST", "")
    if host and not host.startswith(LOCAL_SCHEMES):
        return False
    if platform.system() != "Linux":
        return False
    if tools.engine != "docker":
        return True
    told = tools.run(
        ("docker", "info", "--format", "{{.OperatingSystem}}"), what="asking docker where it runs"
    )
    return "Docker Desktop" not in told


def kubernetes_of(tools: Tools, image: str) -> str:
    """Return the Kubernetes release of a node image, "" where it cannot be told.

    An image that the engine has says it itself (kind writes /kind/version into it); a tag may be
    anybody's. Of one that is still to be pulled there is the tag only.
    """
    ask = ("run", "--rm", "--pull=never", "--entrypoint=cat", image, "/kind/version")
    what = f"asking {image} for its Kubernetes"
    code, told, _ = call(
        (tools.engine, *ask), tools.environment, what=what, timeout_s=ASK_TIMEOUT_S
    )
    found = _RELEASE.search(told if code == 0 else image.partition("@")[0].rpartition(":")[2])
    return found[0] if found else ""
