"""Reading CNI profiles; a wrong one is refused with file and line.

Every profile has a folder of its own below `kind-configs/`: `profile.yaml`, the kind config, and
what the steps of its installation refer to. `profile.schema.json` there says the same as this
module, for editors.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from netproof.cluster.profiles.profile import (
    Capabilities,
    Denial,
    Established,
    HostNeeds,
    IpBlockReach,
    IpFamily,
    Profile,
    Readiness,
    Support,
)
from netproof.cluster.profiles.steps import read_steps
from netproof.errors import UsageError
from netproof.model.doors import Stance
from netproof.model.flowpattern import parse_pattern
from netproof.model.known_gap import KnownGap
from netproof.model.record import FlowVerdict
from netproof.policy.document import read_documents
from netproof.policy.fields import Field
from netproof.policy.sources import decode

E = TypeVar("E", bound=StrEnum)

FILE = "profile.yaml"

VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
"""A release as CNIs number them, with or without the v."""

_KERNEL = re.compile(r"(\d+)\.(\d+)")
_OBJECT = re.compile(r"[a-z0-9.-]+/[a-z0-9.-]+")

KNOWN = (
    *("name", "title", "version", "oldest", "maintained", "kind", "enforces", "mechanism"),
    *("families", "converge-seconds", "probe-timeout-seconds", "host", "install", "ready"),
    *("capabilities", "gaps", "operational-access"),
)


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
    made = _profile(root, file)
    if root.problems:
        found = sorted(root.problems, key=lambda problem: problem.origin)
        raise UsageError("\n".join(f"{problem.origin}: {problem}" for problem in found))
    return made


def _profile(root: Field, file: Path) -> Profile:
    root.mapping(KNOWN)
    families = tuple(_word(item, IpFamily) for item in _needed_items(root.child("families")))
    if root.child("name").present and root.child("name").text() != file.parent.name:
        root.child("name").invalid(root.child("name").text(), f"the folder is {file.parent.name!r}")
    return Profile(
        file=file,
        name=_text(root.child("name")),
        title=_text(root.child("title")),
        version=_version(root.child("version")),
        oldest=_version(root.child("oldest")),
        maintained=_needed(root.child("maintained")).boolean(),
        kind=_version(root.child("kind")),
        enforces=_needed(root.child("enforces")).boolean(),
        mechanism=_text(root.child("mechanism")),
        families=families,
        converge_s=float(_integer(root.child("converge-seconds"))),
        probe_timeout_s=float(_integer(root.child("probe-timeout-seconds"))),
        host=_host(root.child("host")),
        ready=_ready(root.child("ready")),
        capabilities=_capabilities(root.child("capabilities")),
        install=read_steps(root.child("install"), file.parent),
        gaps=tuple(_gap(item) for item in root.child("gaps").items()),
        stance=_stance(root.child("operational-access")),
    )


def _stance(at: Field) -> Stance:
    return _word(at, Stance) if at.present else Stance.REPORT


def _host(host: Field) -> HostNeeds:
    host.mapping(("kernel", "cgroup", "inotify", "modules"))
    inotify = host.child("inotify").mapping(("watches", "instances"))
    modules = host.child("modules").mapping(("loaded", "available"))
    cgroup = host.child("cgroup").integer()
    if cgroup not in (None, 1, 2):
        host.child("cgroup").unsupported(cgroup, ("1", "2"))
    return HostNeeds(
        kernel=_kernel(host.child("kernel")),
        cgroup_v2=cgroup == 2,
        inotify_watches=inotify.child("watches").integer() or 0,
        inotify_instances=inotify.child("instances").integer() or 0,
        loaded=_texts(modules.child("loaded")),
        available=_texts(modules.child("available")),
    )


def _kernel(kernel: Field) -> tuple[int, int]:
    text = kernel.text()
    if text is None:
        return 0, 0
    found = _KERNEL.fullmatch(text)
    if not found:
        kernel.invalid(text, 'write major and minor in quotes, such as "5.10"')
        return 0, 0
    return int(found[1]), int(found[2])


def _ready(ready: Field) -> Readiness:
    _needed(ready).mapping(("timeout-seconds", "daemonsets", "deployments"))
    return Readiness(
        timeout_s=float(_integer(ready.child("timeout-seconds"))),
        daemonsets=_objects(ready.child("daemonsets")),
        deployments=_objects(ready.child("deployments")),
    )


def _objects(listed: Field) -> tuple[str, ...]:
    for item in listed.items():
        text = item.text()
        if text is not None and not _OBJECT.fullmatch(text):
            item.invalid(text, "write namespace/name")
    return _texts(listed)


def _capabilities(given: Field) -> Capabilities:
    support = ("named-ports", "end-port", "sctp", "dual-stack", "cluster-policies")
    _needed(given).mapping((*support, "denial", "ip-block", "established", "own-policies"))
    named, end, sctp, dual, cluster = (_word(given.child(key), Support) for key in support)
    return Capabilities(
        named_ports=named,
        end_port=end,
        sctp=sctp,
        dual_stack=dual,
        cluster_policies=cluster,
        denial=_word(given.child("denial"), Denial),
        ip_block=_word(given.child("ip-block"), IpBlockReach),
        established=_word(given.child("established"), Established),
        own_policies=_texts(given.child("own-policies")),
    )


def _gap(gap: Field) -> KnownGap:
    gap.mapping(("id", "cases", "flows", "verdict", "text", "link"))
    bad = (FlowVerdict.LEAK, FlowVerdict.OVER_BLOCKED)
    verdict = _word(gap.child("verdict"), FlowVerdict, bad)
    link = _text(gap.child("link"))
    if link and not link.startswith("https://"):
        gap.child("link").invalid(link, "a gap is documented somewhere: give the https:// address")
    patterns = _needed_items(gap.child("flows"))
    for item in patterns:
        _pattern(item)
    return KnownGap(
        id=_text(gap.child("id")),
        cases=tuple(_text(item) for item in _needed_items(gap.child("cases"))),
        flows=tuple(_text(item) for item in patterns),
        verdict=verdict,
        text=_text(gap.child("text")),
        link=link,
    )


def _pattern(item: Field) -> None:
    text = item.text()
    try:
        parse_pattern(text or "* -> *")
    except UsageError as error:
        item.invalid(text, str(error))


def _needed(wanted: Field) -> Field:
    if not wanted.present:
        wanted.required()
    return wanted


def _needed_items(wanted: Field) -> list[Field]:
    items = _needed(wanted).items()
    if wanted.present and not items:
        wanted.required("the list is empty")
    return items


def _text(wanted: Field) -> str:
    return _needed(wanted).text() or ""


def _texts(listed: Field) -> tuple[str, ...]:
    return tuple(item.text() or "" for item in listed.items())


def _integer(wanted: Field) -> int:
    number = _needed(wanted).integer()
    if number is not None and number < 1:
        wanted.invalid(number, "must be 1 or more")
    return number or 0


def _version(wanted: Field) -> str:
    text = _text(wanted)
    if text and not VERSION.fullmatch(text):
        wanted.invalid(text, "write a release such as v1.2.3")
    return text


def _word(wanted: Field, words: type[E], allowed: Collection[E] = ()) -> E:
    choice = tuple(allowed) or tuple(words)
    text = _needed(wanted).text()
    if text is not None and text not in choice:
        wanted.unsupported(text, [str(word) for word in choice])
    return words(text) if text in choice else choice[0]
