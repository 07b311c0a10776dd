"""Which images a run with a profile takes: those of the CNI's pods, of the probes, of the nodes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from netproof.cluster.kind import clusterconfig, engine, images
from netproof.cluster.kind.downloads import file_name
from netproof.cluster.kind.machine import Tools
from netproof.cluster.profiles.profile import (
    ChartStep,
    FileStep,
    KubectlStep,
    ManifestStep,
    Profile,
)
from netproof.errors import UsageError
from netproof.model.value import Value


class Needed(Value):
    """The names of all images that a run takes."""

    node: str
    pods: tuple[str, ...]
    probe: str


def images_of_run(
    profile: Profile, downloads: Path, tools: Tools | None, probe: str, node: str = ""
) -> Needed:
    """Return what images a run takes; `node` "" leaves that one to the profile's kind config.

    Raises UsageError where they cannot be told, or one is no name of an image.
    """
    found = Needed(node or _node_image(profile), images_needed(profile, downloads, tools), probe)
    for image in (found.node, *found.pods, found.probe):
        engine.check_name(image, str(profile.file.parent))
    return found


def _node_image(profile: Profile) -> str:
    named = clusterconfig.images_of(clusterconfig.read(profile.kind_config))
    if len(named) != 1:
        raise UsageError(
            f"{profile.kind_config}: names {len(named)} node images; one is needed (--node-image)"
        )
    return named[0]


def refuse_undigested(needed: Needed) -> None:
    """Raise UsageError where nobody says what is in the image of the nodes or of the probes."""
    for image, option in ((needed.node, "--node-image"), (needed.probe, "--probe-image")):
        if not clusterconfig.DIGEST.search(image):
            raise UsageError(
                f"--require-verified: {image} has no digest; pass {option} "
                f"{image}@sha256:... with the one that you trust"
            )


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
