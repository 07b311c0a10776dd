"""Where a run takes place and how long it waits: the options' values as what the stages take.

What only one kind of cluster needs is imported with it: `netproof lab up` starts the lab before
anything that speaks to it, and a run on the lab needs neither kind nor profiles.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netproof.cluster.lab import LabCluster, LabOptions, NetworkFaults
from netproof.errors import UsageError
from netproof.front import options
from netproof.model.known_gap import CniFacts
from netproof.model.workload import is_address

if TYPE_CHECKING:
    from netproof.cluster.backend import ClusterBackend
    from netproof.cluster.existing import ExistingCluster
    from netproof.cluster.kind.cluster import KindOptions
    from netproof.cluster.outside import OutsideMachine
    from netproof.cluster.placement import PodOptions, Toleration
    from netproof.run.scenario import Wishes

Say = Callable[[str], None]

_ALIASES = {"weave-net": "weave"}

CLUSTERS = ("lab", "kind", "existing")

RESOURCES = ("cpu", "memory", "ephemeral-storage")


def backend(option: argparse.Namespace, run_id: str, say: Say, *, command: str) -> ClusterBackend:
    """Return the way to get a cluster that is asked for; raise UsageError for a wrong one.

    `command` is the one of netproof whose rights are asked for on somebody's cluster.
    """
    way, cni = _way(option.cluster, option.cni)
    _refuse_strangers(option, way)
    if way == "existing":
        return existing(option, cni, command=command)
    if way == "kind":
        from netproof.cluster.kind.cluster import KindCluster

        return KindCluster(_kind(option, cni, run_id), say)
    return LabCluster(lab(option, name=f"run-{run_id}"))


def beginning(option: argparse.Namespace) -> str:
    """Name what goes on until a cluster is there."""
    way, _, cni = str(option.cluster).partition(":")
    if way == "existing":
        return "cluster: asking what is there"
    return "lab: starting" if way == "lab" else f"kind: making a cluster with {cni or option.cni}"


def existing(option: argparse.Namespace, cni: str = "", *, command: str = "") -> ExistingCluster:
    """Return the existing cluster that the options name, for a command of netproof."""
    from netproof.cluster.access import required
    from netproof.cluster.existing import ExistingCluster
    from netproof.cluster.profiles import reading

    _refuse_unverified(option)
    profile = reading.load(cni, _configs(option)) if cni else None
    rights, where = required.of(command), pods(option)
    there = outside(getattr(option, "outside", ""))  # no option of every command
    return ExistingCluster(option.kubeconfig, option.context, where, profile, rights, there)


TOKEN = "NETPROOF_OUTSIDE_TOKEN"  # noqa: S105 - the variable's name
"""The variable with the token of `netproof agent`: command lines are for all eyes of a machine."""

AGENT_PORT = 7462
"""Where `netproof agent` takes orders, unless it says otherwise."""

_TOKEN = re.compile(r"[0-9a-f]{64}")


def outside(text: str, environ: Mapping[str, str] = os.environ) -> OutsideMachine | None:
    """Read `--outside HOST[:PORT]` and the token that goes with it, None where none is named.

    Raises UsageError for what cannot be read, and for a token that is not there or is none.
    """
    if not text:
        return None
    from netproof.cluster.outside import OutsideMachine

    host, port = host_and_port(text, "--outside")
    token = environ.get(TOKEN, "").strip()
    if not _TOKEN.fullmatch(token):
        what = "is no token" if token else "is not set"
        raise UsageError(
            f"--outside {text}: {TOKEN} {what}; export it as `netproof agent` says there"
        )
    return OutsideMachine(host, port, token)


def host_and_port(text: str, named: str) -> tuple[str, int]:
    """Read HOST, HOST:PORT, an IPv6 address or [IPV6]:PORT, as an option of that name has it.

    Raises UsageError for anything else.
    """
    read = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
    host = read["host"] if read else text
    number = (read["port"] if read else None) or str(AGENT_PORT)
    bare = read is None and text.count(":") > 1 and is_address(text)
    if not (read or bare) or not 0 < int(number) < 65536:
        raise UsageError(f"{named} {text}: write HOST, HOST:PORT or [IPV6]:PORT")
    return host, int(number)


_BRACKETED = re.compile(r"\[(?P<host>[0-9A-Fa-f:.]+)\](:(?P<port>[0-9]{1,5}))?")
_PLAIN = re.compile(r"(?P<host>[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")


def cni_facts(option: argparse.Namespace) -> CniFacts | None:
    """Return what is declared of the CNI that the options name, None where they name none.

    Raises UsageError for one without a profile.
    """
    named = str(option.cni or (option.cluster or "").partition(":")[2]).lower()
    if not named:
        return None
    from netproof.cluster.profiles import reading

    profile = reading.load(_ALIASES.get(named, named), _configs(option))
    return CniFacts(profile.title, profile.enforces, profile.gaps)


def lab(
    option: argparse.Namespace, *, name: str, port: int = 0, outlive: bool = False
) -> LabOptions:
    """Return the lab that the options describe."""
    return LabOptions(
        nodes=option.nodes,
        dataplane=option.dataplane,
        defects=tuple(option.defect),
        deny=option.deny,
        established=option.established,
        network=NetworkFaults(option.delay, option.jitter, option.loss),
        stall_s=option.stall,
        port=port,
        name=name,
        outlive=outlive,
    )


def pods(option: argparse.Namespace) -> PodOptions:
    """Return how probe pods are to fit in; raise UsageError for what cannot be read."""
    from netproof.cluster.placement import PodOptions

    resources = tuple(_pair("--pod-resource", text) for text in option.pod_resource)
    for name, _ in resources:
        if name not in RESOURCES:
            raise UsageError(f"--pod-resource {name}: there are {', '.join(RESOURCES)}")
    return PodOptions(
        node_selector=tuple(_pair("--node-selector", text) for text in option.node_selector),
        tolerations=tuple(toleration(text) for text in option.toleration),
        pull_secrets=tuple(option.image_pull_secret),
        resources=resources,
    )


def toleration(text: str) -> Toleration:
    """Read `key[=value][:effect]`, as `kubectl taint` writes it; `*` tolerates everything."""
    from netproof.cluster.placement import EFFECTS, Toleration

    if text == "*":
        return Toleration()
    body, colon, effect = text.partition(":")
    key, equals, value = body.partition("=")
    if not key or (colon and effect not in EFFECTS):
        raise UsageError(
            f"--toleration {text}: write key, key=value, key:effect or key=value:effect, "
            f"where effect is {', '.join(EFFECTS)}; or * for all"
        )
    return Toleration(key, value if equals else None, effect)


def _pair(option: str, text: str) -> tuple[str, str]:
    """Read `key=value`; raise UsageError where it is none."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"{option} {text}: write key=value")
    return key, value


def wishes(option: argparse.Namespace, *, nodes: bool = False) -> Wishes:
    """Return what the options say on the agents, and on how long to wait."""
    from netproof.run.scenario import Wishes

    return Wishes(
        option.probe_image,
        option.probe_timeout,
        option.converge_timeout,
        nodes=nodes,
        gone_after_s=option.gone_after,
    )


def _way(cluster: str, cni: str) -> tuple[str, str]:
    """Read `--cluster WAY[:CNI]` together with `--cni`."""
    way, colon, named = cluster.partition(":")
    if way not in CLUSTERS or (colon and (way != "kind" or not named)):
        raise UsageError(f"--cluster {cluster}: write lab, existing or kind:CNI (kind:calico)")
    if named and cni and named != cni:
        raise UsageError(f"--cluster {cluster} and --cni {cni} name two CNIs; name one")
    if way == "kind" and not (named or cni):
        raise UsageError("--cluster kind: which CNI? write kind:CNI, for example kind:calico")
    if way == "lab" and cni:
        raise UsageError(
            "--cni is for --cluster kind and existing, and for --static; the lab has --dataplane"
        )
    return way, named or cni


def _refuse_strangers(chosen: argparse.Namespace, way: str) -> None:
    """Raise UsageError for an option of another way: a run without it would be another run."""
    for group, ways in options.WAYS:
        for option in group:
            if way not in ways and getattr(chosen, option.attribute) != option.default:
                meant = f"--{option.name} is for --cluster {' and '.join(ways)}"
                raise UsageError(f"{meant}; it says nothing to --cluster {way}")


def _refuse_unverified(option: argparse.Namespace) -> None:
    """Raise UsageError where nobody says what is in the probes' image and somebody has to."""
    if not option.require_verified:
        return
    from netproof.cluster.kind.clusterconfig import DIGEST

    image = option.probe_image
    if not DIGEST.search(image):
        raise UsageError(
            f"--require-verified: the probe image {image} has no digest; "
            f"pass --probe-image {image.partition('@')[0]}@sha256:... with the one that you trust"
        )


def _kind(option: argparse.Namespace, cni: str, run_id: str) -> KindOptions:
    from netproof.cluster.kind.cluster import KindOptions
    from netproof.cluster.profiles.declaration import IpFamily

    _refuse_unverified(option)
    return KindOptions(
        cni=cni,
        run_id=run_id,
        configs=_configs(option),
        report_dir=option.report_dir,
        probe_image=option.probe_image,
        name=option.cluster_name,
        config=option.kind_config,
        node_image=option.node_image,
        cni_version=option.cni_version,
        cni_way=option.cni_way,
        family=IpFamily(option.ip_family) if option.ip_family else None,
        image_archives=tuple(option.image_archive),
        downloads=option.downloads,
        offline=option.offline,
        keep=option.keep_cluster,
        reuse=option.reuse_cluster,
        logs=option.cluster_logs,
        skipped_checks=tuple(option.skip_host_check),
        require_verified=option.require_verified,
        pods=pods(option),
    )


def _configs(option: argparse.Namespace) -> Path:
    from netproof.cluster.profiles import reading

    chosen: Path | None = option.cni_profiles
    return chosen or reading.folder()
