"""Every defect of the lab's dataplane is found by the suites."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from netproof.cluster.lab import environment
from netproof.model.record import RunVerdict
from tests.defects.fuzz import MOST_POLICIES, hunt
from tests.defects.suites import run_pytest, run_suites, with_defect


def _names() -> list[str]:
    asked = [sys.executable, "-m", "netlab", "defects", "--json"]
    told = subprocess.run(asked, env=environment(), capture_output=True, check=True).stdout
    # Those of the kubelet are no business of the policies' suites.
    return [defect["name"] for defect in json.loads(told) if defect["kind"] == "dataplane"]


ADDITIVE = "additive/test_additive.py"
BLOCKS = "ipblock/test_ipblock.py"
LIFECYCLE = "lifecycle/test_lifecycle.py"
LIMITS = "limits/test_limits.py"
PEERS = "peers/test_peers.py"
PORTS = "ports/test_ports.py"
ENDINGS = "endings/test_endings.py"
TERMINATING = f"{ENDINGS}::test_terminating_pod"
COMPLETED = f"{ENDINGS}::test_address_of_a_completed_pod"

THEMES = {
    "ignores-egress": "egress",
    "directions-share-rules": "isolation/test_isolation.py::test_ingress_and_egress_among_its_own",
    "policy-lost-on-pod-restart": "lifecycle",
    "new-pods-escape": "lifecycle",
    "policy-update-ignored": f"{LIFECYCLE}::test_updated_peer",
    "stale-pod-labels": f"{LIFECYCLE}::test_relabelled_peer",
    "stale-namespace-labels": f"{LIFECYCLE}::test_relabelled_namespace",
    "cluster-ip-bypass": "services",
    "leaks-dns": "egress",
    "world-not-policed": "egress",
    "target-by-any-label": "selectors/test_selectors.py::test_target_by_expression",
    "notin-values-are-alternatives": "selectors/test_selectors.py::test_namespaces_by_name",
    "selectors-take-the-world": "egress/test_egress.py::test_selectors_mean_no_host",
    "or-as-and": f"{PEERS}::test_and_or",
    "and-as-or": f"{PEERS}::test_and_or",
    "first-peer-only": f"{PEERS}::test_and_or",
    "ignores-except": f"{BLOCKS}::test_except_beside_a_rule_egress",
    "ipblock-skips-pods": "ipblock",
    "ipblock-needs-clean-cidr": f"{BLOCKS}::test_host_bits",
    "named-port-on-source": "ports",
    "named-port-opens-all": "ports",
    "named-port-voids-policy": "ports",
    "range-as-first-port": f"{PORTS}::test_port_range",
    "first-port-only": f"{PORTS}::test_several_numbers",
    "notin-needs-key": f"{PEERS}::test_expressions",
    "exists-means-empty": f"{PEERS}::test_expressions",
    "expressions-or": f"{PEERS}::test_expressions",
    "long-name-voids-policy": "limits",
    "many-ports-void-policy": f"{LIMITS}::test_many_ports",
    "policy-keys-run-together": f"{LIMITS}::test_names_run_together",
    "drops-fragments": "protocols/test_fragments.py",
    "egress-isolates-ingress": f"{ADDITIVE}::test_allow_all_egress_wins",
    "empty-from-denies": f"{ADDITIVE}::test_allow_all_wins",
    "ignores-protocol": f"{ADDITIVE}::test_rules_do_not_mix",
    "fragments-pass": "protocols/test_fragments.py",
    "fragments-have-no-ports": "protocols/test_fragments.py",
    "drops-large-replies": "protocols/test_fragments.py",
    "except-bars-other-rules": f"{BLOCKS}::test_except_beside_a_rule_egress",
    "same-block-last-rule-counts": f"{BLOCKS}::test_same_block_twice",
    "narrowest-block-counts": "ipblock",
    "terminating-pod-is-no-peer": TERMINATING,
    "terminating-pod-is-cut-off": TERMINATING,
    "terminating-pod-loses-its-egress": TERMINATING,
    "terminating-pod-loses-its-ingress": TERMINATING,
    "terminating-pod-is-set-free": TERMINATING,
    "terminating-pod-keeps-old-policies": f"{ENDINGS}::test_changes_while_a_pod_terminates",
    "completed-pod-stays-guarded": COMPLETED,
    "completed-pod-stays-a-peer": COMPLETED,
    "completed-pod-hides-its-successor": COMPLETED,
    "deleted-pod-takes-its-address-along": COMPLETED,
}
"""Where a defect has to be found, `additive` where nothing else is said: a case that is about it,
or a theme where several are. That takes seconds, all suites against all defects take the better
part of an hour (`make test-defects`)."""


@pytest.mark.parametrize("name", _names())
def test_a_defect_is_found(name: str, tmp_path: Path) -> None:
    """The suites fail with a leak or an over-blocked flow; the first one ends the run."""
    seen = with_defect(name, tmp_path, "-x", theme=THEMES.get(name, "additive"))
    assert (1, True) == (seen.exit_code, bool(seen.found_by)), seen.output
    assert seen.record.verdict in {RunVerdict.FAIL, RunVerdict.NOT_ENFORCED}


def test_a_clean_lab_gives_no_alarm(tmp_path: Path) -> None:
    """Without a defect, the theme that finds most of them passes; `make test-lab` runs them all."""
    seen = run_pytest("suites/additive", tmp_path, "-rs")
    assert (seen.exit_code, seen.record.verdict) == (0, RunVerdict.PASS), seen.output
    left_out = [line for line in seen.output.splitlines() if line.startswith("SKIPPED")]
    assert [] == [line for line in left_out if "SCTP" not in line]


def test_random_policies_find_a_defect(tmp_path: Path) -> None:
    """What is left of the random bundle that differed is small; the command with it shows it."""
    found = hunt("ingress-isolates-egress", tmp_path)
    assert 0 < found.policies <= MOST_POLICIES
    _, _, command = (found.bundle or "").splitlines()[0].partition(" -P -m netproof test ")
    assert "--defect ingress-isolates-egress" in command
    path, *options = shlex.split(command)
    again = run_pytest(f"suites/{path}", tmp_path / "again", *options)
    assert (1, True) == (again.exit_code, bool(again.found_by)), again.output


def test_a_lab_that_enforces_nothing_is_called_that(tmp_path: Path) -> None:
    """One sentence instead of a failure a case, and success, for it was declared so."""
    seen = run_suites(tmp_path, "--dataplane", "flat", "--converge-timeout", "0.3")
    assert (seen.exit_code, seen.record.verdict) == (0, RunVerdict.NOT_ENFORCED), seen.output
    assert seen.output.count("NOT ENFORCED") == 1
    assert "FAILED" not in seen.output


def test_required_enforcement_fails_where_there_is_none(tmp_path: Path) -> None:
    """Choosing a CNI, a cluster that enforces nothing is a failure, whatever was declared."""
    where = ("--dataplane", "flat", "--converge-timeout", "0.3", "--require-enforcement")
    seen = run_pytest("suites/isolation", tmp_path, *where)
    assert (seen.exit_code, seen.record.verdict) == (1, RunVerdict.NOT_ENFORCED), seen.output
