"""What people name on the command line -> texts: paths, `-`, and `git:REVISION:PATH`."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from netproof.errors import UsageError
from netproof.policy.files import STDIN, SUFFIXES, decode, read_texts
from netproof.policy.mirror import Mirror, mirror_texts
from netproof.review.intents import read_intents_text

GIT = "git:"

Texts = list[tuple[str, str]]


def texts_of(sources: Sequence[str]) -> Texts:
    """Read all that some sources hold; raise UsageError or PolicyError where that cannot be."""
    found: Texts = []
    for source in sources:
        if source.startswith(GIT):
            found += _revision(source)
        else:
            found += read_texts([Path(source)], _piped(source))
    return found


def mirror_of(
    sources: Sequence[str], *, namespace: str = "", intents: Sequence[str] = ()
) -> Mirror:
    """Return the mirror of a bundle, with the intents of further files."""
    texts = texts_of(sources)
    known = {name for name, _ in texts}
    for name, text in texts_of(intents):
        read_intents_text(text, name)
        if name not in known:
            texts.append((name, text))
    return mirror_texts(texts, default_namespace=namespace)


def _piped(source: str) -> bytes | None:
    if source != STDIN:
        return None
    if sys.stdin.isatty():
        raise UsageError("- means standard input, and nothing is piped into this command")
    return sys.stdin.buffer.read()


def _revision(source: str) -> Texts:
    """Return the manifests below a path as they are in a revision of the repository here."""
    revision, _, path = source.removeprefix(GIT).partition(":")
    if not revision or not path or revision.startswith("-"):
        raise UsageError(f"{source}: write git:REVISION:PATH, such as git:main:deploy/policies")
    command = ["git", "archive", "--format=tar", revision, "--", path]
    try:
        told = subprocess.run(command, capture_output=True, check=True)
    except FileNotFoundError as error:
        raise UsageError(f"{source}: git is not installed") from error
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip().splitlines() or ["git failed"]
        raise UsageError(f"{source}: {why[-1]}") from error
    found = sorted(_unpacked(told.stdout, revision))
    if not found:
        raise UsageError(f"{source}: holds no file that ends in {', '.join(SUFFIXES)}")
    return found


def _unpacked(archive: bytes, revision: str) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            held = tar.extractfile(member) if member.isfile() else None
            if held is not None and member.name.endswith(SUFFIXES):
                name = f"{revision}:{member.name}"
                yield name, decode(held.read(), name)
