"""The small parts of running on somebody's cluster: options, owners, leftovers, rights."""

from __future__ import annotations

import argparse
import datetime
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.cluster import owners
from netproof.cluster.api import answers
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.existing import check_version
from netproof.cluster.fleet import cleanup
from netproof.cluster.naming import Naming
from netproof.cluster.outside import OutsideContainer, OutsideMachine, OutsidePlace
from netproof.cluster.owners import OwnerProcess
from netproof.cluster.placement import PodOptions, Toleration
from netproof.errors import ClusterError, UsageError
from netproof.front import cli
from netproof.front.places import pods, toleration
from netproof.model import codec
from netproof.model.known_gap import KnownGap
from netproof.model.record import FlowVerdict
from netproof.model.workload import Host, HostKind
from tests.unit.cluster.kind import standins

POD: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "agent"}]}}
NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", {"operator": "Exists"}),
        ("dedicated", {"key": "dedicated", "operator": "Exists"}),
        ("a=b", {"key": "a", "operator": "Equal", "value": "b"}),
        ("a:NoSchedule", {"key": "a", "operator": "Exists", "effect": "NoSchedule"}),
        (
            "a=b:NoExecute",
            {"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute"},
        ),
    ],
)
def test_tolerations_are_written_as_taints(text: str, expected: dict[str, str]) -> None:
    """A toleration is written as `kubectl taint` writes the taint."""
    assert expected == toleration(text).spec()


@pytest.mark.parametrize("text", ["", "=b", "a:Never", "a=b:"])
def test_wrong_tolerations(text: str) -> None:
    """What is no taint is refused with the form."""
    with pytest.raises(UsageError, match="key=value:effect"):
        toleration(text)


def test_wrong_pairs() -> None:
    """A pair without a value is refused with its option."""
    chosen = argparse.Namespace(
        pod_resource=[], node_selector=["disk"], toleration=[], image_pull_secret=[]
    )
    with pytest.raises(UsageError, match="--node-selector disk: write key=value"):
        pods(chosen)


def test_a_pod_without_options_stays_as_it_is() -> None:
    """No option, no field."""
    assert PodOptions().dress(POD) == POD


@pytest.mark.parametrize(
    "outside",
    [
        None,
        OutsideMachine("far", 7462, "ab", (Host(HostKind.OUTSIDE, "outside", ("::7",)),)),
        OutsideContainer("docker", "c", "kind", "python", "r"),
    ],
    ids=["nobody", "machine", "container"],
)
def test_a_cluster_travels_as_text(outside: OutsidePlace | None) -> None:
    """What a worker is told of a cluster is JSON: options, gaps, who stands for the world."""
    options = PodOptions((("disk", "ssd"),), (Toleration(),), ("registry",), (("cpu", "1"),))
    gap = KnownGap("id", ("a/*",), ("* -> *",), (FlowVerdict.LEAK,), "text", "https://x")
    ref = ClusterRef("kind", "name", "file", pods=options, gaps=(gap,), outside=outside)
    text = codec.pack(ref)
    assert ref == codec.unpack(ClusterRef, text)


@pytest.mark.parametrize(("logical", "name"), [("api", "api"), ("api-0", "api-0-np")])
def test_pods_are_told_apart_by_eks(logical: str, name: str) -> None:
    """EKS cuts a pod's name at the last hyphen; what it keeps differs from pod to pod."""
    assert name == Naming("run", "gw0").pod(logical)


def test_this_process_lives() -> None:
    """A process knows itself again."""
    me = owners.me()
    assert me == OwnerProcess.parse(str(me))
    assert me.lives() is True


def test_a_pid_that_is_somebody_elses_now() -> None:
    """A process of the same pid that started at another time is not the owner."""
    assert OwnerProcess(owners.machine(), os.getpid(), 1).lives() is False


def test_another_machines_process_cannot_be_looked_at() -> None:
    """Of a process elsewhere nothing is known."""
    assert OwnerProcess("some-boot.4026531836", 1, 1).lives() is None


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.1.x", "host.1"])
def test_what_is_no_owner(text: str) -> None:
    """An annotation that is something else is nobody."""
    assert OwnerProcess.parse(text) is None


def _space(name: str, *, owned_by: str = "", age_h: float = 0.0) -> dict[str, Any]:
    made = NOW - datetime.timedelta(hours=age_h)
    return {
        "metadata": {
            "name": name,
            "labels": {"netproof.dev/run": "r1"},
            "annotations": {owners.ANNOTATION: owned_by},
            "creationTimestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    }


class _Listed(Client):
    """A client that knows these namespaces."""

    def __init__(self, *spaces: dict[str, Any]) -> None:
        self.spaces = list(spaces)
        self.asked = ""

    def list(self, kind: str, namespace: str = "", *, labels: str = "") -> list[dict[str, Any]]:
        """Return the namespaces, whatever is asked."""
        self.asked = f"{kind}{namespace} {labels}"
        return self.spaces


ELSEWHERE = "other-boot.1.2.3"


@pytest.mark.parametrize(
    ("space", "goes", "why"),
    [
        (_space("a", owned_by=f"{owners.machine()}.1.1"), True, "its process is dead"),
        (_space("a", owned_by=str(owners.me()), age_h=99), False, "its process runs"),
        (_space("a", owned_by=ELSEWHERE, age_h=1), False, "it comes from elsewhere and is 1.0 h"),
        (_space("a", owned_by=ELSEWHERE, age_h=5), True, "it comes from elsewhere and is 5.0 h"),
        (_space("a", age_h=5), True, "it comes from elsewhere and is 5.0 h"),
    ],
)
def test_the_rule_of_leftovers(space: dict[str, Any], *, goes: bool, why: str) -> None:
    """A dead process's namespaces go, a living one's stay, those from elsewhere go by age."""
    client = _Listed(space)
    (found,) = cleanup.find(client, now=NOW)
    assert (goes, True) == (found.goes, found.why.startswith(why))
    assert "Namespace app.kubernetes.io/managed-by=netproof,netproof.dev/run" == client.asked


def test_a_named_run_goes_in_any_case() -> None:
    """Whoever names a run wants it gone."""
    client = _Listed(_space("a", owned_by=str(owners.me())))
    (found,) = cleanup.find(client, now=NOW, run="r1")
    assert found.goes
    assert client.asked.endswith("netproof.dev/run=r1")


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("exceeded quota: q (403)", "have it raised"),
        ("failed quota: q: must specify requests.cpu", "--pod-resource cpu=50m"),
        ("maximum memory usage per Container is 1Gi", "LimitRange"),
        ('violates PodSecurity "restricted:latest"', "restricted"),
        ('admission webhook "x" denied the request: no', "admission rule"),
        ('pods is forbidden: User "u" cannot create', "netproof rbac"),
    ],
)
def test_refusals_have_a_remedy(message: str, remedy: str) -> None:
    """Each kind of refusal is followed by what to do."""
    told = answers.with_remedy(message)
    assert told.startswith(f"{message}; ")
    assert remedy in told


def test_other_messages_stay() -> None:
    """A message that is not known is left as it is."""
    assert "not found (404)" == answers.with_remedy("not found (404)")


@pytest.mark.parametrize(
    ("arguments", "subject"),
    [
        (["--user", "jane"], {"kind": "User", "name": "jane"}),
        (["--group", "ci"], {"kind": "Group", "name": "ci"}),
        (["--service-account", "ci/bot"], {"kind": "ServiceAccount", "namespace": "ci"}),
    ],
)
def test_rbac_binds_the_role(arguments: list[str], subject: dict[str, str], capsys: Any) -> None:
    """A role is printed, and its binding where somebody is named."""
    assert 0 == cli.main(["rbac", *arguments])
    role, binding = yaml.safe_load_all(capsys.readouterr().out)
    assert ("ClusterRole", "ClusterRoleBinding") == (role["kind"], binding["kind"])
    assert subject.items() <= binding["subjects"][0].items()
    assert role["metadata"]["name"] == binding["roleRef"]["name"]


def test_rbac_of_half_a_name(capsys: Any) -> None:
    """A service account without its namespace is refused, without a traceback."""
    assert 2 == cli.main(["rbac", "--service-account", "bot"])
    assert "write NAMESPACE/NAME" in capsys.readouterr().err


def test_profiles_are_pinned_in_place(tmp_path: Path, capsys: Any) -> None:
    """`netproof profile pin` writes checksums where there are none, and changes nothing else."""
    made = standins.offline(tmp_path)
    file = made.profiles / "weave" / "profile.yaml"
    before = file.read_text().splitlines()
    where = ["--cni-profiles", str(made.profiles), "--downloads", str(made.downloads)]
    assert 0 == cli.main(["profile", "pin", "weave", *where])
    after = file.read_text().splitlines()
    (changed,) = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert changed[0].strip().startswith("unverified:")
    assert changed[1].strip().startswith("sha256: ")
    (made.downloads / "weave-daemonset-k8s.yaml").write_text("something else")
    capsys.readouterr()
    assert 1 == cli.main(["profile", "pin", "weave", *where])
    assert "CHANGED (the profile says" in capsys.readouterr().out
    assert after == file.read_text().splitlines()


@pytest.mark.parametrize("version", ["v1.22.0", "v1.33.0+netlab", "v1.31.2-gke.100", "odd"])
def test_versions_that_will_do(version: str) -> None:
    """A recent Kubernetes, and one whose version cannot be read, is tried."""
    check_version(version)


def test_a_version_that_is_too_old() -> None:
    """An old Kubernetes is refused before pods fail in ways that are hard to read."""
    with pytest.raises(ClusterError, match=r"Kubernetes v1\.21\.14; 1\.22 or newer is needed"):
        check_version("v1.21.14")
