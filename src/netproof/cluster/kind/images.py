"""Images: which a manifest or an archive names, and manifests that take them from the node.

A node that has an image does not ask a registry for it only where the pull policy says so, which
for a name without a tag, or with the tag latest, it does not by itself (core/v1
Container.imagePullPolicy). Pure but for reading archives.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from netproof.errors import UsageError

CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
POLICY, WANTED = "imagePullPolicy", "IfNotPresent"

HUB = "docker.io"
"""The registry of a name that has none; there a name without a slash is below `library`."""

MAX_LISTING = 16 * 1024 * 1024
"""Bytes of an archive's list of images; real ones have some kilobytes."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Edit = tuple[int, int, str]
"""Where in a text what is to stand instead: from, to, the words."""


def spelled(image: str) -> str:
    """Return an image's name with registry and tag, as a node knows it."""
    name, at, digest = image.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"{HUB}/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"{HUB}/{name}"
    tagged = ":" in name.rpartition("/")[2]
    return f"{name}{'' if tagged or at else ':latest'}{at}{digest}"


def images_in(manifest: str, name: str) -> tuple[str, ...]:
    """Return the images of all containers in a manifest, each once; raise UsageError for no YAML.

    `name` is what to call it in a message.
    """
    found = (_text(_field(one, "image")) for one in _containers(_documents(manifest, name)))
    return tuple(dict.fromkeys(image for image in found if image))


def workloads_in(manifest: str, name: str) -> frozenset[str]:
    """Return the names of the DaemonSets and Deployments in a manifest."""
    roots = [one for one in _documents(manifest, name) if isinstance(one, yaml.MappingNode)]
    metadata = [
        value
        for root in roots
        for key, value in root.value
        if key.value == "metadata" and _text(_field(root, "kind")) in ("DaemonSet", "Deployment")
    ]
    return frozenset(_text(_field(m, "name")) for m in metadata if isinstance(m, yaml.MappingNode))


def taken_from_the_node(manifest: str, name: str) -> str:
    """Return a manifest in which every container takes its image from the node where it is there.

    Nothing else of the text changes. Raises UsageError for what is no YAML.
    """
    edits: set[Edit] = set()  # an alias makes one container two
    for container in _containers(_documents(manifest, name)):
        image, policy = _field(container, "image"), _field(container, POLICY)
        if policy is not None:
            edits.add((policy.start_mark.index, policy.end_mark.index, WANTED))
        elif image is not None:
            edits.add(_beside(container, image))
    for start, end, words in sorted(edits, reverse=True):
        manifest = manifest[:start] + words + manifest[end:]
    return manifest


def _beside(container: yaml.MappingNode, image: yaml.Node) -> Edit:
    """Return the edit that puts the policy beside an image, as the mapping is written."""
    end = image.end_mark.index
    if container.flow_style:
        return end, end, f", {POLICY}: {WANTED}"
    key = next(key for key, value in container.value if value is image)
    # Before the key, because a comment may follow the value.
    return (
        key.start_mark.index,
        key.start_mark.index,
        (f"{POLICY}: {WANTED}\n{' ' * key.start_mark.column}"),
    )


def _documents(text: str, name: str) -> list[yaml.Node]:
    try:
        return [one for one in yaml.compose_all(text, Loader=_LOADER) if one is not None]
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{name} is no manifest: {error}") from error


def _containers(nodes: Iterable[yaml.Node]) -> Iterator[yaml.MappingNode]:
    """Yield the containers of every pod spec, wherever it stands."""
    todo, seen = list(nodes), set[int]()
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                todo.append(value)
                if key.value in CONTAINERS and isinstance(value, yaml.SequenceNode):
                    yield from (one for one in value.value if isinstance(one, yaml.MappingNode))


def _field(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    found = (value for key, value in node.value if key.value == name)
    return next((one for one in found if isinstance(one, yaml.ScalarNode)), None)


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if node is not None else ""


def archived(archive: Path) -> frozenset[str]:
    """Return the images in an archive, as `docker save` and OCI tools write it, spelled in full.

    Raises UsageError where it cannot be read.
    """
    try:
        with tarfile.open(archive) as opened:
            listings = [_listing(opened, name) for name in ("manifest.json", "index.json")]
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise UsageError(f"{archive} is no archive of images: {error}") from error
    names = [*_names_of_docker(listings[0]), *_names_of_oci(listings[1])]
    if not names:
        raise UsageError(f"{archive} names no image: `docker save NAME:TAG` writes one that does")
    return frozenset(map(spelled, names))


def _listing(opened: tarfile.TarFile, name: str) -> Any:
    try:
        member = opened.getmember(name)
    except KeyError:
        return None
    content = opened.extractfile(member) if member.size <= MAX_LISTING else None
    return json.loads(content.read()) if content else None


def _names_of_docker(listing: Any) -> Iterator[str]:
    for entry in listing if isinstance(listing, list) else ():
        tags = entry.get("RepoTags") if isinstance(entry, dict) else None
        yield from (tag for tag in tags or () if isinstance(tag, str))


def _names_of_oci(listing: Any) -> Iterator[str]:
    entries = listing.get("manifests") if isinstance(listing, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        notes = entry.get("annotations") if isinstance(entry, dict) else None
        name = (notes or {}).get("io.containerd.image.name")
        if isinstance(name, str):
            yield name
