"""Writing the checksums of what a profile downloads into the profile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netproof.cluster.kind import versions
from netproof.cluster.kind.downloads import Fetch
from netproof.cluster.profiles.profile import Artifact, Profile


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


def artifacts(profile: Profile) -> tuple[Artifact, ...]:
    """Return what the profile's own version downloads."""
    return versions.choose(profile, "").artifacts


def look(profile: Profile, get: Fetch) -> Iterator[Pin]:
    """Download everything that the profile's own version needs; yield each with its checksum."""
    for artifact in artifacts(profile):
        yield Pin(artifact, hashlib.sha256(get(artifact.url)).hexdigest())


def written(text: str, pins: Iterable[Pin]) -> str:
    """Return the profile's text with `sha256` where it said `unverified`; the rest stays."""
    lines = text.splitlines(keepends=True)
    for pin in pins:
        if pin.new:
            line = lines[pin.artifact.line - 1]
            indent = line[: len(line) - len(line.lstrip())]
            lines[pin.artifact.line - 1] = f"{indent}sha256: {pin.sha256}\n"
    return "".join(lines)
