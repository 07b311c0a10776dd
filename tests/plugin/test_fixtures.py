"""The fixtures come with the plugin, and say what they lack where they cannot work."""

from __future__ import annotations

from pathlib import Path

from tests.plugin.project import run


def test_the_fixtures_are_listed_in_any_project(tmp_path: Path) -> None:
    """A project has them without a line of its own."""
    listed = run(tmp_path, "--fixtures", "-q").output
    for name in ("enforce", "bundle", "play", "port_forward", "doors", "fleet_bundle"):
        assert f"\n{name}" in listed, listed


def test_a_case_without_a_cluster_says_what_to_pass(tmp_path: Path) -> None:
    """An error in one line, and no lab that starts by surprise."""
    (tmp_path / "test_case.py").write_text("def test_open(enforce):\n    enforce()\n")
    ended = run(tmp_path)
    assert 1 == ended.code
    assert ended.says("this case needs a cluster: pass --np-cluster lab"), ended.output


def test_a_run_without_cases_says_what_was_looked_for(tmp_path: Path) -> None:
    """Where it looked, for which files, and how the suites are had."""
    ended = run(tmp_path, "--np-cluster", "lab", "--np-nodes", "1")
    assert 1 == ended.code
    assert ended.says(
        "INCONCLUSIVE",
        f"No case was found in {tmp_path}: files test_*.py, *_test.py; functions test*.",
        "The suites: netproof test, or pytest --pyargs netproof.suites",
    ), ended.output


def test_a_run_that_chose_no_case_says_so(tmp_path: Path) -> None:
    """What was left out, and by which words; test workers make no difference."""
    (tmp_path / "test_case.py").write_text("def test_open(enforce):\n    enforce()\n")
    for workers in ((), ("-n", "1")):
        ended = run(tmp_path, "--np-cluster", "lab", "--np-nodes", "1", "-k", "shut", *workers)
        assert 1 == ended.code
        assert ended.says("functions test*; -k 'shut'."), ended.output
