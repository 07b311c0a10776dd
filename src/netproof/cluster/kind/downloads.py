"""Getting what an installation needs, and refusing what is not what its profile says."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from netproof.cluster.profiles.profile import Artifact
from netproof.cluster.waiting import TRANSPORT
from netproof.errors import ClusterError, UsageError

TIMEOUT_S = 60.0
"""Without a byte; the largest artifact has some ten megabytes."""

Fetch = Callable[[str], bytes]


def fetch(url: str) -> bytes:
    """Return what is at an https address; raise ClusterError where it cannot be had."""
    try:
        return TRANSPORT.copy()(_read, url)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"{url} cannot be downloaded: {error}; without internet, put it into a folder and "
            "pass --downloads"
        ) from error


def _read(url: str) -> bytes:
    # Only https addresses come here: the profile's reader refuses others.
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310
        data: bytes = response.read()
    return data


def from_folder(folder: Path) -> Fetch:
    """Return a way to get artifacts from files that were downloaded before, by their names."""
    if not folder.is_dir():
        raise UsageError(f"--downloads {folder}: there is no such folder")

    def read(url: str) -> bytes:
        path = folder / file_name(url)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ClusterError(f"{path}: {error.strerror}; it is to be a copy of {url}") from error

    return read


def file_name(url: str) -> str:
    """Return what a download is called on disk."""
    return PurePosixPath(urlsplit(url).path).name


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file with its checksum; `verified` where the profile had told that checksum before."""

    path: Path
    sha256: str
    verified: bool


def download(artifact: Artifact, into: Path, get: Fetch) -> Downloaded:
    """Get an artifact into a folder; raise ClusterError where its checksum is not as declared."""
    data = get(artifact.url)
    digest = hashlib.sha256(data).hexdigest()
    if artifact.sha256 and digest != artifact.sha256:
        raise ClusterError(
            f"{artifact.url} has the checksum {digest}, its profile says {artifact.sha256}; "
            "nothing of it was used. Find out who changed it before you trust it"
        )
    path = into / file_name(artifact.url)
    path.write_bytes(data)
    return Downloaded(path, digest, bool(artifact.sha256))
