"""All that a run on kind needs, in one file: made with internet, used without.

The file is a tar of regular files: `bundle.json` names the CNI, the images and the checksum of
each of the others, which are the profile's folder, its downloads, and two archives of images. A
file that is not listed, or is not as listed, is refused before anything of it is used.

A node image goes by its tag: an image that an engine loads from an archive has no digest there.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from netproof.cluster.kind import clusterconfig, images
from netproof.cluster.kind.commands import CREATE_TIMEOUT_S
from netproof.cluster.kind.downloads import Fetch, download, file_name
from netproof.cluster.kind.machine import Tools
from netproof.cluster.profiles import versions
from netproof.cluster.profiles.profile import (
    ChartStep,
    FileStep,
    KubectlStep,
    ManifestStep,
    Profile,
)
from netproof.errors import UsageError
from netproof.model.value import Value

LISTING = "bundle.json"
DOWNLOADS, PROFILES = "downloads", "profiles"
POD_IMAGES, NODE_IMAGES = "images.tar", "nodes.tar"

CHUNK = 1024 * 1024


class OfflineBundle(Value):
    """What a file for a run without internet says of itself; `files` are checksums by path."""

    cni: str
    version: str
    node_image: str
    probe_image: str
    files: Mapping[str, str]
    way: str = ""
    schema: str = "netproof.offline/v1"


def images_needed(profile: Profile, downloads: Path, tools: Tools | None) -> tuple[str, ...]:
    """Return the images that a profile's pods have, by its manifests, charts and declaration.

    `downloads` holds what it downloads. Raises UsageError for a chart where there is no Helm to
    ask, for what is no manifest, and for workloads that an operator makes up itself.
    """
    texts = dict(_manifests(profile, downloads, tools))
    if profile.install and not profile.images:
        _refuse_unknown(profile, texts)
    found = [*profile.images, *(i for name in texts for i in images.images_in(texts[name], name))]
    for step in profile.install:
        match step.action:
            case KubectlStep(arguments) if {"set", "image"} <= set(arguments):
                found += [word.partition("=")[2] for word in arguments if "=" in word[1:]]
    return _tagged([image for image in found if "/" in image])


def _manifests(profile: Profile, downloads: Path, tools: Tools | None) -> Iterator[tuple[str, str]]:
    """Yield all that a profile applies, by a name for messages."""
    for step in profile.install:
        match step.action:
            case ManifestStep(artifact):
                file = downloads / file_name(artifact.url)
                yield str(file), _text(file)
            case FileStep(path):
                yield str(path), _text(path)
            case ChartStep():
                yield step.name, _rendered(step.action, downloads, tools)


def _refuse_unknown(profile: Profile, texts: Mapping[str, str]) -> None:
    """Raise UsageError where something has to be up that stands in no manifest."""
    made = frozenset[str]().union(*(images.workloads_in(texts[name], name) for name in texts))
    for key in (*profile.ready.daemonsets, *profile.ready.deployments):
        if key.rpartition("/")[2] not in made:
            raise UsageError(
                f"{profile.file}: {key} stands in no manifest, so an operator makes it, of images "
                "that cannot be told: list them under `images`"
            )


def _tagged(found: list[str]) -> tuple[str, ...]:
    """Leave out a name without a tag where another step says which it is to be."""
    exact = {image for image in found if image.rpartition("/")[2].count(":") or "@" in image}
    known = {image.partition("@")[0].rpartition(":")[0] for image in exact}
    return tuple(dict.fromkeys(i for i in found if i in exact or i not in known))


def _rendered(step: ChartStep, downloads: Path, tools: Tools | None) -> str:
    if tools is None or shutil.which("helm", path=tools.environment.get("PATH")) is None:
        raise UsageError(f"{step.artifact.url}: Helm has to be there to tell a chart's images")
    values = ("--values", str(step.values)) if step.values else ()
    chart = downloads / file_name(step.artifact.url)
    argv = ("helm", "template", step.release, str(chart), "--namespace", step.namespace, *values)
    return tools.run(argv, what=f"asking Helm for the images of {chart}")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; fetch it first") from error


def save_images(profile: Profile, probe_image: str, folder: Path, tools: Tools) -> tuple[str, str]:
    """Pull and save all images into two archives; return the tags of node and probe image.

    Raises ClusterError with the engine's own words.
    """
    node = _node_image(profile)
    pods = (*images_needed(profile, folder, tools), probe_image)
    for image in (node, *pods):
        what = f"pulling {image}"
        tools.run((tools.engine, "pull", image), what=what, timeout_s=CREATE_TIMEOUT_S)
    tag, probe = (image.partition("@")[0] for image in (node, probe_image))
    for image, name in ((node, tag), (probe_image, probe)):
        if image != name:
            tools.run((tools.engine, "tag", image, name), what=f"naming {image}")
    for archive, names in ((NODE_IMAGES, (tag,)), (POD_IMAGES, (*pods[:-1], probe))):
        argv = (tools.engine, "save", "-o", str(folder / archive), *names)
        tools.run(argv, what=f"saving {', '.join(names)}", timeout_s=CREATE_TIMEOUT_S)
    return tag, probe


def _node_image(profile: Profile) -> str:
    named = clusterconfig.images_of(clusterconfig.read(profile.kind_config))
    if len(named) != 1:
        raise UsageError(f"{profile.kind_config}: names {len(named)} node images; one is needed")
    return named[0]


def pack(profile: Profile, probe_image: str, get: Fetch, tools: Tools, target: Path) -> None:
    """Write the file for runs without internet; it is there whole or not at all."""
    folder = tools.home / DOWNLOADS
    folder.mkdir()
    chosen = versions.choose(profile, "")
    for artifact in chosen.artifacts:
        download(artifact, folder, get)
    node, probe = save_images(chosen, probe_image, folder, tools)
    listed = {
        **{f"{PROFILES}/{profile.name}/{p.name}": p for p in sorted(profile.file.parent.iterdir())},
        **{f"{DOWNLOADS}/{p.name}": p for p in sorted(folder.iterdir())},
    }
    files = {name: path for name, path in listed.items() if path.is_file()}
    sums = {name: _sum(path) for name, path in files.items()}
    way = next(iter(profile.ways), "")
    about = OfflineBundle(profile.name, profile.version, node, probe, sums, way)
    listing = tools.home / LISTING
    listing.write_bytes(msgspec.json.format(msgspec.json.encode(about), indent=2))
    part = target.with_name(f"{target.name}.part")
    try:
        with tarfile.open(part, "w") as archive:
            for name, path in {LISTING: listing, **files}.items():
                archive.add(path, name, recursive=False)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{target}: {error.strerror}") from error


def unpack(bundle: Path, into: Path) -> OfflineBundle:
    """Take a file apart into a folder; raise UsageError where it is not what it says it is."""
    try:
        with tarfile.open(bundle) as archive:
            about = _about(archive, bundle)
            members = {member.name: member for member in archive.getmembers()}
            for name, wanted in about.files.items():
                if not _is_plain(name) or name not in members or not members[name].isfile():
                    raise UsageError(f"{bundle}: {name!r} is not a file in it")
                _take(archive, members[name], into / name)
                if _sum(into / name) != wanted:
                    raise UsageError(f"{bundle}: {name} is not what {LISTING} says; make it anew")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UsageError(f"{bundle} cannot be unpacked: {error}") from error
    return about


def _about(archive: tarfile.TarFile, bundle: Path) -> OfflineBundle:
    try:
        content = archive.extractfile(LISTING)
        return msgspec.json.decode(content.read() if content else b"", type=OfflineBundle)
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{bundle} is none of `netproof profile bundle`: {LISTING}: {error}"
        ) from error


def _is_plain(name: str) -> bool:
    """Tell whether a name leads nowhere but into one of the folders that there are."""
    parts = name.split("/")
    depth = {DOWNLOADS: 2, PROFILES: 3}.get(parts[0], 0)
    return len(parts) == depth and not any(part in ("", ".", "..") for part in parts)


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    if content is not None:
        with path.open("wb") as file:
            shutil.copyfileobj(content, file, CHUNK)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_nodes(folder: Path, tools: Tools) -> None:
    """Give the engine the node image of an unpacked file."""
    argv = (tools.engine, "load", "-i", str(folder / DOWNLOADS / NODE_IMAGES))
    tools.run(argv, what="loading the node image", timeout_s=CREATE_TIMEOUT_S)
