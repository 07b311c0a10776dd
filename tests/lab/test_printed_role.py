"""What `netproof rbac` prints, judged by the RBAC of an API server: enough, and each lack told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.cluster.access import required
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.existing import ExistingCluster
from netproof.cluster.lab import LabCluster, LabOptions
from netproof.errors import ClusterError
from netproof.front import cli
from tests.defects.suites import run_pytest

ACCOUNT = "default/ci"

Grant = Callable[[list[Any]], str]


@pytest.fixture(scope="module")
def lab(worker_id: str) -> Iterator[ClusterRef]:
    """Start a cluster with a service account that has no required."""
    cluster = LabCluster(LabOptions(name=f"printed-role-{os.getpid()}-{worker_id}"))
    ref = cluster.start()
    try:
        client = Client(ref)
        meta = {"namespace": "default", "name": "ci"}
        client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        client.close()
        yield ref
    finally:
        cluster.stop()


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """Return the objects that an administrator is told to apply."""
    assert 0 == cli.main(["rbac", "--service-account", ACCOUNT])
    return list(yaml.safe_load_all(capsys.readouterr().out))


@pytest.fixture
def grant(lab: ClusterRef, tmp_path: Path) -> Iterator[Grant]:
    """Apply objects as the administrator and return the account's kubeconfig; takes them back."""
    client, applied = Client(lab), []

    def apply(objects: list[Any]) -> str:
        for obj in objects:
            client.create(obj)
            applied.append(obj)
        return _kubeconfig(client, tmp_path)

    yield apply
    for obj in applied:
        client.delete(obj["kind"], obj["metadata"]["name"])
    client.close()


def _kubeconfig(client: Client, folder: Path) -> str:
    """Write the kubeconfig of the account, with a token of its own and none of the lab's."""
    path = "/api/v1/namespaces/default/serviceaccounts/ci/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = client.post(path, request, f"asking for a token of {ACCOUNT}")["status"]["token"]
    source = Path(client.ref.kubeconfig)
    plain = yaml.safe_load(source.read_text())
    cluster = plain["clusters"][0]["cluster"]
    cluster["certificate-authority"] = str(source.parent / cluster["certificate-authority"])
    plain["users"][0]["user"] = {"token": token}
    written = folder / "kubeconfig"
    written.write_text(yaml.safe_dump(plain))
    return str(written)


def test_the_printed_role_suffices(printed: list[Any], grant: Grant, tmp_path: Path) -> None:
    """An account with the printed role, and nothing else, runs a theme of the suites."""
    existing = ("--cluster", "existing", "--kubeconfig", grant(printed))
    seen = run_pytest("suites/additive", tmp_path / "reports", *existing, "-n", "2")
    assert 0 == seen.exit_code, seen.output


@pytest.mark.parametrize("lacking", required.RIGHTS, ids=lambda right: right.resource)
def test_a_role_without_one_rule_is_told_what_it_lacks(
    lacking: required.Right, printed: list[Any], grant: Grant
) -> None:
    """Every right of the rule is named with what it is for, and the way to have it granted."""
    role, binding = printed
    rules = [rule for rule in role["rules"] if rule["resources"] != [lacking.resource]]
    kubeconfig = grant([{**role, "rules": rules}, binding])
    full = f"{lacking.resource}.{lacking.group}" if lacking.group else lacking.resource
    named = "; ".join(f"{verb} {full} (for {lacking.purpose})" for verb in lacking.verbs)
    with pytest.raises(ClusterError) as refused:
        ExistingCluster(kubeconfig).start()
    assert f"do not suffice, {len(lacking.verbs)} are missing: {named}. `netproof rbac`" in str(
        refused.value
    )
