"""The machine that makes a kind cluster: its programs, found and old enough, and its kernel.

The programs get an environment of their own: a kubeconfig and a Helm home in the run's folder, so
nothing that belongs to the person running it is read or written. The kernel is looked at before it
bites, by /proc and /sys only. Where the engine runs its containers in a machine of its own (Docker
Desktop, a remote DOCKER_HOST) these files say nothing, and nothing is checked.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netproof.cluster.kind.programs import call, failure
from netproof.cluster.profiles.profile import HostNeeds, Profile
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

ROOT = Path("/")
LOCAL_SCHEMES = ("unix://", "npipe://")

DOCKER_SOCKET = "/var/run/docker.sock"
_SOCKET = re.compile(r"unix://(/[^\s:?\"]*[^\s:?\".])")
"""Where an engine listens, as DOCKER_HOST has it and engines tell it."""

_NUMBERS = re.compile(r"(\d+)\.(\d+)")
_KIND = re.compile(r"kind v(\S+)")


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
    given = dict(os.environ if environ is None else environ)
    engine = _engine(given)
    needed = ("kind", "kubectl", *(("helm",) if helm else ()))
    missing = [name for name in needed if shutil.which(name, path=given.get("PATH")) is None]
    if missing:
        listed = "; ".join(f"{name} (get it: {WHERE_TO_GET[name]})" for name in missing)
        raise UsageError(f"not found on PATH: {listed}")
    return Tools(engine, home, _environment(given, engine, home))


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
    what, question = f"asking {engine} whether it runs", (engine, "info")
    try:
        code, out, said = call(question, environ, what=what, timeout_s=ASK_TIMEOUT_S)
    except ClusterError as error:
        return str(error)
    return failure(what, question, code, said or out) if code else ""


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


def lacks(
    needs: HostNeeds, *, root: Path = ROOT, release: str = platform.release()
) -> tuple[str, ...]:
    """Return what the machine lacks, each with the remedy; nothing where all is there."""
    return tuple(_lacks(needs, root, release))


def _lacks(needs: HostNeeds, root: Path, release: str) -> Iterator[str]:
    if _kernel(release) < needs.kernel:
        wanted = ".".join(str(part) for part in needs.kernel)
        yield f"the kernel is {release}, {wanted} or newer is needed: use a newer machine"
    if needs.cgroup_v2 and not (root / "sys/fs/cgroup/cgroup.controllers").exists():
        yield (
            "cgroup v2 is needed (Kubernetes 1.35 gave up v1): boot with "
            "systemd.unified_cgroup_hierarchy=1"
        )
    limits = {"watches": needs.inotify_watches, "instances": needs.inotify_instances}
    yield from _inotify(limits, root)
    for module in needs.loaded:
        if not _is_loaded(module, root):
            yield f"the kernel module {module} is not loaded: sudo modprobe {module}"
    for module in needs.available:
        if not (_is_loaded(module, root) or _can_load(module, root, release)):
            yield f"the kernel has no module {module}: install the one for {release}"


def _kernel(release: str) -> tuple[int, int]:
    found = _NUMBERS.match(release)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _inotify(limits: Mapping[str, int], root: Path) -> Iterator[str]:
    """Yield the limits that are too low; "too many open files" in pods is what comes of it."""
    for name, wanted in limits.items():
        path = root / f"proc/sys/fs/inotify/max_user_{name}"
        if path.exists() and int(path.read_text()) < wanted:
            key = f"fs.inotify.max_user_{name}"
            yield f"{key} is {path.read_text().strip()}: sudo sysctl {key}={wanted}"


def _is_loaded(module: str, root: Path) -> bool:
    return (root / "sys/module" / module).exists()


def _can_load(module: str, root: Path, release: str) -> bool:
    folder = root / "lib/modules" / release
    lists = (folder / "modules.dep", folder / "modules.builtin")
    return any(
        re.search(rf"/{module}\.ko", path.read_text(errors="replace"))
        for path in lists
        if path.exists()
    )
