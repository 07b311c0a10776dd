"""The lab's mount namespaces: one for the lab itself, one per Kubernetes namespace for its pods.

The lab's own has a fresh /proc and /run, terminals of its own, and the interpreter where every user
may read it. A pod's is a `podview` with the cluster's resolv.conf.
Must not know: pods, or what a network namespace is.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netlab.node import podview, syscalls
from netlab.node.addressplan import DNS_IPS
from netlab.node.netns import current

_BASE = Path("/run/netproof")
_PYTHON = _BASE / "python"
_BIN = _BASE / "bin"
_VIEW = Path("/run/view")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEVPTS_FLAGS = syscalls.MS_NOSUID | syscalls.MS_NOEXEC
HOST_RESOLV = ""  # what a pod with dnsPolicy Default on a node sees: no name server


def enter_lab_mounts() -> None:
    """Move the calling thread into the lab's mount namespace and furnish it.

    Raises OSError. Nothing mounted here is ever visible outside.
    """
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("proc", "/proc", "proc", podview.PLAIN | syscalls.MS_NOEXEC)
    # The machine's terminals are its users'; what the lab opens from now on is here.
    syscalls.mount("devpts", "/dev/pts", "devpts", _DEVPTS_FLAGS, "ptmxmode=0666,mode=0620")
    prefix = os.open(sys.base_prefix, os.O_PATH | os.O_CLOEXEC)  # it may live under /run
    syscalls.mount("tmpfs", "/run", "tmpfs", podview.PLAIN, "mode=755")
    for folder in (_BASE, _PYTHON, _BIN, _VIEW):
        folder.mkdir()
    bound = syscalls.MS_BIND | syscalls.MS_REC
    syscalls.mount(f"/proc/self/fd/{prefix}", str(_PYTHON), flags=bound)
    os.close(prefix)
    (_BIN / "python3").symlink_to(_PYTHON / _interpreter())
    (_BIN / "python").symlink_to("python3")
    podview.furnish(_VIEW, _BASE)


def pod_environment() -> dict[str, str]:
    """Return the variables that make `python3` in a pod mean the lab's interpreter."""
    variables = {"PATH": f"{_BIN}:{_SYSTEM_PATH}"}
    if sysconfig.get_config_var("Py_ENABLE_SHARED") and sys.base_prefix != "/usr":
        # The run path inside the binary may lead through a folder that pods cannot enter.
        variables["LD_LIBRARY_PATH"] = str(_PYTHON / "lib")
    return variables


def _interpreter() -> str:
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return f"bin/{name}" if Path(sys.base_prefix, "bin", name).exists() else "bin/python3"


def cluster_resolv_conf(namespace: str) -> str:
    """Return the resolv.conf of pods in a Kubernetes namespace (dnsPolicy ClusterFirst)."""
    domains = f"{namespace}.svc.cluster.local svc.cluster.local cluster.local"
    return (
        f"nameserver {DNS_IPS[0]}\n"
        f"search {domains}\n"
        # One second and one try: a blocked query fails after 2 s (A and AAAA), not after 10.
        "options ndots:5 timeout:1 attempts:1\n"
    )


class MountViews:
    """Mount namespaces for pods, one per resolv.conf content, kept by descriptor."""

    def __init__(self) -> None:
        self._home = current("mnt")
        self._views: dict[str, int] = {}

    def close(self, resolv_conf: str) -> None:
        """Forget one view; processes inside keep it alive until they end."""
        fd = self._views.pop(resolv_conf, None)
        if fd is not None:
            os.close(fd)

    @contextmanager
    def entered(self, resolv_conf: str) -> Iterator[None]:
        """Put the calling thread into the view with a resolv.conf; no await inside."""
        if resolv_conf not in self._views:
            self._views[resolv_conf] = self._create(resolv_conf)
        _enter(self._views[resolv_conf])
        try:
            yield
        finally:
            _enter(self._home)

    def _create(self, resolv_conf: str) -> int:
        file = Path("/run/resolv.conf")  # the mount keeps it when the name is gone
        file.write_text(resolv_conf, encoding="utf-8")
        syscalls.unshare(syscalls.CLONE_NEWNS)
        try:
            podview.enter(_VIEW, file)
            return current("mnt")
        finally:
            _enter(self._home)
            file.unlink()


def _enter(fd: int) -> None:
    # setns(CLONE_NEWNS) refuses a thread that shares its root and working directory.
    syscalls.unshare(syscalls.CLONE_FS)
    syscalls.setns(fd, syscalls.CLONE_NEWNS)
