"""The few Linux calls that Python 3.11 does not offer, as functions that raise OSError.

Must not know: what a pod, a node or a policy is. Everything acts on the calling thread.
"""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_NOATIME = 0x400
MS_NODIRATIME = 0x800
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_RELATIME = 0x200000

_MNT_DETACH = 2

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_SYS_MOUNT_SETATTR = 442  # same number on every architecture since Linux 5.12
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(name: str, call: Callable[..., int], *arguments: Any) -> int:
    """Call into libc and turn -1 into an OSError that names the call."""
    result = call(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Move the calling thread into new namespaces (CLONE_* flags)."""
    _checked("unshare", _libc.unshare, flags)


def setns(fd: int, kind: int = 0) -> None:
    """Move the calling thread into the namespace behind a descriptor."""
    _checked("setns", _libc.setns, fd, kind)


def sethostname(name: str) -> None:
    """Set the host name of the calling thread's UTS namespace."""
    data = name.encode()[:64]
    _checked("sethostname", _libc.sethostname, data, len(data))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Attach a file system; empty strings stand for NULL."""
    arguments = (source or None, target, kind or None)
    encoded = [value.encode() if value is not None else None for value in arguments]
    try:
        _checked("mount", _libc.mount, *encoded, ctypes.c_ulong(flags), data.encode() or None)
    except OSError as error:
        raise OSError(
            error.errno, f"mount {kind or source} on {target}: {error.strerror}"
        ) from None


def pivot_root(new: str, old: str) -> None:
    """Make a mount the root of the mount namespace, and attach the root until now to a folder."""
    _checked("pivot_root", _libc.pivot_root, new.encode(), old.encode())


def unmount(target: str) -> None:
    """Take a mount and everything below it out of sight; it ends with its last user."""
    _checked("umount2", _libc.umount2, target.encode(), ctypes.c_int(_MNT_DETACH))


def set_tree_read_only(target: str) -> None:
    """Make a mount and everything below it read-only (Linux 5.12 and later)."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    _checked(
        "mount_setattr",
        _libc.syscall,
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        target.encode(),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )


def _prctl(option: int, argument: int = 0) -> None:
    number = ctypes.c_ulong(argument)
    zero = ctypes.c_ulong(0)
    _checked("prctl", _libc.prctl, ctypes.c_int(option), number, zero, zero, zero)


def die_with_parent(signal_number: int) -> None:
    """Ask for a signal when the thread that forked this process ends."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def set_dumpable() -> None:
    """Let the owner see this process in /proc again after a change of ids."""
    _prctl(_PR_SET_DUMPABLE, 1)


def keep_capabilities_over_setuid() -> None:
    """Keep all capabilities when the ids change (until the next exec)."""
    _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)


def forbid_new_privileges() -> None:
    """Make sure that nothing this process executes gains a privilege.

    The calling process keeps its capabilities: both settings act at exec only.
    """
    for capability in range(_last_capability() + 1):
        _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _last_capability() -> int:
    return int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
