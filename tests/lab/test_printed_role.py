"""What `netproof rbac` prints, judged by the RBAC of an API server: enough, and each lack told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.front import cli
from tests.defects.suites import run_pytest
from tests.lab.gate import gate
from tests.rights.account import Account, account

KEYS = ("-k", "test_keys or every_other_pod_is_denied")
FOR_CI = ("--service-account", "default/ci")


@pytest.fixture(scope="module")
def somebody(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Start a cluster with a service account that has no rights."""
    with account(f"printed-role-{worker_id}", tmp_path_factory.mktemp("account")) as made:
        yield made


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """Return the objects that an administrator is told to apply for cases."""
    assert 0 == cli.main(["rbac", "--for", "test", *FOR_CI])
    return list(yaml.safe_load_all(capsys.readouterr().out))


def test_the_printed_role_suffices(somebody: Account, printed: list[Any], tmp_path: Path) -> None:
    """An account with the printed role passes, says what takes more, and asks for nothing else."""
    with somebody.granted(printed) as kubeconfig, gate(kubeconfig, tmp_path) as watched:
        where = ("--cluster", "existing", "--kubeconfig", str(watched.kubeconfig))
        seen = run_pytest("suites/operational_access", tmp_path, *where, *KEYS, "-n", "2")
    assert 0 == seen.exit_code, seen.output
    made = {right for right in watched.seen if right[2].startswith(("role", "serviceaccounts"))}
    assert set() == made
    assert any("missing delete serviceaccounts (for users" in note for note in seen.record.notes)
    assert any("missing list clusterroles.rbac" in note for note in seen.record.notes)


def test_an_account_without_rights_on_it_is_told_what_clean_needs(
    somebody: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """What takes fewer rights than a run asks for those alone."""
    with somebody.granted([]) as kubeconfig:
        assert 2 == cli.main(["clean", "--kubeconfig", kubeconfig])
    told = capsys.readouterr().err
    assert "3 are missing: delete namespaces (for namespaces of its own); get names" in told
