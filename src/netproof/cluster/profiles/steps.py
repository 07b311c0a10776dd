"""Reading the steps of a CNI's installation out of its profile."""

from __future__ import annotations

import re
from pathlib import Path

from netproof.cluster.profiles.profile import (
    Action,
    Artifact,
    ChartStep,
    FileStep,
    IpFamily,
    KubectlStep,
    ManifestStep,
    PluginsStep,
    Step,
)
from netproof.policy.fields import Field

ARCHITECTURES = ("amd64", "arm64")
"""The architectures that kind's node images are published for."""

SHA256 = re.compile(r"[0-9a-f]{64}")

_ARTIFACT = ("sha256", "unverified")
_COMMON = ("name", "families")
_KINDS = {
    "manifest": ("manifest", *_ARTIFACT),
    "file": ("file",),
    "chart": ("chart", *_ARTIFACT, "release", "namespace", "values"),
    "plugins": ("plugins", "archives"),
    "kubectl": ("kubectl",),
}


def read_steps(listed: Field, folder: Path) -> tuple[Step, ...]:
    """Return the steps; what is wrong with them is noted in the field's problems."""
    return tuple(_step(item, folder) for item in listed.items())


def _step(step: Field, folder: Path) -> Step:
    given = [kind for kind in _KINDS if step.child(kind).present]
    if len(given) != 1:
        step.note("Invalid value", f"a step is exactly one of {', '.join(_KINDS)}")
        return Step("", KubectlStep(()))
    step.mapping((*_COMMON, *_KINDS[given[0]]))
    return Step(
        _required(step.child("name")),
        _action(step, given[0], folder),
        _families(step.child("families")),
    )


def _families(listed: Field) -> tuple[IpFamily, ...]:
    found = []
    for item in listed.items():
        text = item.text() or ""
        if text in tuple(IpFamily):
            found.append(IpFamily(text))
        else:
            item.unsupported(text, [str(family) for family in IpFamily])
    return tuple(found) or tuple(IpFamily)


def _action(step: Field, kind: str, folder: Path) -> Action:
    match kind:
        case "manifest":
            return ManifestStep(_artifact(step, "manifest"))
        case "file":
            return FileStep(_beside(step.child("file"), folder))
        case "chart":
            return _chart(step, folder)
        case "plugins":
            return _plugins(step)
    return KubectlStep(tuple(item.text() or "" for item in step.child("kubectl").items()))


def _chart(step: Field, folder: Path) -> ChartStep:
    values = step.child("values")
    return ChartStep(
        _artifact(step, "chart"),
        release=_required(step.child("release")),
        namespace=_required(step.child("namespace")),
        values=_beside(values, folder) if values.present else None,
    )


def _plugins(step: Field) -> PluginsStep:
    archives = step.child("archives").mapping(ARCHITECTURES)
    if not archives.present:
        archives.required()
    there = [arch for arch in ARCHITECTURES if archives.child(arch).present]
    for arch in there:
        archives.child(arch).mapping(("url", *_ARTIFACT))
    return PluginsStep(
        {arch: _artifact(archives.child(arch), "url") for arch in there},
        tuple(item.text() or "" for item in step.child("plugins").items()),
    )


def _artifact(holder: Field, key: str) -> Artifact:
    url, checksum, reason = holder.child(key), holder.child("sha256"), holder.child("unverified")
    address = _required(url)
    if address and not address.startswith("https://"):
        url.invalid(address, "must be an https:// address")
    if checksum.present == reason.present:
        url.note("Invalid value", "give either sha256 or unverified with the reason")
    digest = checksum.text() or ""
    if digest and not SHA256.fullmatch(digest):
        checksum.invalid(digest, "must be 64 lower case hexadecimal digits")
    given = checksum if checksum.present else reason
    return Artifact(address, digest, reason.text() or "", given.origin.line)


def _beside(given: Field, folder: Path) -> Path:
    name = _required(given)
    path = folder / name
    if name and (Path(name).name != name or not path.is_file()):
        given.invalid(name, "must name a file that lies beside the profile")
    return path


def _required(given: Field) -> str:
    if not given.present:
        given.required()
    return given.text() or ""
