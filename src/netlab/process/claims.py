"""What a lab claims of the machine: its port and its state directory, or who is in the way.

The state directory holds a marker that says whose it is, and how to reach the lab. A directory
whose lab is dead is removed by whoever starts next. Files we did not write and labs that live are
never touched. Must not know: namespaces, what is served at the port, what the kubeconfig says.
"""

import contextlib
import errno
import json
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netlab.problems import StartError

_LISTEN_STEP = "listen"
_LISTEN_STATE = "0A"


def open_listener(listen_fd: int | None, port: int) -> socket.socket:
    """Take over the starter's listening socket, or open one on 127.0.0.1.

    Port 0 lets the kernel choose. Raises StartError.
    """
    if listen_fd is not None:
        return _inherited_socket(listen_fd)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise _listen_error(port, error) from error
    return sock


def _inherited_socket(fd: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
        sock.listen(512)  # harmless if it listens already
    except OSError as error:
        remedy = "pass the descriptor of a TCP socket bound to 127.0.0.1"
        raise StartError(_LISTEN_STEP, f"--listen-fd {fd}: {error.strerror}", remedy) from error
    return sock


def _listen_error(port: int, error: OSError) -> StartError:
    if error.errno == errno.EADDRINUSE:
        blame = _listening_process(port)
        text = f"port {port} on 127.0.0.1 is taken by {blame}"
        return StartError(_LISTEN_STEP, text, "stop it, or choose another --port (0: any free one)")
    if error.errno == errno.EACCES:
        remedy = "choose a --port of 1024 or higher (0: any free one)"
        return StartError(_LISTEN_STEP, f"port {port} on 127.0.0.1: {error.strerror}", remedy)
    return StartError(_LISTEN_STEP, f"port {port} on 127.0.0.1: {error}", "choose another --port")


def _listening_process(port: int) -> str:
    """Name the process that listens on a port as well as this user may see it."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(fd.readlink()) in sockets for fd in (folder / "fd").iterdir()):
                name = (folder / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (pid {folder.name})"
    return "a process of another user"


def _listening_inodes(port: int) -> list[str]:
    inodes = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(f":{port:04X}") and fields[3] == _LISTEN_STATE:
                    inodes.append(fields[9])
    return inodes


MARKER = "netproof-lab.json"
KUBECONFIG = "kubeconfig"
AUTHORITY = "ca.crt"
_OUR_FILES = (
    KUBECONFIG,
    AUTHORITY,
    MARKER,
)  # the marker goes last: without it the rest would not be recognised
_STATE_STEP = "state directory"


@dataclass(frozen=True, slots=True)
class LabOwner:
    """A process, told apart from a later one with the same pid by its start and boot."""

    pid: int
    start_time: int
    boot_id: str

    def is_alive(self) -> bool:
        return self == process_owner(self.pid)


def process_owner(pid: int) -> LabOwner | None:
    """Return the identity of a running process, or None if there is no such process.

    A zombie counts as gone: it holds nothing any more.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return None if fields[0] in "ZX" else LabOwner(pid, int(fields[19]), boot_id)


class StateDir:
    """A state directory to be; it is reached by its parent's descriptor, whatever is mounted."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._parent = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def create(self, *, name: str, owner: LabOwner) -> None:
        """Make the directory and put the marker in it; FileExistsError if one is there."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.path.name, 0o700, dir_fd=self._parent)
        self.write(MARKER, json.dumps({"name": name, **asdict(owner)}) + "\n")

    def write(self, file: str, content: str) -> None:
        """Write a new file, readable by its owner only."""
        with self._opened() as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(file, flags, 0o600, dir_fd=folder)
            with os.fdopen(fd, "w", encoding="utf-8") as stream:
                stream.write(content)

    def remove(self, owner: LabOwner) -> None:
        """Remove a lab's files, and the directory unless somebody else put something there.

        Where the marker names another lab nothing is touched.
        """
        if self.marker() not in {owner, None}:
            return
        with contextlib.suppress(FileNotFoundError), self._opened() as folder:
            for file in _OUR_FILES:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file, dir_fd=folder)
        with contextlib.suppress(OSError):
            os.rmdir(self.path.name, dir_fd=self._parent)

    def marker(self) -> LabOwner | None:
        """Return who the marker names, or None where there is no marker of ours."""
        try:
            with self._opened() as folder:
                fd = os.open(MARKER, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder)
                with os.fdopen(fd, encoding="utf-8") as stream:
                    return _owner_in_marker(json.load(stream))
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Give up the descriptor of the parent directory."""
        os.close(self._parent)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(self.path.name, flags, dir_fd=self._parent)
        try:
            yield fd
        finally:
            os.close(fd)


def claim_state_dir(path: Path) -> StateDir:
    """Check that a lab may live in a directory, and clear away what dead labs left beside it.

    Raises StartError if the directory belongs to a living lab or holds other people's files.
    """
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        sweep_dead_labs(path.absolute().parent)
        state = StateDir(path)
        _refuse_foreign(state)
    except OSError as error:
        raise unusable_dir(path, error) from error
    return state


def unusable_dir(path: Path, error: OSError) -> StartError:
    """Say that a directory cannot be made or written to."""
    remedy = "choose a --state-dir that this user may write to and no other lab uses"
    return StartError(_STATE_STEP, f"{path}: {error.strerror}", remedy)


def _refuse_foreign(state: StateDir) -> None:
    owner = state.marker()
    if owner is not None:
        remedy = f"stop it (kill {owner.pid}) or choose another --state-dir"
        raise StartError(
            _STATE_STEP, f"{state.path} is in use by the lab with pid {owner.pid}", remedy
        )
    if state.path.exists() and any(state.path.iterdir()):
        remedy = "choose a --state-dir that is empty or does not exist"
        raise StartError(_STATE_STEP, f"{state.path} holds files that are not a lab's", remedy)


def sweep_dead_labs(parent: Path) -> None:
    """Remove the state directories in a folder whose lab no longer runs."""
    with os.scandir(parent) as entries:
        candidates = [entry.name for entry in entries if _may_be_ours(entry)]
    for name in candidates:
        state = StateDir(parent / name)
        owner = state.marker()
        if owner is not None and not owner.is_alive():
            state.remove(owner)
        state.close()


def _may_be_ours(entry: "os.DirEntry[str]") -> bool:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _owner_in_marker(data: Any) -> LabOwner | None:
    try:
        return LabOwner(int(data["pid"]), int(data["start_time"]), str(data["boot_id"]))
    except (KeyError, TypeError, ValueError):
        return None
