"""Paths -> texts: the one place of this package that touches a disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from netproof.errors import PolicyError, UsageError

SUFFIXES = (".yaml", ".yml", ".json")
"""The suffixes that `kubectl apply -f DIRECTORY` looks at."""

MAX_BYTES = 3 * 1024 * 1024
"""What the API server takes in one request (etcd takes half); a larger file is no manifest."""

STDIN = "-"


def read_texts(paths: Sequence[Path], stdin: str | bytes | None) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every manifest file, directories recursively and in sorted order.

    Raises UsageError for a path that is not there or holds no manifest, PolicyError for a file
    that cannot be read as text.
    """
    for path in paths:
        if str(path) == STDIN:
            if stdin is None:
                raise UsageError("- means standard input, and nothing is piped into this command")
            yield STDIN, decode(stdin, STDIN)
        else:
            for file in _files(path):
                yield str(file), decode(_read(file), str(file))


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
    found = sorted(_manifests(path))
    if not found:
        raise UsageError(f"{path}: holds no file that ends in {', '.join(SUFFIXES)}")
    yield from found


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


def _at(name: str, raw: bytes, position: int) -> str:
    line = raw.count(b"\n", 0, position) + 1
    return f"{name}:{line}"
