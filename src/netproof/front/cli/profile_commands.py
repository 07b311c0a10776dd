"""`netproof profile ...`: CNI profiles, looked at, checked and pinned."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netproof.cluster.kind import clusterconfig, downloads, machine, needed, offline
from netproof.cluster.profiles import reading, versions
from netproof.cluster.profiles.profile import Profile
from netproof.errors import UsageError
from netproof.front import options, output
from netproof.report.text import counted

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add(commands: Commands) -> None:
    """Hang `netproof profile` and its actions into the parser."""
    parser = commands.add_parser("profile", help="the CNI profiles of kind clusters")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, text, run in (
        ("list", "list the profiles", _list),
        ("check", "check profiles and their kind configs", _check),
        ("pin", "write the checksums of all downloads into a profile", _pin),
        ("fetch", "download what a profile needs, for a machine without internet", _fetch),
        ("bundle", "put all that a run needs into one file, for --offline", _bundle),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("--cni-profiles", type=Path, default=reading.folder(), metavar="DIR")
        action.set_defaults(run=run)
        if name == "check":
            action.add_argument("names", nargs="*", metavar="NAME", help="default: all")
        if name in ("pin", "fetch", "bundle"):
            action.add_argument("name", metavar="NAME")
        if name in ("fetch", "bundle"):
            options.declare(action.add_argument, (options.CNI_WAY, options.NODE_IMAGE))
            action.add_argument("--probe-image", default=options.PROBE_IMAGE, metavar="IMAGE")
        if name == "fetch":
            action.add_argument("--images", action="store_true", help="list and save its images")
        if name == "bundle":
            action.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
        if name in ("pin", "fetch", "bundle"):
            action.add_argument("--downloads", type=Path, metavar="DIR", required=name == "fetch")
        if name in ("check", "fetch", "bundle"):
            options.declare(action.add_argument, (options.REQUIRE_VERIFIED,))


def _list(option: argparse.Namespace) -> int:
    for name in _names(option.cni_profiles):
        found = reading.load(name, option.cni_profiles)
        enforces = f"enforces ({found.denial})" if found.enforces else "enforces nothing"
        archived = "" if found.maintained else ", archived upstream"
        unpinned = sum(not artifact.sha256 for artifact in found.artifacts)
        pinned = f", {counted(unpinned, 'download')} without checksum" if unpinned else ""
        output.say(
            f"{name:12} {found.version:10} {enforces}{archived}{pinned}",
            f"{'':12} {found.verification}",
        )
    return 0


def _names(folder: Path) -> tuple[str, ...]:
    found = reading.names(folder)
    if not found:
        raise UsageError(f"{folder} holds no CNI profiles (NAME/profile.yaml)")
    return found


def _check(option: argparse.Namespace) -> int:
    for name in option.names or _names(option.cni_profiles):
        found = reading.load(name, option.cni_profiles)
        config = clusterconfig.read(found.kind_config)
        for family in (None, *found.families):
            fitted = clusterconfig.fitted(config, family) if family else config
            clusterconfig.check(fitted, found, found.kind_config)
        if option.require_verified:
            downloads.refuse_unverified(found)
            clusterconfig.refuse_unverified(config, found.kind_config)
        output.say(f"{name}: good")
    return 0


def _pin(option: argparse.Namespace) -> int:
    """Pin what has no checksum yet; a checksum that changed is told and never overwritten."""
    profile = reading.load(option.name, option.cni_profiles)
    get = downloads.from_folder(option.downloads) if option.downloads else downloads.fetch
    found = list(downloads.look_up_pins(profile, get))
    for pin in found:
        output.say(f"{_state(pin)}: {pin.artifact.url} {pin.sha256}")
    text = profile.file.read_text(encoding="utf-8")
    profile.file.write_text(downloads.with_pins(text, found), encoding="utf-8")
    return 1 if any(pin.changed for pin in found) else 0


def _state(pin: downloads.Pin) -> str:
    if pin.changed:
        return f"CHANGED (the profile says {pin.artifact.sha256})"
    return "pinned" if pin.new else "as declared"


def _fetch(option: argparse.Namespace) -> int:
    profile = versions.by_way(reading.load(option.name, option.cni_profiles), option.cni_way)
    try:
        option.downloads.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--downloads {option.downloads}: {error.strerror}") from error
    if option.require_verified:
        downloads.refuse_unverified(profile)
    for artifact in downloads.pinned_artifacts(profile):
        kept = downloads.kept(artifact, option.downloads)
        got = kept or downloads.download(artifact, option.downloads, downloads.fetch)
        output.say(f"{got.path} {got.sha256}{'' if got.verified else ' (unverified)'}")
    return _fetch_images(versions.choose(profile, ""), option) if option.images else 0


def _fetch_images(profile: Profile, option: argparse.Namespace) -> int:
    """List the images of a profile, the probe and kind, and save them where an engine answers."""
    with _tools(profile) as (tools, why):
        found = _needed(profile, option.downloads, tools, option)
        for image in (found.node, *found.pods, found.probe):
            output.say(f"image {image}")
        if tools is None:
            output.tell(f"the images are listed only: {why}")
            return 0
        exact = option.require_verified
        saved = offline.save_images(found, option.downloads, tools, output.tell, exact=exact)
    for archive in (offline.NODE_IMAGES, offline.POD_IMAGES):
        output.say(str(option.downloads / archive))
    output.say(f"then --node-image {saved.node_image}")
    return 0


def _needed(
    profile: Profile, folder: Path, tools: machine.Tools | None, option: argparse.Namespace
) -> needed.Needed:
    found = needed.images_of_run(profile, folder, tools, option.probe_image, option.node_image)
    if option.require_verified:
        needed.refuse_undigested(found)
    return found


def _bundle(option: argparse.Namespace) -> int:
    profile = versions.by_way(reading.load(option.name, option.cni_profiles), option.cni_way)
    if option.require_verified:
        downloads.refuse_unverified(profile)
    profile = versions.choose(profile, "")
    get = downloads.from_folder(option.downloads) if option.downloads else downloads.fetch
    with _tools(profile) as (tools, why):
        if tools is None:
            raise UsageError(f"a bundle holds images: {why}")
        folder = tools.home / offline.DOWNLOADS
        offline.fetch_into(profile, folder, get)
        found = _needed(profile, folder, tools, option)
        exact = option.require_verified
        saved = offline.save_images(found, folder, tools, output.tell, exact=exact)
        offline.pack(profile, found.probe, saved, folder, option.output)
    output.say(f"netproof test --cluster kind:{profile.name} --offline {option.output}")
    return 0


@contextmanager
def _tools(profile: Profile) -> Iterator[tuple[machine.Tools | None, str]]:
    """Have an engine with a folder of its own for as long as a block runs, or why there is none."""
    with tempfile.TemporaryDirectory(prefix=f"netproof-{profile.name}-") as home:
        try:
            found, why = machine.engine(Path(home)), ""
        except UsageError as error:
            found, why = None, str(error)
        yield found, why
