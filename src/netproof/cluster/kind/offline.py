"""All that a run on kind needs, in one file: made with internet, used without.

The file is a tar of regular files: `bundle.json` names the CNI, the images and the checksum of
each of the others, which are the profile's folder, its downloads, and two archives of images. A
file that is not listed, or is not as listed, is refused before anything of it is used.

An archive keeps no digest. A node image goes by its tag, and where a manifest names an image by its
digest, the nodes are told that name of it too.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

import netproof
from netproof.cluster.kind import engine, images
from netproof.cluster.kind.downloads import Fetch, download
from netproof.cluster.kind.machine import Tools
from netproof.cluster.kind.needed import Needed
from netproof.cluster.profiles.profile import Profile
from netproof.cluster.profiles.reading import FILE
from netproof.errors import UsageError
from netproof.model.value import Value

SCHEMA = "netproof.offline/v1"

LISTING = "bundle.json"
DOWNLOADS, PROFILES = "downloads", "profiles"
POD_IMAGES, NODE_IMAGES = "images.tar", "nodes.tar"

CHUNK = 1024 * 1024


class OfflineBundle(Value):
    """What a file for a run without internet says of itself; `files` are checksums by path.

    `netproof` is the version that made it. `aliases` are names with digests, by the tags of the
    images in the archive; `differs` says which images are not those that the profile names.
    """

    cni: str
    version: str
    netproof: str
    node_image: str
    probe_image: str
    files: Mapping[str, str]
    way: str = ""
    aliases: Mapping[str, str] = {}
    differs: tuple[str, ...] = ()
    schema: str = SCHEMA


class _Heading(msgspec.Struct):
    """What every version of such a file says."""

    schema: str
    netproof: str = "of before that was told"


class Saved(Value):
    """What two archives of images hold: the node image's tag, and see `OfflineBundle`."""

    node_image: str
    aliases: Mapping[str, str]
    differs: tuple[str, ...]


def save_images(
    needed: Needed, folder: Path, tools: Tools, say: engine.Say, *, exact: bool = False
) -> Saved:
    """Have the engine hold all images and save them into two archives.

    With `exact` an image of another digest than the one named will not do. Raises ClusterError
    with the engine's own words.
    """
    node, *pods = (
        engine.hold(tools, image, say, exact=exact)
        for image in dict.fromkeys((needed.node, *needed.pods, needed.probe))
    )
    engine.save(tools, [node], folder / NODE_IMAGES)
    engine.save(tools, pods, folder / POD_IMAGES)
    aliases = {by_digest(one.image): images.spelled(one.tag) for one in pods if "@" in one.image}
    differs = tuple(one.differs for one in (node, *pods) if one.differs)
    return Saved(node.tag, aliases, differs)


def by_digest(image: str) -> str:
    """Return the name under which a node looks for an image that is named by its digest."""
    name, _, digest = images.spelled(image).partition("@")
    return f"{engine.untagged(name)}@{digest}"


def pack(profile: Profile, probe_image: str, saved: Saved, folder: Path, target: Path) -> None:
    """Write the file for runs without internet; it is there whole or not at all.

    `folder` holds the downloads and the images.
    """
    listed = {
        **{f"{PROFILES}/{profile.name}/{p.name}": p for p in sorted(profile.file.parent.iterdir())},
        **{f"{DOWNLOADS}/{p.name}": p for p in sorted(folder.iterdir())},
    }
    files = {name: path for name, path in listed.items() if path.is_file()}
    about = OfflineBundle(
        cni=profile.name,
        version=profile.version,
        netproof=netproof.__version__,
        node_image=saved.node_image,
        probe_image=probe_image,
        files={name: _sum(path) for name, path in files.items()},
        way=next(iter(profile.ways), ""),
        aliases=saved.aliases,
        differs=saved.differs,
    )
    listing = folder.parent / LISTING
    listing.write_bytes(msgspec.json.format(msgspec.json.encode(about), indent=2))
    part = target.with_name(f"{target.name}.part")
    try:
        # A link in the profile's folder is what it leads to.
        with tarfile.open(part, "w", dereference=True) as archive:
            for name, path in {LISTING: listing, **files}.items():
                archive.add(path, name, recursive=False)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{target}: {error.strerror}") from error


def fetch_into(profile: Profile, folder: Path, get: Fetch) -> None:
    """Fill a new folder with what a profile downloads."""
    folder.mkdir()
    for artifact in profile.artifacts:
        download(artifact, folder, get)


def unpack(bundle: Path, into: Path) -> OfflineBundle:
    """Take a file apart into a folder; raise UsageError where it is not what it says it is."""
    try:
        # No compression: what comes out is no more than what is there.
        with tarfile.open(bundle, "r:") as archive:
            members = {member.name: member for member in archive.getmembers()}
            about = _about(_content(archive, members), bundle)
            for name, wanted in about.files.items():
                if not (_is_plain(name) and _is_file(members.get(name))):
                    raise UsageError(f"{bundle}: {name!r} is not a file in it")
                _take(archive, members[name], into / name)
                if _sum(into / name) != wanted:
                    raise UsageError(f"{bundle}: {name} is not what {LISTING} says; make it anew")
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise UsageError(
            f"{bundle} cannot be unpacked, so it is cut short or no such file: {error}"
        ) from error
    _check_whole(about, bundle, into)
    return about


def _content(archive: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> bytes:
    listing = members.get(LISTING)
    if listing is None or not _is_file(listing) or listing.size > images.MAX_LISTING:
        return b""
    content = archive.extractfile(listing)
    return content.read() if content else b""


def _is_file(member: tarfile.TarInfo | None) -> bool:
    """Tell whether a member is a file that holds as much as it says."""
    return member is not None and member.isreg() and not member.issparse()


def _about(content: bytes, bundle: Path) -> OfflineBundle:
    try:
        heading = msgspec.json.decode(content, type=_Heading)
        if heading.schema == SCHEMA:
            return msgspec.json.decode(content, type=OfflineBundle)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{bundle} is none of `netproof profile bundle`: {LISTING}: {error}"
        ) from error
    raise UsageError(
        f"{bundle} was made by netproof {heading.netproof} as {heading.schema}; this is netproof "
        f"{netproof.__version__}, which reads {SCHEMA}: make it anew with this one"
    )


def _check_whole(about: OfflineBundle, bundle: Path, folder: Path) -> None:
    """Raise UsageError where something is missing that a run cannot do without."""
    profile = f"{PROFILES}/{about.cni}/{FILE}"
    for name in (profile, f"{DOWNLOADS}/{NODE_IMAGES}", f"{DOWNLOADS}/{POD_IMAGES}"):
        if name not in about.files:
            raise UsageError(f"{bundle} has no {name}; make it anew")
    nodes = folder / DOWNLOADS / NODE_IMAGES
    engine.check_name(about.node_image, str(bundle))
    if images.spelled(about.node_image) not in images.archived(nodes):
        raise UsageError(f"{bundle}: its {NODE_IMAGES} has no {about.node_image}; make it anew")


def _is_plain(name: str) -> bool:
    """Tell whether a name leads nowhere but into one of the folders that there are."""
    parts = name.split("/")
    depth = {DOWNLOADS: 2, PROFILES: 3}.get(parts[0], 0)
    plain = name.isprintable() and not any(part in ("", ".", "..") for part in parts)
    return len(parts) == depth and plain


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    if content is not None:
        with path.open("wb") as file:
            shutil.copyfileobj(content, file, CHUNK)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
