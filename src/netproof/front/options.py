"""Every option, declared once: `--NAME` on netproof's command line, `--np-NAME` for pytest.

pytest loads this module in every project, so it imports nothing of netproof; what an option has
come to mean is worked out in `places`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PREFIX = "np-"
"""What the names begin with in pytest, whose options belong to many plugins."""

PROBE_IMAGE = "docker.io/library/python:3.13-alpine"
"""A stock image with Python in it; the agent needs nothing else of it."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `keywords` are what argparse and pytest take alike."""

    name: str
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attribute(self) -> str:
        """The name under which its value is kept."""
        return self.name.replace("-", "_")

    @property
    def default(self) -> Any:
        """The value where it is not given."""
        flag = self.keywords.get("action") == "store_true"
        return self.keywords.get("default", False if flag else None)

    @property
    def is_path(self) -> bool:
        """Tell whether its value is a file or a folder."""
        return self.name == "kubeconfig" or self.keywords.get("type") in (Path, _saved)

    def words(self, value: Any, prefix: str = "") -> list[str]:
        """Return what a person types to give it a value, nothing for the default."""
        name = f"--{prefix}{self.name}"
        if value == self.default:
            return []
        if value is True:
            return [name]
        values = value if self.keywords.get("action") == "append" else [value]
        return [word for one in values for word in (name, str(one))]


def _option(name: str, **keywords: Any) -> Option:
    return Option(name, keywords)


def _repeatable(name: str, **keywords: Any) -> Option:
    return Option(name, {"action": "append", "default": [], **keywords})


def _flag(name: str, **keywords: Any) -> Option:
    return Option(name, {"action": "store_true", **keywords})


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bundles; 0 is without end")
    return int(text)


_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "%": 1e-2}


def _measure(text: str, units: tuple[str, ...], what: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]*)(.*)", text).groups()  # type: ignore[union-attr]
    if unit not in units or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", number):
        raise argparse.ArgumentTypeError(f"{text!r}: write {what}")
    return float(number) * _UNITS[unit]


def _seconds(text: str) -> float:
    return _measure(text, ("", "s", "ms"), "a time like 200ms, 20s or 0.2")


def _share(text: str) -> float:
    share = _measure(text, ("", "%"), "a share like 1% or 0.01")
    if share >= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: nothing would arrive; write less than 100%")
    return share


def _saved(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(
            f"there is no file {text!r}; a run that finds one names it"
        )
    return Path(text)


CLUSTER = _option("cluster", help="where to run: lab, existing or kind:CNI")

EXISTING = (
    _option("context", default="", help="kubeconfig context of an existing cluster"),
    _option("kubeconfig", default="", help="kubeconfig of an existing cluster"),
)

OUTSIDE = _option(
    "outside",
    default="",
    metavar="HOST[:PORT]",
    help="a machine outside of an existing cluster that runs `netproof agent`",
)

CNI = (
    _option("cni", default="", help="CNI profile of a kind or existing cluster"),
    _option("cni-profiles", type=Path, help="folder of CNI profiles (default: kind-configs)"),
)

CNI_WAY = _option("cni-way", default="", help="another way to install it than the usual one")
NODE_IMAGE = _option("node-image", default="", help="of all kind nodes, by tag or digest")
KIND = (
    CNI_WAY,
    _option("cni-version", default="", help="another version than the profile's"),
    _option("ip-family", choices=["ipv4", "ipv6", "dual"], help="of a kind cluster"),
    _option("cluster-name", default="", help="name of the kind cluster (default: one per run)"),
    _option("kind-config", type=Path, help="kind cluster config instead of the profile's"),
    NODE_IMAGE,
    _flag("keep-cluster", help="leave the kind cluster running"),
    _flag("reuse-cluster", help="use the kind cluster if there; keep it"),
    _repeatable("image-archive", type=Path, help="put onto kind nodes; repeatable"),
    _option("downloads", type=Path, help="folder to take downloads from, not the internet"),
    _option("offline", type=Path, help="a file of `netproof profile bundle`, and no internet"),
    _flag("cluster-logs", help="always collect the kind cluster's logs"),
    _repeatable("skip-host-check", help="kernel, cgroup, inotify or a module; repeatable"),
)

PODS = (
    _option("probe-image", default=PROBE_IMAGE, help="image of the probe pods (any with python3)"),
    _repeatable("toleration", help="key[=value][:effect], or *; repeatable"),
    _repeatable("node-selector", help="label=value; repeatable"),
    _repeatable("image-pull-secret", help="its name; repeatable"),
    _repeatable("pod-resource", help="cpu=50m, memory=64Mi; repeatable"),
)

REQUIRE_VERIFIED = _flag(
    "require-verified", help="refuse downloads without a checksum, images without a digest"
)

LAB = (
    _option("nodes", type=int, default=2, help="nodes of the lab (default: 2)"),
    _option("dataplane", default="enforcing", help="dataplane of the lab: enforcing or flat"),
    _repeatable("defect", help="a fault of the lab's dataplane; repeatable"),
    _option(
        "deny",
        choices=["drop", "reject", "mixed"],
        default="drop",
        help="what the lab does to packets that it denies (default: drop)",
    ),
    _option(
        "established",
        choices=["kept", "cut"],
        default="kept",
        help="open TCP connections that a policy of the lab comes to deny (default: kept)",
    ),
    _option(
        "delay", type=_seconds, default=0.0, help="how much longer a round trip takes in the lab"
    ),
    _option("jitter", type=_seconds, default=0.0, help="how much that delay varies, more or less"),
    _option("loss", type=_share, default=0.0, help="share of packets that the lab loses, like 1%%"),
    _option(
        "stall",
        type=_seconds,
        default=0.0,
        help="how long the lab's API server hangs, each time it has worked twice as long",
    ),
)

PROBE_TIMEOUT = _option(
    "probe-timeout", type=float, help="seconds to wait for an answer to a packet"
)
PATIENCE = (
    PROBE_TIMEOUT,
    _option("converge-timeout", type=float, help="seconds a change of policies may take"),
    _option(
        "gone-after",
        type=float,
        default=60.0,
        help="seconds without an answer of the API server that end the run (default: 60)",
    ),
)
"""How long to wait; without them it is as long as the cluster deserves."""

PLACES = (*EXISTING, OUTSIDE, *CNI, *KIND, *PODS, REQUIRE_VERIFIED, *LAB, *PATIENCE)
"""All that say where and how a run takes place, but for `--cluster` itself."""

WAYS: tuple[tuple[tuple[Option, ...], tuple[str, ...]], ...] = (
    ((*EXISTING, OUTSIDE), ("existing",)),
    (CNI, ("kind", "existing")),
    (PODS, ("kind", "existing")),
    (KIND, ("kind",)),
    (LAB, ("lab",)),
)
"""Which options are for which ways to get a cluster."""

REPORT_DIR = _option(
    "report-dir", type=Path, default=Path("reports"), help="where reports are written"
)
REPORT = _repeatable(
    "report",
    metavar="FORMAT[=FILE]",
    help="html, markdown, junit, sarif, json, csv, comment, codequality, badge, all or github; "
    "FILE - is standard output; several by comma; repeatable",
)
REQUIRE_ENFORCEMENT = _flag("require-enforcement", help="fail where nothing is enforced")
RUN = (
    REQUIRE_ENFORCEMENT,
    _option(
        "operational-access",
        choices=["report", "expect-open", "expect-closed"],
        help="doors that policies do not guard: report (default), or expect them open or closed",
    ),
    REPORT_DIR,
    REPORT,
    _flag("matrices", help="print the matrices of passed scenarios too"),
)

RENDERING = (
    _option(
        "render",
        choices=["auto", "never"],
        default="auto",
        help="kustomizations and Helm charts by their tools (auto), or refuse them (never)",
    ),
    _repeatable("values", type=Path, help="a values file for a Helm chart; repeatable"),
    _repeatable("set", help="a value for a Helm chart, like a.b=c; repeatable"),
    _option("release", default="", help="what a Helm chart's release is called (its chart's name)"),
    _option("kube-version", default="", help="the Kubernetes that a Helm chart is rendered for"),
)
"""How a folder is read that a tool has to render."""

READING = (
    _repeatable("intents", type=Path, help="an intents file; repeatable"),
    _option("bundle-namespace", default="", help="namespace of objects in a bundle that name none"),
    *RENDERING,
)
REQUIRE_PACKETS = _flag("require-packets", help="fail where no packet was sent for an intent")
BUNDLES = (
    _repeatable("bundle", help="policies and workloads to test; repeatable"),
    *READING,
    _flag("bundle-static", help="judge bundles without packets"),
    REQUIRE_PACKETS,
)

FUZZ = (
    _option("fuzz-examples", type=_count, default=20, help="random bundles to try; 0: without end"),
    _option("fuzz-seed", type=int, default=1, help="what the random bundles begin with"),
    _option("fuzz-bundle", type=_saved, help="a saved random bundle to try again"),
)
"""Of the suites' random policies (suites/fuzz)."""

SUITES = (CLUSTER, *PLACES, *RUN, *FUZZ)
"""What a run of the suites takes."""

ALL = (*SUITES, *BUNDLES)
"""What the pytest plugin takes."""


def declare(add: Callable[..., Any], options: Iterable[Option], prefix: str = "") -> None:
    """Add options by pytest's `addoption` or argparse's `add_argument`."""
    for option in options:
        add(f"--{prefix}{option.name}", **option.keywords)


def values(namespace: argparse.Namespace, prefix: str = PREFIX) -> argparse.Namespace:
    """Return the values that pytest has for our options, under their short names."""
    there = prefix.replace("-", "_")
    return argparse.Namespace(
        **{option.attribute: getattr(namespace, there + option.attribute) for option in ALL}
    )


def words(
    chosen: argparse.Namespace, options: Iterable[Option] = PLACES, prefix: str = ""
) -> list[str]:
    """Return the words that give options their values, none for a value that is the default."""
    return [
        word
        for option in options
        for word in option.words(getattr(chosen, option.attribute), prefix)
    ]


_SPELLED = re.compile(rf"(?<![\w-])--(?=(?:{'|'.join(option.name for option in ALL)})(?![\w-]))")


def as_in_pytest(message: str) -> str:
    """Return a message with our options as they are spelled in pytest.

    Who words a message need not know through which door it goes out.
    """
    return _SPELLED.sub(f"--{PREFIX}", message)
