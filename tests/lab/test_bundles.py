"""Bundles by packets: the examples, a faulty dataplane, pytest, and somebody else's cluster."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from netproof.cluster.access import required
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.lab import LabCluster, LabOptions, environment
from netproof.front import cli
from netproof.front.options import as_in_pytest
from netproof.model import codec
from netproof.model.check import CheckRecord
from netproof.model.record import RunVerdict
from netproof.model.review import Kept
from tests.lab.gate import Asked, Decision, gate, only
from tests.unit.review import large
from tests.unit.review.build import deny_all, intents, policy, service, workload

ROOT = Path(__file__).parents[2]
GRANTED = [(verb, right.group, right.resource) for right in required.RIGHTS for verb in right.verbs]

BUNDLE = "---\n".join(
    [
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: production, labels: {env: p}}\n",
        workload("production/web", "http:80"),
        workload("production/api", 8080),
        workload("staging/web", 80),
        service("production/api", "api", "{port: 80, targetPort: 8080}"),
        deny_all("production"),
        policy(
            "production/api",
            "{podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress], ingress: [{from: "
            "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: staging}}}]}]}",
        ),
    ]
)
INTENTS = intents(
    "allow: staging/web -> api:8080",
    "deny: production/web -> api",
    "deny: production/web -> outside",
)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a folder with a bundle whose intents hold."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "bundle.yaml").write_text(BUNDLE)
    (folder / "intents.yaml").write_text(INTENTS)
    return folder


@pytest.fixture(scope="module")
def somebodys(worker_id: str) -> Iterator[ClusterRef]:
    """Return a cluster with a namespace, a pod, a Service and policies that are not ours."""
    cluster = LabCluster(LabOptions(name=f"bundles-{os.getpid()}-{worker_id}"))
    ref = cluster.start()
    client = Client(ref)
    try:
        for raw in _foreign_objects():
            client.create(raw)
        yield ref
    finally:
        client.close()
        cluster.stop()


def _foreign_objects() -> Iterator[dict[str, Any]]:
    """Yield objects of the same names as the bundle's, so that nothing may be mixed up."""
    meta = {"namespace": "production"}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "production"}}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**meta, "name": "api"},
        "spec": {"selector": {"app": "api"}, "ports": [{"port": 80}]},
    }
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {**meta, "name": "deny"},
        "spec": {"podSelector": {}, "ingress": [{}]},
    }


def _everything(ref: ClusterRef) -> bytes:
    """Return every object of the cluster that is not ours, as bytes."""
    client = Client(ref)
    kinds = ("Namespace", "Service", "NetworkPolicy", "Pod", "Node")
    listed = {kind: client.list(kind) for kind in kinds}
    client.close()
    return json.dumps(listed, sort_keys=True).encode()


def _check(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, CheckRecord]:
    code = cli.main(["check", "--format", "json", *map(str, argv)])
    return code, codec.unpack(CheckRecord, capsys.readouterr().out)


def test_bundle_on_the_lab(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every intent is judged twice, and the whole matrix by packets."""
    code, record = _check(capsys, bundle)

    assert 0 == code
    assert [Kept.KEPT] * 3 == [one.packets.kept for one in record.intents if one.packets]
    assert record.packets
    assert (RunVerdict.PASS, ()) == (record.verdict, record.packets.findings)


def test_leak_to_a_node_is_found(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dataplane that forgets addresses of no pod lets an isolated pod reach another node."""
    code, record = _check(capsys, bundle, "--defect", "world-not-policed")

    assert 1 == code
    assert record.packets
    leaks = [line for line in record.packets.findings if "leak: production/" in line]
    assert any(" -> node " in line for line in leaks), record.packets.findings


def test_node_that_leaks_is_found(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dataplane that polices one node only lets another node reach an isolated pod."""
    code, record = _check(capsys, bundle, "--defect", "enforces-on-one-node-only")

    assert 1 == code
    assert record.packets
    assert any("leak: node " in line for line in record.packets.findings), record.packets.findings


def test_leak_is_found_where_the_policies_are_right(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dataplane that ignores egress breaks by packets what the policies keep."""
    code, record = _check(capsys, bundle, "--defect", "ignores-egress")
    (broken,) = [one for one in record.intents if one.kept is Kept.BROKEN]

    assert 1 == code
    assert "deny: production/web -> outside" == broken.intent
    assert Kept.KEPT is broken.static.kept


def test_cluster_that_enforces_nothing_is_said_once(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a flat network the verdict is NOT ENFORCED, without a finding for each flow."""
    code, record = _check(capsys, bundle, "--dataplane", "flat")
    required, _ = _check(capsys, bundle, "--dataplane", "flat", "--require-enforcement")

    assert record.packets
    assert (RunVerdict.NOT_ENFORCED, ()) == (record.verdict, record.packets.findings)
    assert (0, 1) == (code, required)
    assert "as its profile says" in record.exit_reason


def test_somebodys_cluster_stays_as_it_was(
    somebodys: ClusterRef, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a restricted token, every foreign object is byte for byte the same afterwards."""
    before = _everything(somebodys)
    with gate(somebodys.kubeconfig, tmp_path, only(GRANTED)) as somebody:
        where = ("--cluster", "existing", "--kubeconfig", somebody.kubeconfig)
        code, record = _check(capsys, bundle, *where, "--probe-timeout", "0.5")

    assert 0 == code, record
    assert before == _everything(somebodys)


def test_nodes_that_admit_no_agent_are_told_of(
    somebodys: ClusterRef, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where pods on a node's network are refused, all else is probed and the report says so."""

    def restricted(asked: Asked) -> Decision:
        if asked.right == ("create", "", "pods") and "-nodes-" in asked.namespace:
            return 403, 'pods "node" is forbidden: violates PodSecurity "restricted:latest"'
        return None

    with gate(somebodys.kubeconfig, tmp_path, admission=[restricted]) as somebody:
        where = ("--cluster", "existing", "--kubeconfig", somebody.kubeconfig)
        code, record = _check(capsys, bundle, *where, "--probe-timeout", "0.5")
        ran = _pytest(bundle, *map(str, where), "--probe-timeout", "0.5", "-rs")

    assert 0 == code, record
    assert any(
        "nodes" == note.what and "violates PodSecurity" in note.text for note in record.notes
    )
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "no packet: creating Pod" in ran.stdout


def test_nothing_foreign_is_written(
    somebodys: ClusterRef, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every call that changes something is about a namespace of our own."""
    written: list[str] = []

    def watch(asked: Asked) -> Decision:
        if asked.verb in ("create", "update", "patch", "delete") and asked.namespace:
            written.append(asked.namespace)
        return None

    with gate(somebodys.kubeconfig, tmp_path, admission=[watch]) as somebody:
        where = ("--cluster", "existing", "--kubeconfig", somebody.kubeconfig)
        _check(capsys, bundle, *where, "--probe-timeout", "0.5")

    assert written
    assert all(name.startswith("np-") for name in written)


def test_large_bundle_costs_few_calls(
    somebodys: ClusterRef, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """60 workloads and 120 policies cost less than one API call for a hundred flows."""
    file = tmp_path / "large.yaml"
    file.write_text(large.text())
    calls: list[Asked] = []

    def count(asked: Asked) -> Decision:
        if "-canary-" not in asked.namespace and asked.resource != "selfsubjectaccessreviews":
            calls.append(asked)
        return None

    with gate(somebodys.kubeconfig, tmp_path, admission=[count]) as somebody:
        where = ("--cluster", "existing", "--kubeconfig", somebody.kubeconfig)
        code, record = _check(capsys, file, *where, "--probe-timeout", "0.5")

    assert 0 == code
    assert record.packets
    assert len(calls) / record.packets.flows < 0.01


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--np-bundle", str(folder)]
    command += ["-p", "no:cacheprovider", "--np-report-dir", str(folder.parent / "reports")]
    return subprocess.run(
        [*command, *map(as_in_pytest, arguments)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_pytest_has_a_test_for_each_intent_and_pair(bundle: Path) -> None:
    """`pytest --np-bundle` has readable ids, and all of them pass where the bundle is kept."""
    ran = _pytest(bundle, "-v")

    assert 0 == ran.returncode, ran.stdout + ran.stderr
    for name in (
        "deny: production/web -> api PASSED",
        "staging/web -> production/api PASSED",
        "production/web -> service production/api PASSED",
        "staging/web -> outside PASSED",
        "staging/web -> dns PASSED",
    ):
        assert f"bundle::{name}" in ran.stdout


def test_a_bundle_says_how_to_probe_it_again(bundle: Path, tmp_path: Path) -> None:
    """The record has the command: the bundle, how it is read, and the same kind of lab."""
    options = ["--np-bundle-namespace", "shop", "--np-cluster", "lab", "--np-nodes", "1"]
    ran = _pytest(bundle, *options)

    assert 0 == ran.returncode, ran.stdout + ran.stderr
    record = codec.loads((tmp_path / "reports" / "record.json").read_text(encoding="utf-8"))
    command = shlex.join([sys.executable, "-m", "pytest", "--np-bundle", str(bundle), *options])
    assert [f"(cd {ROOT} && {command})"] == [scenario.repeat for scenario in record.scenarios]


def test_pytest_with_workers_and_a_choice(bundle: Path, tmp_path: Path) -> None:
    """`-n 2`, `-k` and JUnit work as for any test, and a broken intent fails with its cause."""
    (bundle / "intents.yaml").write_text(intents("deny: staging/web -> api"))
    junit = tmp_path / "junit.xml"

    ran = _pytest(bundle, "-n", "2", "-k", "staging and api", "--junitxml", str(junit))

    assert 1 == ran.returncode, ran.stdout + ran.stderr
    cases = {case.get("name"): case for case in ET.parse(junit).iter("testcase")}  # noqa: S314 - our own file
    assert {
        "deny: staging/web -> api",
        "staging/web -> production/api",
        "production/api -> staging/web",
        "staging/web -> service production/api",
    } == set(cases)
    failure = cases["deny: staging/web -> api"].find("failure")
    assert failure is not None
    assert "production/api ingress[0] lets" in str(failure.text)


def test_pytest_without_packets(bundle: Path) -> None:
    """`--np-bundle-static` judges the intents and starts no cluster."""
    ran = _pytest(bundle, "--np-bundle-static", "-q")

    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout
    assert "cluster" not in ran.stdout


def test_malformed_bundle_in_pytest(tmp_path: Path) -> None:
    """A malformed bundle is pytest's usage error, with file and line."""
    file = tmp_path / "bad.yaml"
    file.write_text("apiVersion: v1\nkind: 7\n")

    ran = _pytest(file)

    assert 4 == ran.returncode
    assert f"{file}:2: " in ran.stderr
    assert "Traceback" not in ran.stderr


def test_demo() -> None:
    """The examples' two broken promises are found by packets, with file and line."""
    ran = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "examples/production-networking/policies.yaml:24: " in ran.stdout
    assert "examples/zero-trust/policies.yaml:20: " in ran.stdout
