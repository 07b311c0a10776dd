"""Getting what an installation needs: refused where it is not what its profile says, or pinned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from netproof.cluster.api.dialling import keep_limits
from netproof.cluster.profiles import versions
from netproof.cluster.profiles.profile import Artifact, Profile
from netproof.errors import ClusterError, UsageError
from netproof.timelimit import at_most, left, within

DOWNLOAD_S = 300.0
"""For one download with all its tries; the largest artifact has some ten megabytes."""


class _TimelyRetry(urllib3.Retry):
    """Pauses within the time that is left."""

    def get_backoff_time(self) -> float:
        return at_most(super().get_backoff_time())


RETRIES = _TimelyRetry(
    total=4,
    backoff_factor=0.5,
    backoff_max=8.0,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=("GET",),
    raise_on_status=False,
    respect_retry_after_header=False,
)
"""Refused connections, bodies that break off and servers that are busy: five tries in about 8 s."""

Fetch = Callable[[str], bytes]


def fetch(url: str, *, retries: urllib3.Retry = RETRIES, timeout_s: float = DOWNLOAD_S) -> bytes:
    """Return what is at an https address; raise ClusterError where it cannot be had whole.

    `timeout_s` is for all of it.
    """
    try:
        with within(timeout_s), keep_limits(_pool(url)) as pool:
            timeout = urllib3.Timeout(total=left())
            answer = pool.request("GET", url, timeout=timeout, retries=retries)
        wrong = _wrong(url, answer)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _failure(url, _innermost(error)) from error
    if wrong:
        raise _failure(url, wrong)
    return answer.data


def _pool(url: str) -> urllib3.PoolManager:
    """Return connections by the proxy that the environment names for an address, if it does."""
    there = urlsplit(url)
    if not there.scheme:
        raise ValueError("it is no address")
    proxy = getproxies().get(there.scheme)
    if proxy and not proxy_bypass(there.hostname or ""):
        return urllib3.ProxyManager(proxy if "://" in proxy else f"http://{proxy}")
    return urllib3.PoolManager()


def _wrong(url: str, answer: urllib3.BaseHTTPResponse) -> str:
    """Tell what is wrong with an answer, "" where nothing is."""
    last = answer.geturl() or url
    if url.startswith("https:") and urlsplit(last).scheme not in ("", "https"):
        return f"it leads to {last}, which is no https address"
    return "" if answer.status == 200 else f"HTTP status {answer.status} {answer.reason or ''}"


def _failure(url: str, why: str) -> ClusterError:
    return ClusterError(
        f"{url} cannot be downloaded: {why.strip()}; without internet, put it into a folder and "
        "pass --downloads"
    )


def _innermost(error: BaseException) -> str:
    cause = getattr(error, "reason", None)
    return _innermost(cause) if isinstance(cause, BaseException) else str(error)


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


def refuse_unverified(profile: Profile) -> None:
    """Raise UsageError with place and reason of each download that has no checksum."""
    listed = [
        f"{profile.file}:{one.line}: {one.url} has no checksum ({one.unverified})"
        for one in profile.artifacts
        if not one.sha256
    ]
    remedy = (
        "--require-verified: look at what is there, and have `netproof profile pin "
        f"{profile.name}` write its checksum into a profile that names this version"
    )
    if listed:
        raise UsageError("\n".join((*listed, remedy)))


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


def kept(artifact: Artifact, folder: Path) -> Downloaded | None:
    """Return an artifact that a folder has, by its declared checksum, None where it has it not."""
    path = folder / file_name(artifact.url)
    if not artifact.sha256 or not path.is_file():
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Downloaded(path, digest, verified=True) if digest == artifact.sha256 else None


@dataclass(frozen=True, slots=True)
class Pin:
    """What an artifact's checksum was found to be, and whether the profile said otherwise."""

    artifact: Artifact
    sha256: str

    @property
    def changed(self) -> bool:
        """Tell whether the profile declares another checksum."""
        return bool(self.artifact.sha256) and self.artifact.sha256 != self.sha256

    @property
    def new(self) -> bool:
        """Tell whether the profile declares no checksum."""
        return not self.artifact.sha256


def pinned_artifacts(profile: Profile) -> tuple[Artifact, ...]:
    """Return what the profile's own version downloads."""
    return versions.choose(profile, "").artifacts


def look_up_pins(profile: Profile, get: Fetch) -> Iterator[Pin]:
    """Download everything that the profile's own version needs; yield each with its checksum."""
    for artifact in pinned_artifacts(profile):
        yield Pin(artifact, hashlib.sha256(get(artifact.url)).hexdigest())


def with_pins(text: str, pins: Iterable[Pin]) -> str:
    """Return the profile's text with `sha256` where it said `unverified`; the rest stays."""
    lines = text.splitlines(keepends=True)
    for pin in pins:
        if pin.new:
            line = lines[pin.artifact.line - 1]
            indent = line[: len(line) - len(line.lstrip())]
            lines[pin.artifact.line - 1] = f"{indent}sha256: {pin.sha256}\n"
    return "".join(lines)
