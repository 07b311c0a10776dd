"""What the machine that runs kind must offer, looked at before it bites.

Read from /proc and /sys only. Where the engine runs its containers in a machine of its own
(Docker Desktop, a remote DOCKER_HOST) these files say nothing, and nothing is checked.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from netproof.cluster.kind.tools import Tools
from netproof.cluster.profiles.profile import HostNeeds

ROOT = Path("/")

_NUMBERS = re.compile(r"(\d+)\.(\d+)")

LOCAL_SCHEMES = ("unix://", "npipe://")


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
