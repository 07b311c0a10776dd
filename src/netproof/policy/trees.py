"""The files around a folder that is to be rendered, by their paths from the top of a repository.

An overlay uses a base beside it, so the tree is larger than what was named: it is the repository
that the folder lies in, else the folder that what was named may not lead out of. No link leads out
of it either.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from netproof.errors import PolicyError
from netproof.policy import revisions
from netproof.policy.limits import MAX_ALL_BYTES, MAX_BYTES, MAX_FOLDERS, refuse_more
from netproof.policy.sources import content, open_below, opened, parted

TOP = PurePosixPath(".")

_SPLIT = "render it yourself, and pipe that"


class Tree(Protocol):
    """Files by their paths, all of which lie below its top.

    `left` are the links that were not followed, each with why.
    """

    left: list[tuple[str, str]]

    def shown(self, path: PurePosixPath) -> str:
        """Return what people call a file or folder."""

    def inside(self, shown: str) -> PurePosixPath:
        """Return the path of what people call so."""

    def names(self, folder: PurePosixPath) -> tuple[str, ...]:
        """Return the names of a folder's files in order, none where there is no such folder."""

    def below(self, folder: PurePosixPath) -> Iterator[PurePosixPath]:
        """Yield the paths of all files below a folder."""

    def contents(self, paths: Iterable[PurePosixPath]) -> Iterator[tuple[PurePosixPath, bytes]]:
        """Yield the bytes of files; raise PolicyError for one that cannot be read."""


def joined(folder: PurePosixPath, path: str) -> PurePosixPath | None:
    """Return where a path from a folder leads, None where that is out of the tree."""
    if "\0" in path:
        return None
    whole = os.path.normpath(folder / path)
    return None if whole.startswith(("..", "/")) else PurePosixPath(whole)


class DiskTree:
    """The tree around a folder on the disk."""

    def __init__(self, folder: str) -> None:
        """Find the tree around a folder that was named; raise as reading it does."""
        self.left: list[tuple[str, str]] = []
        self._named: dict[PurePosixPath, tuple[str, ...]] = {}
        with opened(Path(folder)) as (_, real, home):
            tops = (one for one in (real, *real.parents) if (one / ".git").exists())
            self._top = next(tops, home)

    def shown(self, path: PurePosixPath) -> str:
        """Return it by its path from here, where it is below, or from a folder above."""
        whole = self._top / path
        near = os.path.relpath(whole, os.path.realpath("."))
        return str(whole) if near.startswith("../../..") else near

    def inside(self, shown: str) -> PurePosixPath:
        """Return the path of what people call so."""
        return PurePosixPath(os.path.relpath(os.path.realpath(shown), self._top))

    def names(self, folder: PurePosixPath) -> tuple[str, ...]:
        """Return the names of a folder's files, links to files of the tree among them."""
        if folder not in self._named:
            real = self._real(folder)
            found = sorted(one.name for one in real.iterdir()) if real and real.is_dir() else []
            self._named[folder] = tuple(one for one in found if self._is_file(folder / one))
        return self._named[folder]

    def below(self, folder: PurePosixPath) -> Iterator[PurePosixPath]:
        """Yield the paths of all files below a folder; no link to a folder is followed."""
        for where, folders, names in os.walk(self._top / folder):
            within = PurePosixPath(where).relative_to(self._top)
            deep = len(within.parts) - len(folder.parts)
            refuse_more(deep, MAX_FOLDERS, "folders in one another", self.shown(folder), _SPLIT)
            folders[:] = sorted(set(folders) - {".git"})
            for name in folders:
                if (self._top / within / name).is_symlink():
                    self._leave(within / name)
            for name in sorted(names):
                if self._is_file(within / name):
                    yield within / name
                else:
                    self._leave(within / name)

    def _leave(self, path: PurePosixPath) -> None:
        text = "is a link to a folder, to nowhere or out of the bundle, and not followed"
        self.left.append((self.shown(path), text))

    def contents(self, paths: Iterable[PurePosixPath]) -> Iterator[tuple[PurePosixPath, bytes]]:
        """Yield the bytes of files, opened so that none became a link since it was looked at."""
        top = os.open(self._top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for path in paths:
                yield path, self._content(path, top)
        finally:
            os.close(top)

    def _content(self, path: PurePosixPath, top: int) -> bytes:
        real = self._real(path)
        if real is None:
            raise PolicyError(self.shown(path), "is gone, or a link that leads elsewhere")
        descriptor = open_below(real.relative_to(self._top).parts, top, self.shown(path))
        try:
            return content(descriptor, self.shown(path))
        finally:
            os.close(descriptor)

    def _real(self, path: PurePosixPath) -> Path | None:
        try:
            real = Path(os.path.realpath(self._top / path, strict=True))
        except OSError:
            return None
        return real if real.is_relative_to(self._top) else None

    def _is_file(self, path: PurePosixPath) -> bool:
        real = self._real(path)
        return real is not None and stat.S_ISREG(real.lstat().st_mode)


class RevisionTree:
    """The tree of a revision of the repository here."""

    def __init__(self, source: str) -> None:
        """List the revision that `git:REVISION:PATH` names; raise UsageError as git cannot."""
        self._source = source
        self._revision, _ = parted(source)
        self._prefix, entries = revisions.every_entry(source, self._revision)
        self.left: list[tuple[str, str]] = []
        self._files = {PurePosixPath(one.path): one for one in entries if one.is_file}
        self._links = [PurePosixPath(one.path) for one in entries if one.is_link]
        self._names: dict[PurePosixPath, list[str]] = {}
        for path in sorted(self._files):
            self._names.setdefault(path.parent, []).append(path.name)

    def shown(self, path: PurePosixPath) -> str:
        """Return it as git calls it, from here."""
        return f"{self._revision}:{os.path.relpath(path, self._prefix or '.')}"

    def inside(self, shown: str) -> PurePosixPath:
        """Return the path of what people call so."""
        path = shown.removeprefix(f"{self._revision}:")
        return PurePosixPath(os.path.normpath(PurePosixPath(self._prefix) / path))

    def names(self, folder: PurePosixPath) -> tuple[str, ...]:
        """Return the names of a folder's files."""
        return tuple(self._names.get(folder, ()))

    def below(self, folder: PurePosixPath) -> Iterator[PurePosixPath]:
        """Yield the paths of all files below a folder."""
        links = (path for path in self._links if path.is_relative_to(folder))
        self.left += ((self.shown(path), "is a link, and not followed") for path in links)
        return (path for path in sorted(self._files) if path.is_relative_to(folder))

    def contents(self, paths: Iterable[PurePosixPath]) -> Iterator[tuple[PurePosixPath, bytes]]:
        """Yield the bytes of files, which are asked of git at once."""
        wanted = [self._files[path] for path in paths]
        for one in wanted:
            refuse_more(one.size, MAX_BYTES, "bytes", f"{self._revision}:{one.path}", _SPLIT)
        size = sum(one.size for one in wanted)
        refuse_more(size, MAX_ALL_BYTES, "bytes in all files", self._source, _SPLIT)
        named = revisions.contents(self._source, wanted)
        return ((PurePosixPath(one.path), data) for one, data in named)
