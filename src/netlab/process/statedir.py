"""A lab's state directory: how to reach the lab, whose it is, and how to end it.

A marker says which process the lab is; a socket beside it is the lab's bell, at which whoever may
enter the directory rings to end it. A directory whose lab is dead is removed by whoever starts
next. Files we did not write and labs that live are never touched, and what other users could have
written is never read. Must not know: namespaces, what the kubeconfig says.
"""

import contextlib
import json
import os
import re
import select
import socket
import stat
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from netlab.problems import StartError
from netlab.process import folders
from netlab.process.folders import STEP, Folder

MARKER = "netproof-lab.json"
KUBECONFIG = "kubeconfig"
AUTHORITY = "ca.crt"
BELL = "bell"
_OUR_FILES = (KUBECONFIG, AUTHORITY, BELL, MARKER)
"""The marker goes last: without it the rest would not be recognised."""

_MAX_MARKER = 4096
_MAX_PID = 2**22
_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
STOP_TIMEOUT_S = 10.0


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lab keeps its state: a directory, or one by the lab's name in the home of them all.

    A home is removed with its last lab, the folder around a directory is not.
    """

    path: Path
    in_home: bool = False

    def claim(self) -> "StateDir":
        """Check that a lab may live here, and clear away what dead labs left beside it.

        Raises StartError if the directory belongs to a living lab, holds other people's files, or
        could be another user's.
        """
        state = self._opened(make=True)
        assert state is not None, "what is missing is made"  # noqa: S101
        try:
            sweep_dead_labs(state.parent, self.path.parent)
            state.take()
        except StartError:
            state.leave()
            raise
        except OSError as error:
            state.leave()
            raise unusable_dir(self.path, error) from error
        return state

    def end_lab(self) -> bool:
        """End the lab that lives here and wait until it is gone; False where none does.

        Raises StartError where what is here is not a lab's of this user, or does not end.
        """
        state = self._opened(make=False)
        if state is None:
            return False
        try:
            return state.end_lab()
        finally:
            state.leave()

    def _opened(self, *, make: bool) -> "StateDir | None":
        name = self.path.name
        if name in {"", ".", ".."}:
            raise StartError(STEP, f"{self.path} names no folder", "choose another name")
        if not self.in_home:
            return StateDir(self.path, folders.open_parent(self.path.parent))
        home = folders.open_home(self.path.parent, make=make)
        return None if home is None else StateDir(self.path, home.fd, home)


class StateDir:
    """A state directory to be; it is reached by its parent's descriptor, whatever is mounted."""

    def __init__(self, path: Path, parent: int, home: Folder | None = None) -> None:
        """Know a directory by its parent, that was opened as `folders` does."""
        self.path = path.absolute()
        self.parent = parent
        self._home = home
        self._fd: int | None = None

    def take(self) -> None:
        """Hold the directory where there is one; raise StartError unless it is ours and empty."""
        self._fd = fd = folders.open_own(self.path.name, self.parent, self.path)
        if fd is None:
            return
        owner = read_marker(fd, self.path)
        if owner is not None:
            remedy = f"stop it (kill {owner.pid}) or choose another --state-dir"
            raise StartError(STEP, f"{self.path} is in use by the lab with pid {owner.pid}", remedy)
        if _names_in(fd):
            remedy = "choose a --state-dir that is empty or does not exist"
            raise StartError(STEP, f"{self.path} holds files that are not a lab's", remedy)

    def create(self, *, name: str, owner: LabOwner) -> socket.socket:
        """Make the directory, with the marker and the bell in it; return the bell.

        Raises FileExistsError where somebody was faster: only what we made, or saw to be ours and
        empty, is used.
        """
        if self._fd is None:
            os.mkdir(self.path.name, 0o700, dir_fd=self.parent)
            self._fd = os.open(self.path.name, _FOLDER_FLAGS, dir_fd=self.parent)
        self.write(MARKER, json.dumps({"name": name, **asdict(owner)}) + "\n")
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bell.bind(f"/proc/self/fd/{self._fd}/{BELL}")
        bell.listen()
        return bell

    def write(self, file: str, content: str) -> None:
        """Write a new file, readable by its owner only, into the directory that was created."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(file, flags, 0o600, dir_fd=self._fd)
        with os.fdopen(fd, "w", encoding="utf-8") as stream:
            stream.write(content)

    def remove(self, owner: LabOwner) -> None:
        """Remove a lab's files, and the directory unless somebody else put something there.

        Where the marker names another lab, or cannot be read, or somebody put something else in the
        directory's place, nothing is touched.
        """
        with contextlib.suppress(OSError, StartError):  # what cannot be opened is not ours any more
            self._remove_files(owner)
        if self._home is not None:
            self._home.remove_if_last()

    def _remove_files(self, owner: LabOwner) -> None:
        # Who owns it was seen when it was claimed; in the lab, users have other ids.
        folder = os.open(self.path.name, _FOLDER_FLAGS, dir_fd=self.parent)
        try:
            if read_marker(folder, self.path) in {owner, None}:
                for file in _OUR_FILES:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(file, dir_fd=folder)
                os.rmdir(self.path.name, dir_fd=self.parent)
        finally:
            os.close(folder)

    def end_lab(self) -> bool:
        """End the lab and wait until it is gone; return False where none lives here."""
        fd = folders.open_own(self.path.name, self.parent, self.path)
        if fd is None:
            return False
        try:
            owner = read_marker(fd, self.path)
            if owner is None:
                return False
            return _ring(fd, self.path, owner) or self._sweep(owner)
        finally:
            os.close(fd)

    def leave(self) -> None:
        """Give up all descriptors, and the home where nobody else is in it."""
        if self._fd is not None:
            os.close(self._fd)
        if self._home is None:
            os.close(self.parent)
            return
        self._home.remove_if_last()
        self._home.close()

    def _sweep(self, owner: LabOwner) -> bool:
        self.remove(owner)
        return False


def unusable_dir(path: Path, error: OSError) -> StartError:
    """Say that a directory cannot be made or written to."""
    remedy = "choose a --state-dir that this user may write to and no other lab uses"
    return StartError(STEP, f"{path}: {error.strerror}", remedy)


def sweep_dead_labs(parent: int, path: Path) -> None:
    """Remove the state directories in an open folder that are ours and whose lab no longer runs."""
    for name in _names_in(parent):
        with contextlib.suppress(StartError, OSError):  # not ours, or no lab's: not to be touched
            fd = folders.open_own(name, parent, path / name)
            if fd is None:
                continue
            try:
                owner = read_marker(fd, path / name)
            finally:
                os.close(fd)
            if owner is not None and not owner.is_alive():
                StateDir(path / name, parent).remove(owner)


def _names_in(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def read_marker(folder: int, path: Path) -> LabOwner | None:
    """Return who the marker in an open folder names, None where there is none.

    Raises StartError for what is no marker that a lab of this user wrote.
    """
    try:
        return _owner_in_marker(_plain_text(folder))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        fault = error.strerror if isinstance(error, OSError) else error
        remedy = "look at it, end the lab by hand if one runs, and remove the directory"
        raise StartError(STEP, f"{path / MARKER} is not a lab's: {fault}", remedy) from error


def _plain_text(folder: int) -> bytes:
    """Return what the marker holds; raise OSError or ValueError for what is no marker."""
    fd = os.open(MARKER, _FILE_FLAGS, dir_fd=folder)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise ValueError("it is no plain file")
        text = os.read(fd, _MAX_MARKER + 1)
    finally:
        os.close(fd)
    if len(text) > _MAX_MARKER:
        raise ValueError(f"it has more than {_MAX_MARKER} bytes")
    return text


def _owner_in_marker(text: bytes) -> LabOwner:
    """Decode a marker; raise ValueError or RecursionError."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - its reader wants one kind
    pid, start_time, boot_id = (data.get(key) for key in ("pid", "start_time", "boot_id"))
    if type(pid) is not int or not 1 < pid <= _MAX_PID:
        raise ValueError("`pid` is no process")
    if type(start_time) is not int or start_time < 0:
        raise ValueError("`start_time` is no time")
    if not isinstance(boot_id, str) or not _BOOT_ID.fullmatch(boot_id):
        raise ValueError("`boot_id` is no boot")
    return LabOwner(pid, start_time, boot_id)


def _ring(folder: int, path: Path, owner: LabOwner) -> bool:
    """Ring the bell of a lab and wait until it is gone; return False where it was dead before.

    The process is held by a descriptor before it is compared with the marker, and no process is
    ever signalled: it has to listen at the bell itself. Raises StartError.
    """
    try:
        pidfd = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        return False
    with contextlib.ExitStack() as held:
        held.callback(os.close, pidfd)
        if not owner.is_alive():
            return False
        bell = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        bell.settimeout(STOP_TIMEOUT_S)
        try:
            bell.connect(f"/proc/self/fd/{folder}/{BELL}")
        except OSError as error:
            raise _not_a_lab(path, owner, "does not listen at its bell") from error
        credentials = bell.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, uid, _ = struct.unpack("3i", credentials)
        if (pid, uid) != (owner.pid, os.geteuid()):
            raise _not_a_lab(path, owner, f"is not who listens at its bell (pid {pid}, uid {uid})")
        if not select.select([pidfd], [], [], STOP_TIMEOUT_S)[0]:
            hung = f"the lab in {path} did not end within {STOP_TIMEOUT_S:g} s"
            raise StartError("stop", hung, f"kill -KILL {owner.pid}")
    return True


def _not_a_lab(path: Path, owner: LabOwner, fault: str) -> StartError:
    remedy = "look at that process; where it is no lab, remove the directory"
    return StartError("stop", f"{path} names pid {owner.pid}, which {fault}", remedy)
