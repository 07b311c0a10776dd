"""Reading CNI profiles; a wrong one is refused with file and line.

Every profile has a folder of its own below `kind-configs/`: `profile.yaml`, the kind config, and
what the steps of its installation refer to. What the fields are is said in `declaration`; here is
what takes more than one field, or a look at the disk.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from netproof.cluster.profiles.declaration import (
    KINDS,
    NEEDED,
    PINNED,
    ArchiveDeclaration,
    GapDeclaration,
    HostDeclaration,
    ProfileDeclaration,
    ReadyDeclaration,
    StepDeclaration,
)
from netproof.cluster.profiles.fitting import note_misfits, without_nulls
from netproof.cluster.profiles.profile import (
    Action,
    Artifact,
    ChartStep,
    FileStep,
    HostNeeds,
    KubectlStep,
    ManifestStep,
    PluginsStep,
    Profile,
    Readiness,
    Step,
)
from netproof.errors import UsageError
from netproof.model.flowpattern import parse_pattern
from netproof.model.known_gap import KnownGap
from netproof.model.record import WRONG, FlowVerdict
from netproof.policy.document import Node, plain, read_documents
from netproof.policy.fields import Field
from netproof.policy.sources import decode

FILE = "profile.yaml"

_ELSEWHERE = re.compile(r"(-[fk]=?|--(filename|kustomize)=)?(https?://|ssh://|git@|github\.com/)")
"""What kubectl takes for something to download (`apply -f`, `-k`)."""


def folder() -> Path:
    """Return the folder of the profiles: of this repository, or what an installation ships."""
    package = Path(__file__).resolve().parents[2]
    shipped = package / "kind-configs"
    return shipped if shipped.is_dir() else package.parents[1] / "kind-configs"


def names(configs: Path) -> tuple[str, ...]:
    """Return the names of the profiles in a folder."""
    return tuple(sorted(path.parent.name for path in configs.glob(f"*/{FILE}")))


def load(name: str, configs: Path) -> Profile:
    """Return the profile of a CNI; raise UsageError where there is none or it is wrong."""
    there = names(configs)
    if name not in there:
        listed = ", ".join(there) or f"none, {configs} holds no profiles"
        raise UsageError(f"no CNI profile is called {name!r}; there are: {listed}")
    return read(configs / name / FILE)


def read(file: Path) -> Profile:
    """Read one profile; raise UsageError (PolicyError where it is no YAML) with file and line."""
    try:
        text = decode(file.read_bytes(), str(file))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    documents = read_documents(text, str(file))
    if len(documents) != 1:
        raise UsageError(f"{file}:1: holds {len(documents)} documents; a profile is one")
    root = Field.root(documents[0])
    note_misfits(ProfileDeclaration, root)
    _note_name(root.child("name"), file)
    _note_steps(root.child("install"), file.parent)
    _note_ways(root)
    _note_patterns(root.child("gaps"))
    if root.problems:
        problems = sorted(root.problems, key=lambda problem: problem.origin)
        raise UsageError("\n".join(f"{problem.origin}: {problem}" for problem in problems))
    return _profile(documents[0], root, file)


def _profile(document: Node, root: Field, file: Path) -> Profile:
    try:
        given = msgspec.convert(without_nulls(plain(document)), ProfileDeclaration)
    except msgspec.ValidationError as error:
        raise UsageError(f"{file}:1: {error}") from error
    steps = zip(given.install, root.child("install").items(), strict=True)
    return Profile(
        file=file,
        name=given.name,
        title=given.title,
        version=given.version,
        oldest=given.oldest,
        maintained=given.maintained,
        kind=given.kind,
        enforces=given.enforces,
        mechanism=given.mechanism,
        denial=given.denial,
        families=given.families,
        converge_s=float(given.converge_seconds),
        probe_timeout_s=float(given.probe_timeout_seconds),
        host=_host(given.host),
        ready=_ready(given.ready),
        ways={way.name: _ready(way.ready or given.ready) for way in given.ways},
        capabilities=given.capabilities,
        install=tuple(
            Step(step.name, _action(step, at, file.parent), step.families, step.ways)
            for step, at in steps
        ),
        images=given.images,
        gaps=tuple(_gap(gap) for gap in given.gaps),
        stance=given.operational_access,
        verified=given.verified,
    )


def _ready(given: ReadyDeclaration) -> Readiness:
    return Readiness(float(given.timeout_seconds), given.daemonsets, given.deployments)


def _host(given: HostDeclaration) -> HostNeeds:
    major, minor = given.kernel.split(".")
    return HostNeeds(
        kernel=(int(major), int(minor)),
        cgroup_v2=given.cgroup == 2,
        inotify_watches=given.inotify.watches,
        inotify_instances=given.inotify.instances,
        loaded=given.modules.loaded,
        available=given.modules.available,
    )


def _gap(given: GapDeclaration) -> KnownGap:
    verdicts = tuple(map(FlowVerdict, WRONG if given.verdict == "either" else (given.verdict,)))
    where, what = (given.cases, given.flows), (given.text, given.link)
    return KnownGap(given.id, *where, verdicts, *what, transient=given.transient)


def _action(step: StepDeclaration, at: Field, beside: Path) -> Action:
    if step.manifest is not None:
        return ManifestStep(_artifact(step.manifest, step, at))
    if step.file is not None:
        return FileStep(beside / step.file)
    if step.chart is not None:
        return ChartStep(
            _artifact(step.chart, step, at),
            release=step.release or "",
            namespace=step.namespace or "",
            values=beside / step.values if step.values else None,
        )
    if step.plugins is not None:
        archives = {
            str(key): _artifact(archive.url, archive, at.child("archives").child(key))
            for key, archive in (step.archives or {}).items()
        }
        return PluginsStep(archives, step.plugins)
    return KubectlStep(step.kubectl or ())


def _artifact(url: str, holder: StepDeclaration | ArchiveDeclaration, at: Field) -> Artifact:
    given = at.child("sha256") if holder.sha256 else at.child("unverified")
    return Artifact(url, holder.sha256 or "", holder.unverified or "", given.origin.line)


def _note_name(name: Field, file: Path) -> None:
    if name.present and name.text() != file.parent.name:
        name.invalid(name.text(), f"the folder is {file.parent.name!r}")


def _note_steps(listed: Field, beside: Path) -> None:
    for step in listed.items():
        kinds = [kind for kind in KINDS if step.child(kind).present]
        if len(kinds) == 1:
            _note_step(step, kinds[0], beside)
        else:
            step.note("Invalid value", f"a step is exactly one of {', '.join(KINDS)}")


def _note_step(step: Field, kind: str, beside: Path) -> None:
    step.mapping(("name", "families", "ways", kind, *KINDS[kind]))
    for key in NEEDED.get(kind, ()):
        if not step.child(key).present:
            step.child(key).required()
    if kind in PINNED:
        _note_checksum(step, step.child(kind))
    for architecture in ("amd64", "arm64"):
        archive = step.child("archives").child(architecture)
        if archive.present:
            _note_checksum(archive, archive.child("url"))
    for key in ("file", "values"):
        _note_beside(step.child(key), beside)
    for word in step.child("kubectl").items():
        if _ELSEWHERE.match(word.text() or ""):
            word.invalid(word.text(), "kubectl would get it past every checksum: write a manifest")


def _note_ways(root: Field) -> None:
    known = [way.child("name").text() for way in root.child("ways").items()]
    for step in root.child("install").items():
        for way in step.child("ways").items():
            if way.text() not in known:
                way.invalid(way.text(), f"must be one of `ways`: {', '.join(map(str, known))}")


def _note_checksum(holder: Field, url: Field) -> None:
    if holder.child("sha256").present == holder.child("unverified").present:
        url.note("Invalid value", "give either sha256 or unverified with the reason")


def _note_beside(given: Field, beside: Path) -> None:
    name = given.text()
    if name is not None and (Path(name).name != name or not (beside / name).is_file()):
        given.invalid(name, "must name a file that lies beside the profile")


def _note_patterns(gaps: Field) -> None:
    for gap in gaps.items():
        for item in gap.child("flows").items():
            try:
                parse_pattern(item.text() or "* -> *")
            except UsageError as error:
                item.invalid(item.text(), str(error))
