"""What the kernel under a kind cluster has to offer, looked at before it bites.

Read are /proc, /sys and the kernel's own lists only. Where the engine runs its containers in a
machine of its own (Docker Desktop, a remote DOCKER_HOST) they say nothing, and nobody asks. Each
check has a name by which it can be left out.
"""

from __future__ import annotations

import gzip
import platform
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from netproof.cluster.profiles.profile import HostNeeds

ROOT = Path("/")

KERNEL, CGROUP, INOTIFY = "kernel", "cgroup", "inotify"
NAMED = (KERNEL, CGROUP, INOTIFY)
"""The checks besides those of modules, which are called by the module."""

NO_CGROUP_V1 = (1, 35)
"""Since this Kubernetes the kubelet does not start on cgroup v1 (KEP-5573, failCgroupV1)."""

_NUMBERS = re.compile(r"v?(\d+)\.(\d+)")

_SIGNS = {
    "br_netfilter": "proc/sys/net/bridge",
    "nf_conntrack": "proc/sys/net/netfilter/nf_conntrack_max",
    "overlay": "sys/module/overlay",
}
"""What is there once a module works, however it came: loaded, or built into the kernel."""

_SWITCHES = {"br_netfilter": "CONFIG_BRIDGE_NETFILTER", "overlay": "CONFIG_OVERLAY_FS"}
"""How the kernel's configuration calls a module, where it is not CONFIG_ and the module's name."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What the machine lacks, by the name of its check, with the remedy."""

    check: str
    text: str


def lacks(
    needs: HostNeeds,
    *,
    kubernetes: str = "",
    root: Path = ROOT,
    release: str = platform.release(),
    skipped: Collection[str] = (),
) -> tuple[Lack, ...]:
    """Return what the machine lacks; `kubernetes` is the release that is to run on it."""
    kernel = _Kernel(root, release)
    found = (
        *_old_kernel(needs, release),
        *_cgroup(needs, kubernetes, root),
        *_inotify(needs, root),
        *_modules(needs, kernel),
    )
    return tuple(lack for lack in found if lack.check not in skipped)


def _old_kernel(needs: HostNeeds, release: str) -> Iterator[Lack]:
    if _numbers(release) < needs.kernel:
        wanted = ".".join(str(part) for part in needs.kernel)
        yield Lack(
            KERNEL, f"the kernel is {release}, {wanted} or newer is needed: use a newer machine"
        )


def _cgroup(needs: HostNeeds, kubernetes: str, root: Path) -> Iterator[Lack]:
    """Judge cgroup v1 by the Kubernetes that is to run, unless the CNI itself needs v2."""
    if (root / "sys/fs/cgroup/cgroup.controllers").exists():
        return
    boot = "boot with systemd.unified_cgroup_hierarchy=1"
    if needs.cgroup_v2:
        yield Lack(CGROUP, f"cgroup v2 is needed by the CNI: {boot}")
    elif _numbers(kubernetes) >= NO_CGROUP_V1:
        yield Lack(
            CGROUP,
            f"cgroup v2 is needed, {kubernetes} does not start on v1: {boot}, or take a node image "
            "of v1.34 (--node-image)",
        )


def _inotify(needs: HostNeeds, root: Path) -> Iterator[Lack]:
    """Yield the limits that are too low; "too many open files" in pods is what comes of it."""
    limits = {"watches": needs.inotify_watches, "instances": needs.inotify_instances}
    for name, wanted in limits.items():
        told = _text(root / f"proc/sys/fs/inotify/max_user_{name}").strip()
        if told.isdecimal() and int(told) < wanted:
            key = f"fs.inotify.max_user_{name}"
            yield Lack(INOTIFY, f"{key} is {told}: sudo sysctl {key}={wanted}")


def _modules(needs: HostNeeds, kernel: _Kernel) -> Iterator[Lack]:
    for module in needs.loaded:
        if not kernel.works(module):
            yield Lack(module, f"the kernel module {module} is not loaded: sudo modprobe {module}")
    for module in needs.available:
        if not (kernel.works(module) or kernel.can_load(module)):
            yield Lack(
                module, f"the kernel has no module {module}: install the one for {kernel.release}"
            )


@dataclass(frozen=True, slots=True)
class _Kernel:
    """What a kernel says of its modules."""

    root: Path
    release: str

    def works(self, module: str) -> bool:
        """Tell whether a module is loaded or built in; only the loaded are in /proc/modules."""
        sign = _SIGNS.get(module)
        return (
            (self.root / "sys/module" / module).exists()
            or (sign is not None and (self.root / sign).exists())
            or self._lists("modules.builtin", module)
            or self._is_switched_on(module)
        )

    def can_load(self, module: str) -> bool:
        """Tell whether there is a file that the module can be loaded from."""
        return self._lists("modules.dep", module)

    def _lists(self, file: str, module: str) -> bool:
        names = re.escape(module).replace("_", "[-_]")
        text = _text(self.root / "lib/modules" / self.release / file)
        return re.search(rf"/{names}\.ko", text) is not None

    def _is_switched_on(self, module: str) -> bool:
        switch = _SWITCHES.get(module, f"CONFIG_{module.upper()}")
        return re.search(rf"^{switch}=y$", self._configuration(), re.MULTILINE) is not None

    def _configuration(self) -> str:
        packed = self.root / "proc/config.gz"
        try:
            return gzip.decompress(packed.read_bytes()).decode(errors="replace")
        except (OSError, EOFError):
            return _text(self.root / f"boot/config-{self.release}")


def _numbers(release: str) -> tuple[int, int]:
    found = _NUMBERS.match(release)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _text(path: Path) -> str:
    """Return a file's text, "" where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
