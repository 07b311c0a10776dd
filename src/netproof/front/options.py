"""The options that say where a run takes place, the same for pytest and for `netproof ...`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from netproof.cluster.backend import ClusterBackend
from netproof.cluster.existing import ExistingCluster
from netproof.cluster.kind.cluster import KindCluster, KindOptions
from netproof.cluster.lab import LabCluster
from netproof.cluster.placement import PodOptions, pair, toleration
from netproof.cluster.profiles import reading
from netproof.cluster.profiles.profile import IpFamily
from netproof.errors import UsageError
from netproof.front.laboptions import Add, add_lab, lab

Say = Callable[[str], None]

WAYS = ("lab", "kind", "existing")

PROBE_IMAGE = "docker.io/library/python:3.13-alpine"
"""A stock image with Python in it; the agent needs nothing else of it."""

RESOURCES = ("cpu", "memory", "ephemeral-storage")


def add_existing(add: Add) -> None:
    """Add the options that name an existing cluster."""
    add("--context", default="", help="kubeconfig context of an existing cluster")
    add("--kubeconfig", default="", help="kubeconfig of an existing cluster")


def add_pods(add: Add) -> None:
    """Add the options on how probe pods fit into a cluster."""
    add("--probe-image", default=PROBE_IMAGE, help="image of the probe pods (any with python3)")
    add("--toleration", action="append", default=[], help="key[=value][:effect], or *; repeatable")
    add("--node-selector", action="append", default=[], help="label=value; repeatable")
    add("--image-pull-secret", action="append", default=[], help="its name; repeatable")
    add("--pod-resource", action="append", default=[], help="cpu=50m, memory=64Mi; repeatable")


def add_kind(add: Add) -> None:
    """Add the options of kind clusters."""
    _add_cni(add)
    _add_kind_only(add)


def _add_cni(add: Add) -> None:
    add("--cni", default="", help="CNI profile of a kind or existing cluster")
    add("--cni-profiles", type=Path, help="folder of CNI profiles (default: kind-configs)")


def _add_kind_only(add: Add) -> None:
    add("--cni-version", default="", help="another version than the profile's")
    add("--ip-family", choices=[str(f) for f in IpFamily], help="of a kind cluster")
    add("--cluster-name", default="", help="name of the kind cluster (default: one per run)")
    add("--kind-config", type=Path, help="kind cluster config instead of the profile's")
    add("--keep-cluster", action="store_true", help="leave the kind cluster running")
    add("--reuse-cluster", action="store_true", help="use the kind cluster if there; keep it")
    add("--image-archive", type=Path, action="append", default=[], help="put onto kind nodes")
    add("--downloads", type=Path, help="folder to take downloads from, instead of the internet")
    add("--cluster-logs", action="store_true", help="always collect the kind cluster's logs")
    add("--ignore-host-limits", action="store_true", help="start kind on an unfit machine")


def add_places(add: Add) -> None:
    """Add all options that say where a run takes place, but for `--cluster` itself."""
    for part in (add_existing, add_kind, add_pods, add_lab, add_patience):
        part(add)


def add_patience(add: Add) -> None:
    """Add the options on how long to wait; without them it is as long as the cluster deserves."""
    add("--probe-timeout", type=float, help="seconds to wait for an answer to a packet")
    add("--converge-timeout", type=float, help="seconds a change of policies may take")


def backend(option: argparse.Namespace, run_id: str, say: Say) -> ClusterBackend:
    """Return the way to get a cluster that is asked for; raise UsageError for a wrong one."""
    way, cni = _way(option.cluster, option.cni)
    _refuse_strangers(option, way)
    if way == "existing":
        return existing(option, cni)
    if way == "kind":
        return KindCluster(_kind(option, cni, run_id), say)
    return LabCluster(lab(option, name=f"run-{run_id}"))


def existing(option: argparse.Namespace, cni: str = "") -> ExistingCluster:
    """Return the existing cluster that the options name."""
    profile = reading.load(cni, _configs(option)) if cni else None
    return ExistingCluster(option.kubeconfig, option.context, pods(option), profile)


def pods(option: argparse.Namespace) -> PodOptions:
    """Return how probe pods are to fit in; raise UsageError for what cannot be read."""
    for text in option.toleration:
        toleration(text)
    resources = tuple(pair("--pod-resource", text) for text in option.pod_resource)
    for name, _ in resources:
        if name not in RESOURCES:
            raise UsageError(f"--pod-resource {name}: there are {', '.join(RESOURCES)}")
    return PodOptions(
        node_selector=tuple(pair("--node-selector", text) for text in option.node_selector),
        tolerations=tuple(option.toleration),
        pull_secrets=tuple(option.image_pull_secret),
        resources=resources,
    )


def _way(cluster: str, cni: str) -> tuple[str, str]:
    """Read `--cluster WAY[:CNI]` together with `--cni`."""
    way, colon, named = cluster.partition(":")
    if way not in WAYS or (colon and (way != "kind" or not named)):
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


_FOR: tuple[tuple[Callable[[Add], None], tuple[str, ...]], ...] = (
    (add_existing, ("existing",)),
    (_add_cni, ("kind", "existing")),
    (add_pods, ("kind", "existing")),
    (_add_kind_only, ("kind",)),
    (add_lab, ("lab",)),
)
"""Which options are for which ways to get a cluster."""


def _refuse_strangers(option: argparse.Namespace, way: str) -> None:
    """Raise UsageError for an option of another way: a run without it would be another run."""
    for part, ways in _FOR:
        parser = argparse.ArgumentParser(add_help=False)
        part(parser.add_argument)
        for name, default in vars(parser.parse_args([])).items():
            if way not in ways and getattr(option, name) != default:
                told = f"--{name.replace('_', '-')} is for --cluster {' and '.join(ways)}"
                raise UsageError(f"{told}; it says nothing to --cluster {way}")


def _kind(option: argparse.Namespace, cni: str, run_id: str) -> KindOptions:
    return KindOptions(
        cni=cni,
        run_id=run_id,
        configs=_configs(option),
        report_dir=option.report_dir,
        probe_image=option.probe_image,
        name=option.cluster_name,
        config=option.kind_config,
        cni_version=option.cni_version,
        family=IpFamily(option.ip_family) if option.ip_family else None,
        image_archives=tuple(option.image_archive),
        downloads=option.downloads,
        keep=option.keep_cluster,
        reuse=option.reuse_cluster,
        logs=option.cluster_logs,
        ignore_host=option.ignore_host_limits,
        pods=pods(option),
    )


def _configs(option: argparse.Namespace) -> Path:
    chosen: Path | None = option.cni_profiles
    return chosen or reading.folder()
