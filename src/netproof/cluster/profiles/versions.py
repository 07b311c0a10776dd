"""Which version of a CNI: its profile's own, or another that the profile's steps fit."""

from __future__ import annotations

import re
from dataclasses import replace

from netproof.cluster.profiles.declaration import VERSION
from netproof.cluster.profiles.profile import (
    Artifact,
    ChartStep,
    KubectlStep,
    ManifestStep,
    Profile,
    Step,
)
from netproof.errors import UsageError

PLACEHOLDER = "{version}"
"""Stands for the CNI's version in the addresses of a profile."""


def by_way(profile: Profile, wanted: str) -> Profile:
    """Return the profile with the steps of one way to install it; "" is the usual one.

    Raises UsageError for a way that it does not have.
    """
    if wanted and wanted not in profile.ways:
        there = ", ".join(profile.ways) or "one only, without a name"
        raise UsageError(f"--cni-way {wanted}: {profile.title} has {there}")
    way = wanted or next(iter(profile.ways), "")
    if not way:
        return profile
    steps = tuple(step for step in profile.install if not step.ways or way in step.ways)
    return replace(profile, install=steps, ready=profile.ways[way], ways={way: profile.ways[way]})


def choose(profile: Profile, wanted: str) -> Profile:
    """Return the profile for its own version, or for the one that is wanted.

    Raises UsageError for what is no version, is older than the profile's steps fit, or cannot be
    chosen. Checksums hold for the profile's own version only: for another, artifacts count as
    unverified.
    """
    version = _spelt_like(profile.version, wanted) if wanted else profile.version
    if wanted and not VERSION.fullmatch(wanted):
        raise UsageError(f"--cni-version {wanted}: write a release such as {profile.version}")
    if wanted and not any(PLACEHOLDER in artifact.url for artifact in profile.artifacts):
        raise UsageError(f"--cni-version: {profile.title} comes with kind; use another kind")
    if number(version) < number(profile.oldest):
        raise UsageError(
            f"--cni-version {wanted}: the steps of {profile.file} fit {profile.oldest} and newer"
        )
    steps = tuple(_fill_in(step, version, profile.version) for step in profile.install)
    images = tuple(image.replace(PLACEHOLDER, version) for image in profile.images)
    return replace(profile, version=version, install=steps, images=images)


def number(version: str) -> tuple[int, ...]:
    """Return a release's numbers, for comparing."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _spelt_like(model: str, version: str) -> str:
    bare = version.removeprefix("v")
    return f"v{bare}" if model.startswith("v") else bare


def _fill_in(step: Step, version: str, declared: str) -> Step:
    match step.action:
        case ManifestStep(artifact) | ChartStep(artifact):
            filled = _filled(artifact, version, declared)
            return replace(step, action=replace(step.action, artifact=filled))
        case KubectlStep(arguments):
            words = tuple(word.replace(PLACEHOLDER, version) for word in arguments)
            return replace(step, action=KubectlStep(words))
    return step


def _filled(artifact: Artifact, version: str, declared: str) -> Artifact:
    url = artifact.url.replace(PLACEHOLDER, version)
    if version == declared or url == artifact.url:
        return replace(artifact, url=url)
    why = f"chosen by --cni-version, declared is {declared}"
    return Artifact(url, unverified=why, line=artifact.line)
