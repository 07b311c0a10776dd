"""Files as they are in a revision of the Git repository here, read as they were committed.

By plumbing that runs nothing: neither filters and conversions that attributes of a stranger's
commit ask for, nor hooks, monitors and helpers that a stranger's repository is configured with.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netproof.errors import UsageError
from netproof.policy.limits import GIT_S

_INERT = (
    *("--no-pager", "--no-replace-objects", "--no-optional-locks", "--literal-pathspecs"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.allow=never"),
)
"""A missing object is fetched from a remote otherwise, by whatever program its address names."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a link or a submodule of a revision; the path is from the current folder."""

    mode: str
    name: str
    size: int
    path: str

    @property
    def is_file(self) -> bool:
        """Tell a file from a link or a submodule."""
        return self.mode.startswith("100")

    @property
    def is_link(self) -> bool:
        """Tell whether it is a symbolic link, whose text is where it leads."""
        return self.mode == "120000"


def entries(source: str, revision: str, path: str) -> list[Entry]:
    """Return what is below a path in a revision; raise UsageError where git cannot tell."""
    return _listed(source, revision, "--", path.rstrip("/") or ".")


def every_entry(source: str, revision: str) -> tuple[str, list[Entry]]:
    """Return the path from the repository's top to here, and all of a revision, from its top."""
    prefix = _git(source, ("rev-parse", "--show-prefix")).decode("utf-8", "replace").strip()
    return prefix, _listed(source, "--full-tree", revision)


def contents(source: str, files: Sequence[Entry]) -> Iterator[tuple[Entry, bytes]]:
    """Yield the bytes of files."""
    asked = "".join(f"{one.name}\n" for one in files).encode()
    answer = _git(source, ("cat-file", "--batch"), asked) if files else b""
    at = 0
    for one in files:
        end = answer.find(b"\n", at)
        head = answer[at:end].split()
        if end < 0 or len(head) != 3 or head[1] != b"blob" or int(head[2]) != one.size:
            raise UsageError(f"{source}: git lacks the content of {one.path}; fetch it whole")
        yield one, answer[end + 1 : end + 1 + one.size]
        at = end + 1 + one.size + 1


def _listed(source: str, *words: str) -> list[Entry]:
    listed = _git(source, ("ls-tree", "-r", "-z", "-l", *words)).decode("utf-8", "replace")
    return [_entry(line) for line in listed.split("\0") if line]


def _entry(line: str) -> Entry:
    head, _, path = line.partition("\t")
    mode, _, name, size = head.split()
    return Entry(mode, name, int(size) if size.isdecimal() else 0, path)


def _git(source: str, words: Sequence[str], stdin: bytes = b"") -> bytes:
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", *_INERT, *words],
            input=stdin,
            capture_output=True,
            check=True,
            timeout=GIT_S,
            env=environment,
        )
    except FileNotFoundError as error:
        raise UsageError(f"{source}: git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{source}: git gave no answer in {GIT_S:.0f} s") from error
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise UsageError(f"{source}: {why[-1]}") from error
    return done.stdout
