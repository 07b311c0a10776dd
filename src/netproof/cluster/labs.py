"""Labs that outlive the command that started them: finding one by its name, and ending it."""

from __future__ import annotations

import json
import os
import select
import signal
from pathlib import Path

from netproof.cluster.lab import state_dir
from netproof.errors import ClusterError

MARKER = "netproof-lab.json"
"""What a lab writes into its folder: the pid, start time and boot id of its supervisor."""

END_TIMEOUT_S = 10.0


def end(name: str) -> bool:
    """End this user's lab of that name and wait until it is gone; return False where none runs.

    Raises ClusterError where it does not end in time.
    """
    pidfd = _open(state_dir(name))
    if pidfd is None:
        return False
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        if not select.select([pidfd], [], [], END_TIMEOUT_S)[0]:
            raise ClusterError(f"the lab {name} did not end within {END_TIMEOUT_S:g} s")
    except ProcessLookupError:
        return True
    finally:
        os.close(pidfd)
    return True


def _open(folder: Path) -> int | None:
    """Return a descriptor of the lab's supervisor, None where it is dead or never was.

    The descriptor is opened before the start time is compared, so that a pid that was given to
    somebody else is never signalled.
    """
    try:
        told = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        pidfd = os.pidfd_open(told["pid"])
    except (OSError, ValueError, KeyError):
        return None
    if _start_time(told["pid"]) == told["start_time"]:
        return pidfd
    os.close(pidfd)
    return None


def _start_time(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return -1
    return int(stat.rpartition(")")[2].split()[19])
