"""What a run has of the machine while it lives, and what of it is still there afterwards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.lab_process import descendants, everybody, host_mounts

KINDS = ("net", "mnt", "pid", "user", "uts", "ipc")


@dataclass(frozen=True, slots=True)
class Holdings:
    """Processes, by number and start, and the namespaces that none but they are in.

    A descriptor is held of each namespace: the kernel gives the number of one that is gone to the
    next, which may be another lab's.
    """

    processes: frozenset[tuple[int, str]]
    namespaces: frozenset[str]

    @classmethod
    @contextlib.contextmanager
    def of(cls, pid: int) -> Iterator[Holdings]:
        """Yield what a process and all below it hold."""
        family = descendants(pid)
        processes = {(one, start) for one in family if (start := start_of(one))}
        ours, found, descriptors = _namespaces([os.getpid()]), set(), []
        for one in family:
            for kind in KINDS:
                with contextlib.suppress(OSError):
                    fd = os.open(f"/proc/{one}/ns/{kind}", os.O_RDONLY)
                    descriptors.append(fd)
                    found.add(str(Path(f"/proc/self/fd/{fd}").readlink()))
        try:
            yield cls(frozenset(processes), frozenset(found) - ours)
        finally:
            for fd in descriptors:
                os.close(fd)

    def left(self, folder: Path) -> list[str]:
        """Return what is still there of it, and what was mounted or lies below a folder.

        Except for the folder that pytest keeps for who wants to look at it.
        """
        return [
            *(f"process {pid}" for pid, start in self.processes if start_of(pid) == start),
            *sorted(self.namespaces & _namespaces(everybody())),
            *(mount for mount in host_mounts() if mount.startswith(str(folder))),
            *(str(one) for one in folder.iterdir() if not one.name.startswith("pytest-of-")),
        ]


def start_of(pid: int) -> str:
    """Return when a process began, in the kernel's words; nothing where it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if stat[0] in "ZX" else stat[19]


def _namespaces(pids: Sequence[int]) -> frozenset[str]:
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            found |= {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in KINDS}
    return frozenset(found)
