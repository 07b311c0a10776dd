"""What people name as a bundle -> texts: paths, `-` for what is piped in, `git:REVISION:PATH`.

The one place of this package that touches a disk or starts a process.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from netproof.errors import PolicyError, UsageError

SUFFIXES = (".yaml", ".yml", ".json")
"""The suffixes that `kubectl apply -f DIRECTORY` looks at."""

MAX_BYTES = 3 * 1024 * 1024
"""What the API server takes in one request (etcd takes half); a larger file is no manifest."""

STDIN = "-"
GIT = "git:"


def read_texts(
    sources: Iterable[str | Path], stdin: str | bytes | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every manifest file, directories recursively and in sorted order.

    `stdin` is the text that `-` stands for. Raises UsageError for a source that is not there or
    holds no manifest, PolicyError for a file that cannot be read as text.
    """
    for source in map(str, sources):
        if source == STDIN:
            if stdin is None:
                raise UsageError("- means standard input, and nothing is piped into this command")
            yield STDIN, decode(stdin, STDIN)
        elif source.startswith(GIT):
            yield from _revision(source)
        else:
            for file in _files(Path(source)):
                yield str(file), decode(_read(file), str(file))


def piped(sources: Iterable[str]) -> bytes | None:
    """Return what is piped into this process, if one of the sources is `-`; None else."""
    if STDIN not in sources or sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read()


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


def _files(path: Path) -> Iterator[Path]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a bundle that is there") from error
    if not stat.S_ISDIR(mode):
        yield path
        return
    files = sorted(_manifests(path))
    if not files:
        raise UsageError(f"{path}: holds no file that ends in {', '.join(SUFFIXES)}")
    yield from files


def _manifests(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder, onerror=_refuse):
        yield from (Path(where, name) for name in names if name.endswith(SUFFIXES))


def _refuse(error: OSError) -> None:
    raise PolicyError(str(error.filename), f"cannot be listed: {error.strerror}") from error


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PolicyError(str(path), "is no regular file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(str(path), f"cannot be read: {error.strerror}") from error


def _revision(source: str) -> list[tuple[str, str]]:
    """Return the manifests below a path as they are in a revision of the repository here."""
    revision, _, path = source.removeprefix(GIT).partition(":")
    if not revision or not path or revision.startswith("-"):
        raise UsageError(f"{source}: write git:REVISION:PATH, such as git:main:deploy/policies")
    command = ["git", "archive", "--format=tar", revision, "--", path]
    try:
        archive = subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError as error:
        raise UsageError(f"{source}: git is not installed") from error
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise UsageError(f"{source}: {why[-1]}") from error
    texts = sorted(_unpacked(archive, revision))
    if not texts:
        raise UsageError(f"{source}: holds no file that ends in {', '.join(SUFFIXES)}")
    return texts


def _unpacked(archive: bytes, revision: str) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            held = tar.extractfile(member) if member.isfile() else None
            if held is not None and member.name.endswith(SUFFIXES):
                name = f"{revision}:{member.name}"
                yield name, decode(held.read(), name)


def _at(name: str, raw: bytes, position: int) -> str:
    line = raw.count(b"\n", 0, position) + 1
    return f"{name}:{line}"
