"""What people name as a bundle -> texts: paths, `-` for what is piped in, `git:REVISION:PATH`.

The one place of this package that touches a disk or starts a process. A bundle is a stranger's: no
link leads from it to other files, and nothing that is no file is opened.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from netproof.errors import PolicyError, UsageError
from netproof.model.review import Note
from netproof.policy import revisions
from netproof.policy.limits import MAX_ALL_BYTES, MAX_BYTES, MAX_FILES, MAX_FOLDERS, refuse_more

SUFFIXES = (".yaml", ".yml", ".json")
"""The suffixes that `kubectl apply -f DIRECTORY` looks at."""

STDIN = "-"
GIT = "git:"

LINK = "Link"
"""What a note is about that says of a link that it was not followed."""

_SPLIT = "name a part of it, or check that it is a bundle"
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


def read_texts(
    sources: Iterable[str | Path],
    stdin: str | bytes | None = None,
    notes: list[Note] | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every manifest file, directories recursively and in sorted order.

    `stdin` is the text that `-` stands for; what links lead to and is left out is told in `notes`,
    and refused without them. Raises UsageError for a source that is not there or holds no
    manifest, PolicyError for a file that cannot be read as text, and for too many.
    """
    reader = Reader(notes, stdin)
    for source in sources:
        yield from reader.texts(str(source))


def is_named(name: str, sources: Iterable[str]) -> bool:
    """Tell whether a text was named by itself, and not found in a folder that was."""
    return any(
        name == (source.removeprefix(GIT) if source.startswith(GIT) else str(Path(source)))
        for source in sources
    )


def piped(sources: Iterable[str]) -> bytes | None:
    """Return what is piped into this process, if one of the sources is `-`; None else."""
    if STDIN not in sources or sys.stdin is None or sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def decode(data: str | bytes, name: str) -> str:
    """Return the text of a file, without a byte order mark; raise PolicyError if it is none."""
    # A str may hold what a terminal could not decode; as bytes it fails below with a place.
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > MAX_BYTES:
        raise PolicyError(
            name,
            f"has more than the {MAX_BYTES} bytes that an API server takes at once; "
            "split it, or check that it is a manifest",
        )
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PolicyError(f"{name}:1", "is UTF-16; save it as UTF-8")
    if b"\0" in raw:
        raise PolicyError(_at(name, raw, raw.index(b"\0")), "holds a NUL byte, so it is no text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _at(name, raw, error.start)
        raise PolicyError(place, "is not UTF-8; save it as UTF-8, or check it is text") from error


Apart = Callable[[str, Sequence[str]], bool]
"""Is told of each folder, as it is shown, with the names of its files; whether it is left out."""


@dataclass(slots=True)
class Reader:
    """Reads one bundle; knows how much of it there was.

    `apart` tells which folders are left out, with all below them: they are not read as they are.
    """

    notes: list[Note] | None = None
    stdin: str | bytes | None = None
    apart: Apart = lambda _folder, _names: False
    files: int = 0
    size: int = 0

    def texts(self, source: str) -> Iterable[tuple[str, str]]:
        """Return (name, text) of every manifest file of one of the things that people name."""
        if source == STDIN:
            if self.stdin is None:
                raise UsageError("- means standard input, and nothing is piped into this command")
            return [(STDIN, self.taken(STDIN, self.stdin))]
        return self.revision(source) if source.startswith(GIT) else self.path(Path(source))

    def taken(self, name: str, data: str | bytes) -> str:
        """Return the text of a file, which counts."""
        text = decode(data, name)
        self.files += 1
        self.size += len(data)
        refuse_more(self.files, MAX_FILES, "files", name, _SPLIT)
        refuse_more(self.size, MAX_ALL_BYTES, "bytes in all files", name, _SPLIT)
        return text

    def revision(self, source: str) -> list[tuple[str, str]]:
        """Return the manifests below a path as they are in a revision of the repository here."""
        revision, path = parted(source)
        entries = revisions.entries(source, revision, path)
        texts = []
        apart = self._apart_of(revision, entries)
        wanted = [
            one
            for one in entries
            if one.path.endswith(SUFFIXES)
            and not any(above in apart for above in PurePosixPath(one.path).parents)
        ]
        for one in wanted:
            if one.is_link:
                self._leave_out(f"{revision}:{one.path}", "is a link, and not followed")
        blobs = [one for one in wanted if one.is_file]
        self._foresee(source, blobs)
        for one, data in revisions.contents(source, blobs):
            name = f"{revision}:{one.path}"
            texts.append((name, self.taken(name, data)))
        if not texts and not apart:
            raise UsageError(f"{source}: holds no file that ends in {', '.join(SUFFIXES)}")
        return sorted(texts)

    def _apart_of(self, revision: str, entries: Iterable[revisions.Entry]) -> set[PurePosixPath]:
        """Return the folders of a revision that are left out, of those in one another the outer."""
        names: dict[PurePosixPath, list[str]] = {}
        for one in entries:
            path = PurePosixPath(one.path)
            if one.is_file:
                names.setdefault(path.parent, []).append(path.name)
        found: set[PurePosixPath] = set()
        for folder, held in sorted(names.items()):
            inner = any(above in found for above in folder.parents)
            if not inner and self.apart(f"{revision}:{folder}", held):
                found.add(folder)
        return found

    def path(self, path: Path) -> Iterator[tuple[str, str]]:
        """Yield the manifests of a file or a folder."""
        with opened(path) as (descriptor, real, _):
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                yield str(path), self.taken(str(path), content(descriptor, str(path)))
                return
            apart: list[str] = []
            found = sorted(self._below(descriptor, real, path, apart))
        if not found and not apart:
            raise UsageError(f"{path}: holds no file that ends in {', '.join(SUFFIXES)}")
        yield from ((str(file), text) for file, text in found)

    def _below(
        self, root: int, real: Path, shown: Path, apart: list[str]
    ) -> Iterator[tuple[Path, str]]:
        """Yield the manifests of a folder that is open; what is a link stays behind or inside."""
        for where, folders, names, descriptor in os.fwalk(".", dir_fd=root, onerror=_refuse):
            within = Path(where)
            refuse_more(
                len(within.parts), MAX_FOLDERS, "folders in one another", str(shown), _SPLIT
            )
            if self.apart(str(shown / within), sorted(names)):
                apart.append(str(shown / within))
                folders.clear()
                continue
            folders.sort()
            for name in folders:
                if _is_link(name, descriptor):
                    self._leave_out(
                        str(shown / within / name),
                        "is a link to a folder, and not "
                        "followed; what lies in the bundle is read where it lies",
                    )
            for name in sorted(names):
                if name.endswith(SUFFIXES):
                    file = shown / within / name
                    data = self._file(name, descriptor, root, real / within / name, real, file)
                    if data is not None:
                        yield file, self.taken(str(file), data)

    def _file(
        self, name: str, descriptor: int, root: int, place: Path, real: Path, shown: Path
    ) -> bytes | None:
        if not _is_link(name, descriptor):
            return _read((name,), descriptor, str(shown))
        try:
            target = Path(os.path.realpath(place, strict=True))
        except OSError as error:
            self._leave_out(str(shown), f"is a link that leads nowhere: {error.strerror}")
            return None
        if not target.is_relative_to(real):
            self._leave_out(str(shown), "is a link that leads out of the bundle, and not followed")
            return None
        return _read(target.relative_to(real).parts, root, str(shown))

    def _leave_out(self, place: str, text: str) -> None:
        if self.notes is None:
            raise PolicyError(place, text)
        self.notes.append(Note(LINK, place, text))

    def _foresee(self, source: str, blobs: list[revisions.Entry]) -> None:
        """Refuse what is too much before git writes it."""
        refuse_more(self.files + len(blobs), MAX_FILES, "files", source, _SPLIT)
        for one in blobs:
            refuse_more(one.size, MAX_BYTES, "bytes", f"{source}: {one.path}", _SPLIT)
        total = self.size + sum(one.size for one in blobs)
        refuse_more(total, MAX_ALL_BYTES, "bytes in all files", source, _SPLIT)


def parted(source: str) -> tuple[str, str]:
    """Return the revision and the path of `git:REVISION:PATH`; raise UsageError for another."""
    revision, _, path = source.removeprefix(GIT).partition(":")
    if not revision or not path or revision.startswith("-"):
        raise UsageError(f"{source}: write git:REVISION:PATH, such as git:main:deploy/policies")
    return revision, path


@contextmanager
def opened(path: Path) -> Iterator[tuple[int, Path, Path]]:
    """Open what was named, and give its real path; no link on the way leads out of its folder.

    For a path from here that is the current folder (or the one that `..` goes up to), for one from
    the root the folder that holds it; it comes last of what is given.
    """
    try:
        real = Path(os.path.realpath(path, strict=True))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a bundle that is there") from error
    home = path.parent if path.is_absolute() else Path(*[p for p in path.parts if p == ".."])
    within = Path(os.path.realpath(home))
    if str(path).startswith(("/dev/", "/proc/")):
        raise UsageError(f"{path}: is no file of a bundle; write - for what is piped in")
    if not real.is_relative_to(within):
        raise UsageError(f"{path}: a link leads out of {within}; name {real} if that is meant")
    base = os.open(within, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        descriptor = open_below(real.relative_to(within).parts, base, str(path))
    finally:
        os.close(base)
    try:
        yield descriptor, real, within
    finally:
        os.close(descriptor)


def open_below(parts: tuple[str, ...], folder: int, shown: str) -> int:
    """Open what lies below a folder; what became a link since it was looked at is refused."""
    current = os.dup(folder)
    for number, part in enumerate(parts, 1):
        try:
            below = _below(part, current, last=number == len(parts))
        except OSError as error:
            raise PolicyError(shown, f"cannot be read: {error.strerror}") from error
        finally:
            os.close(current)
        if below is None:
            raise PolicyError(shown, "is no regular file")
        current = below
    return current


def _below(part: str, folder: int, *, last: bool) -> int | None:
    """Open what lies in a folder; None for what is neither file nor folder, which may wait."""
    mode = os.lstat(part, dir_fd=folder).st_mode
    if last and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return None
    return os.open(part, _FILE if last else _FOLDER, dir_fd=folder)


def _read(parts: tuple[str, ...], folder: int, shown: str) -> bytes:
    descriptor = open_below(parts, folder, shown)
    try:
        return content(descriptor, shown)
    finally:
        os.close(descriptor)


def content(descriptor: int, shown: str) -> bytes:
    """Return the bytes of an open file, one more than there may be of one that has too many."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise PolicyError(shown, "is no regular file")
    try:
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(shown, f"cannot be read: {error.strerror}") from error


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)
    except OSError:
        return False  # it is gone, which reading it tells


def _refuse(error: OSError) -> None:
    raise PolicyError(str(error.filename), f"cannot be listed: {error.strerror}") from error


def _at(name: str, raw: bytes, position: int) -> str:
    line = raw.count(b"\n", 0, position) + 1
    return f"{name}:{line}"
