"""The one description of a `profile.yaml`: its fields, their types, and what they mean.

It is read by this (`reading`), and `kind-configs/profile.schema.json` is generated from it. What
needs more than one field, or a look at the disk, is checked in `reading`.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from netproof.model.doors import Stance
from netproof.model.value import Value

HINT = "hint"
"""In a field's extra: what to write instead of what does not fit its pattern."""


class IpFamily(StrEnum):
    """The IP families of a cluster, in the words of kind's `ipFamily`."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DUAL = "dual"


class Support(StrEnum):
    """Whether a CNI does something; opt-in: not as it is installed here."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    OPT_IN = "opt-in"
    UNKNOWN = "unknown"


class Denial(StrEnum):
    """What the source of a denied packet sees; mixed: a refusal, and silence now and then."""

    DROP = "drop"
    REJECT = "reject"
    MIXED = "mixed"
    NONE = "none"
    UNKNOWN = "unknown"


def _matching(pattern: str, hint: str) -> Meta:
    return Meta(pattern=f"^({pattern})$", extra={HINT: hint})


VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
"""A release as CNIs number them, with or without the v."""

Release = Annotated[str, _matching(VERSION.pattern, "write a release such as v1.2.3")]
Https = Annotated[str, _matching("https://.*", "must be an https:// address")]
Source = Annotated[
    str, _matching("https://.*", "a gap is documented somewhere: give the https:// address")
]
Sha256 = Annotated[str, _matching("[0-9a-f]{64}", "must be 64 lower case hexadecimal digits")]
Reason = Annotated[str, _matching(r".*\S.*", "say why there is no checksum")]
Kernel = Annotated[str, _matching(r"\d+\.\d+", 'write major and minor in quotes, such as "5.10"')]
ObjectName = Annotated[str, _matching("[a-z0-9.-]+/[a-z0-9.-]+", "write namespace/name")]
Seconds = Annotated[int, Meta(ge=1)]
Texts = tuple[str, ...]
SomeTexts = Annotated[Texts, Meta(min_length=1)]
Families = Annotated[tuple[IpFamily, ...], Meta(min_length=1)]

_PINNED = {
    "oneOf": [
        {"required": ["sha256"], "not": {"required": ["unverified"]}},
        {"required": ["unverified"], "not": {"required": ["sha256"]}},
    ]
}
KINDS: dict[str, tuple[str, ...]] = {
    "manifest": ("sha256", "unverified"),
    "file": (),
    "chart": ("sha256", "unverified", "release", "namespace", "values"),
    "plugins": ("archives",),
    "kubectl": (),
}
"""The kinds of steps: the field that makes a step one, and what else it may then have."""

NEEDED = {"chart": ("release", "namespace"), "plugins": ("archives",)}
"""What a kind of step cannot do without."""

PINNED = ("manifest", "chart")
"""Kinds of steps that download, with a checksum or the reason that there is none."""


class Capabilities(Value, rename="kebab"):
    """What a CNI can do that a case may need; a case is skipped where it cannot."""

    sctp: Annotated[Support, Meta(description="whether it filters SCTP")] = Support.UNKNOWN


class InotifyLimits(Value):
    """The lowest fs.inotify.max_user_*."""

    watches: int = 0
    instances: int = 0


class KernelModules(Value):
    """Modules that have to be loaded before, and those that the CNI loads itself."""

    loaded: Texts = ()
    available: Texts = ()


class HostDeclaration(Value):
    """What the machine that runs kind must offer."""

    kernel: Kernel = "0.0"
    cgroup: Literal[1, 2] = 1
    inotify: InotifyLimits = InotifyLimits()
    modules: KernelModules = KernelModules()


class ArchiveDeclaration(Value):
    """An archive of CNI plugins for one architecture."""

    url: Https
    sha256: Sha256 | None = None
    unverified: Reason | None = None


class StepDeclaration(Value):
    """One step of an installation: a manifest, file, chart, plugins or kubectl."""

    name: str
    families: Families = tuple(IpFamily)
    ways: Annotated[Texts, Meta(description="the ways it is a step of; without any, of all")] = ()
    manifest: Https | None = None
    file: Annotated[str | None, Meta(description="a manifest beside the profile")] = None
    chart: Https | None = None
    release: str | None = None
    namespace: str | None = None
    values: Annotated[str | None, Meta(description="values beside the profile")] = None
    plugins: Texts | None = None
    archives: dict[Literal["amd64", "arm64"], ArchiveDeclaration] | None = None
    kubectl: Texts | None = None
    sha256: Sha256 | None = None
    unverified: Annotated[Reason | None, Meta(description="why there is no checksum")] = None


def _kind_schema(kind: str) -> dict[str, Any]:
    others = [{"required": [other]} for other in KINDS if other != kind]
    pinned = {"allOf": [_PINNED]} if kind in PINNED else {}
    return {"required": [kind, *NEEDED.get(kind, ())], "not": {"anyOf": others}, **pinned}


_STEP = Meta(extra_json_schema={"oneOf": [_kind_schema(kind) for kind in KINDS]})


class ReadyDeclaration(Value, rename="kebab"):
    """What has to be up besides the nodes and the cluster's DNS, and how long it may take."""

    timeout_seconds: Seconds
    daemonsets: tuple[ObjectName, ...] = ()
    deployments: tuple[ObjectName, ...] = ()


class WayDeclaration(Value):
    """One of several ways to install the CNI; what has to be up then, where it is not `ready`."""

    name: Annotated[str, _matching("[a-z0-9-]+", "write lower case letters, digits and hyphens")]
    ready: ReadyDeclaration | None = None


class GapDeclaration(Value):
    """Something that the CNI is documented not to do."""

    id: str
    cases: SomeTexts
    flows: SomeTexts
    verdict: Annotated[
        Literal["leak", "over-blocked", "either"],
        Meta(description="how its flows come out; either: now the one, now the other"),
    ]
    text: str
    link: Source
    transient: Annotated[bool, Meta(description="true: shows for moments, and need not")] = False


class RealRun(Value):
    """The last time that the suites were run for real with a CNI; without one it is unverified."""

    date: Annotated[str, _matching(r"\d{4}-\d\d-\d\d", 'write "2026-11-26", in quotes')]
    version: Annotated[Release, Meta(description="the CNI's, which may not be the profile's")]
    kubernetes: Release
    nodes: Annotated[int, Meta(ge=1)]
    family: IpFamily
    verdict: Literal["PASS", "FAIL", "NOT ENFORCED", "INCONCLUSIVE"]
    cases: Annotated[str, Meta(description="how many passed, failed and were skipped")] = ""
    how: Annotated[str, Meta(description="where it was not as this profile installs it")] = ""

    @property
    def text(self) -> str:
        """The run as a sentence without its end."""
        cases = f" ({self.cases})" if self.cases else ""
        where = f"Kubernetes {self.kubernetes}, {self.nodes} nodes, {self.family}"
        how = f"; {self.how}" if self.how else ""
        return f"{self.date}: {self.verdict}{cases} with {self.version} on {where}{how}"


UNVERIFIED = "unverified: the suites were never run for real with it"


class ProfileDeclaration(Value, rename="kebab", kw_only=True):
    """A CNI profile of netproof."""

    name: Annotated[str, Meta(description="the name of the folder")]
    title: Annotated[str, Meta(description="the CNI's name for people")]
    version: Release
    oldest: Annotated[Release, Meta(description="the oldest version that the steps fit")]
    maintained: Annotated[bool, Meta(description="false: archived upstream")]
    kind: Annotated[Release, Meta(description="the oldest kind for the node image")]
    enforces: Annotated[bool, Meta(description="false: NOT ENFORCED is the verdict to expect")]
    mechanism: str
    denial: Annotated[Denial, Meta(description="what the source of a denied packet sees")] = (
        Denial.UNKNOWN
    )
    families: Families
    operational_access: Annotated[
        Stance,
        Meta(description="what is expected of port-forward and other ways round policies"),
    ] = Stance.REPORT
    converge_seconds: Seconds
    probe_timeout_seconds: Seconds
    host: HostDeclaration = HostDeclaration()
    ways: Annotated[
        tuple[WayDeclaration, ...], Meta(description="ways to install it, the usual one first")
    ] = ()
    install: tuple[Annotated[StepDeclaration, _STEP], ...] = ()
    images: Annotated[Texts, Meta(description="those that none of its manifests names")] = ()
    ready: ReadyDeclaration
    capabilities: Capabilities = Capabilities()
    gaps: tuple[GapDeclaration, ...] = ()
    verified: RealRun | None = None


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a profile, for editors."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CNI profile of netproof",
        **msgspec.json.schema(ProfileDeclaration),
    }
    plain: dict[str, Any] = json.loads(json.dumps(schema))
    return plain


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
