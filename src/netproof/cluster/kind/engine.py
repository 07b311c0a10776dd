"""Images of a container engine: pulled where it lacks them, named, saved, loaded.

What an engine has is not asked for anywhere: where there is no registry it has to do. A digest is
the registry's, which an engine knows of what it pulled itself, and not of what it built or loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from netproof.cluster.kind.commands import CREATE_TIMEOUT_S
from netproof.cluster.kind.machine import ASK_TIMEOUT_S, Tools
from netproof.cluster.kind.programs import call
from netproof.errors import ClusterError, UsageError

Say = Callable[[str], None]

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,254}(@sha256:[0-9a-f]{64})?", re.ASCII)
"""An image's name, as far as it matters that no option of an engine looks like one."""

_TAGS = {"podman": ("--multi-image-archive",)}
"""What makes an engine take several names for several images, and not for names of the first."""


@dataclass(frozen=True, slots=True)
class Held:
    """An image that an engine has: by which name, and what differs from what was asked for."""

    image: str
    source: str
    differs: str = ""

    @property
    def tag(self) -> str:
        """The name that an archive can keep: without a digest, and with a tag."""
        return tag_of(self.image)


def tag_of(image: str) -> str:
    """Return an image's name without its digest; one without a tag gets one of the digest."""
    name, at, digest = image.partition("@")
    tagged = ":" in name.rpartition("/")[2]
    return name if tagged or not at else f"{name}:{digest.removeprefix('sha256:')[:12]}"


def check_name(image: str, where: str) -> None:
    """Raise UsageError for what is no name of an image; `where` is where it is written."""
    if not _REFERENCE.fullmatch(image):
        raise UsageError(f"{where}: {image[:80]!r} is no name of an image")


def hold(tools: Tools, image: str, say: Say, *, exact: bool = False) -> Held:
    """Have the engine hold an image, pulled only where it is not there.

    An image that is named by a digest is there by this digest; where it is not and cannot be
    pulled, one of the same tag has to do, unless the digest has to be `exact`. Raises ClusterError
    with the engine's own words.
    """
    name, at, digest = image.partition("@")
    wanted = f"{untagged(name)}@{digest}" if at else image
    if _digests(tools, wanted) is not None:
        say(f"{tools.engine} has {image}")
        return Held(image, wanted)
    try:
        say(f"pulling {image}")
        what = f"pulling {image}"
        tools.run((tools.engine, "pull", image), what=what, timeout_s=CREATE_TIMEOUT_S)
    except ClusterError as error:
        there = _digests(tools, name) if at and not exact else None
        if there is None:
            raise
        known = ", ".join(sorted(one.rpartition("@")[2] for one in there))
        differs = (
            f"{name} is {tools.engine}'s own, with "
            f"{f'the digest {known}' if known else 'no digest of a registry'}, where {digest} is "
            "named"
        )
        say(f"{differs}; that one could not be had: {str(error).splitlines()[-1].strip()}")
        return Held(image, name, differs)
    return Held(image, wanted)


def has(tools: Tools, image: str) -> bool:
    """Tell whether the engine has an image by that very name."""
    return _digests(tools, image) is not None


def untagged(name: str) -> str:
    """Return an image's name without its tag; it has no digest."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def _digests(tools: Tools, image: str) -> tuple[str, ...] | None:
    """Return what registries call an image that the engine has, None where it has it not."""
    argv = (tools.engine, "image", "inspect", "--format", "{{json .RepoDigests}}", image)
    what = f"asking {tools.engine} for {image}"
    code, told, _ = call(argv, tools.environment, what=what, timeout_s=ASK_TIMEOUT_S)
    if code != 0:
        return None
    try:
        found = json.loads(told)
    except ValueError:
        return ()
    return tuple(str(one) for one in found or ())


def save(tools: Tools, held: Iterable[Held], archive: Path) -> None:
    """Write images into an archive (`docker save`), each by its tag."""
    listed = list(held)
    for one in listed:
        if one.source != one.tag:
            argv = (tools.engine, "tag", one.source, one.tag)
            tools.run(argv, what=f"naming {one.image}")
    names = dict.fromkeys(one.tag for one in listed)
    argv = (tools.engine, "save", *_TAGS.get(tools.engine, ()), "-o", str(archive), *names)
    tools.run(argv, what=f"saving {', '.join(names)}", timeout_s=CREATE_TIMEOUT_S)


def load(tools: Tools, archive: Path) -> None:
    """Give the engine the images of an archive."""
    argv = (tools.engine, "load", "-i", str(archive))
    tools.run(argv, what=f"loading {archive}", timeout_s=CREATE_TIMEOUT_S)
