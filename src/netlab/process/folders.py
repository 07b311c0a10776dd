"""Folders that no other user has a hand in, opened step by step from the root and held open.

A folder is reached by descriptors: each step is opened in the one before, follows no link of
anybody else, and leads through folders only in which nobody else can rename what is ours. The last
one is this user's alone. Whatever is not is refused with the remedy; what is missing is made.
Must not know: what is kept in a folder.
"""

import contextlib
import fcntl
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from netlab.problems import StartError

STEP = "state directory"
_STEP_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST_LINKS = 40
_ELSEWHERE = "name a folder of your own by TMPDIR or XDG_RUNTIME_DIR"


@dataclass(frozen=True, slots=True)
class Folder:
    """An open folder, its path, and the one above it, so that it can be removed again."""

    path: Path
    fd: int
    above: int

    def close(self) -> None:
        """Give up both descriptors, and the claim with them."""
        os.close(self.fd)
        os.close(self.above)

    def remove_if_last(self) -> None:
        """Remove an empty folder, unless somebody else has claimed it as well."""
        with contextlib.suppress(OSError):
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rmdir(self.path.name, dir_fd=self.above)


def open_parent(path: Path) -> int:
    """Open a folder in which this user can keep another, made where it is missing.

    Raises StartError where somebody else could put theirs in the place of ours.
    """
    steps = _walk(path.absolute(), make=True)
    try:
        return os.open(".", _READ_FLAGS, dir_fd=steps)
    except OSError as error:
        raise _unusable(path, error) from error
    finally:
        os.close(steps)


def open_home(path: Path, *, make: bool = True) -> Folder | None:
    """Open and claim the folder of all labs of this user; None where there is none to be made.

    As long as somebody claims it, it is not removed. Raises StartError where it is not ours alone.
    """
    path = path.absolute()
    while True:
        above = _walk(path.parent, make=make)
        fd = open_own(path.name, above, path, make=make)
        if fd is None:
            os.close(above)
            return None
        fcntl.flock(fd, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            there = os.stat(path.name, dir_fd=above, follow_symlinks=False)
            if os.path.samestat(there, os.fstat(fd)):
                return Folder(path, fd, above)
        os.close(fd)  # the last lab has removed it in the meantime
        os.close(above)


def open_own(name: str, above: int, path: Path, *, make: bool = False) -> int | None:
    """Open a folder that belongs to this user and nobody else, None where there is none.

    Raises StartError for a link, for another user's, and for one that others may look into.
    """
    try:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=above)
        fd = os.open(name, _READ_FLAGS, dir_fd=above)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_ours(path, name, above, error) from error
    try:
        _require_ours(path, os.fstat(fd))
    except StartError:
        os.close(fd)
        raise
    return fd


def _require_ours(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise _refusal(path, f"belongs to {_user(status.st_uid)}", _ELSEWHERE)
    if status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        remedy = f"remove it, or take the others' rights away: chmod 700 {path}"
        raise _refusal(path, f"is open to other users (mode {mode:04o})", remedy)


def _walk(path: Path, *, make: bool) -> int:
    """Open a folder from the root on, each step in the one before; raise StartError."""
    here = os.open("/", _STEP_FLAGS)
    trusted = {0, os.geteuid(), os.fstat(here).st_uid}  # whoever owns the root can do all anyway
    ahead, passed, links = list(reversed(path.parts[1:])), Path("/"), 0
    try:
        _require_safe(passed, os.fstat(here), trusted)
        while ahead:
            name = ahead.pop()
            target = _link_target(here, name, passed / name, trusted)
            if target is None:
                passed, following = passed / name, _step(here, name, passed / name, make=make)
                os.close(here)
                here = following
                _require_safe(passed, os.fstat(here), trusted)
                continue
            links = _one_more(links, path)
            ahead.extend(part for part in reversed(target.parts) if part != "/")
            if target.is_absolute():
                os.close(here)
                here, passed = os.open("/", _STEP_FLAGS), Path("/")
    except BaseException:
        os.close(here)
        raise
    return here


def _one_more(links: int, path: Path) -> int:
    if links == _MOST_LINKS:
        raise _refusal(path, "leads through too many links", _ELSEWHERE)
    return links + 1


def _step(here: int, name: str, path: Path, *, make: bool) -> int:
    try:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=here)
        return os.open(name, _STEP_FLAGS, dir_fd=here)
    except OSError as error:
        raise _unusable(path, error) from error


def _link_target(here: int, name: str, path: Path, trusted: set[int]) -> Path | None:
    """Return where a link leads, None for what is no link; raise StartError for a stranger's."""
    try:
        status = os.stat(name, dir_fd=here, follow_symlinks=False)
    except OSError:
        return None  # the step itself says what is wrong
    if not stat.S_ISLNK(status.st_mode):
        return None
    if status.st_uid not in trusted:
        raise _refusal(path, f"is a link that {_user(status.st_uid)} made", _ELSEWHERE)
    return Path(os.readlink(name, dir_fd=here))


def _require_safe(path: Path, status: os.stat_result, trusted: set[int]) -> None:
    """Raise StartError for a folder in which somebody else may rename what is ours."""
    if status.st_uid not in trusted:
        raise _refusal(path, f"belongs to {_user(status.st_uid)}", _ELSEWHERE)
    if status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX:
        remedy = f"chmod +t or chmod go-w {path}, or {_ELSEWHERE}"
        mode = stat.S_IMODE(status.st_mode)
        raise _refusal(path, f"lets others rename what is in it (mode {mode:04o})", remedy)


def _refusal(path: Path, fault: str, remedy: str) -> StartError:
    return StartError(STEP, f"{path} {fault}", remedy)


def _unusable(path: Path, error: OSError) -> StartError:
    remedy = f"choose one that this user may make, or {_ELSEWHERE}"
    return StartError(STEP, f"{path}: {error.strerror}", remedy)


def _not_ours(path: Path, name: str, above: int, error: OSError) -> StartError:
    """Say whose a folder is that cannot be opened, else what went wrong."""
    with contextlib.suppress(OSError):
        status = os.stat(name, dir_fd=above, follow_symlinks=False)
        if status.st_uid != os.geteuid():
            return _refusal(path, f"belongs to {_user(status.st_uid)}", _ELSEWHERE)
        if not stat.S_ISDIR(status.st_mode):
            return _refusal(path, "is a link or a file, no folder", f"remove it, or {_ELSEWHERE}")
    return _unusable(path, error)


def _user(uid: int) -> str:
    return f"another user (uid {uid})"
