"""A bundle that would be endless work is refused in time, with file and line."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from netproof.front.cli import main
from netproof.policy import limits, sources
from tests.house.project import ROOT

DEADLINE_S = 300.0
"""Generous: the least of these took hours before, or all memory."""

HEAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"


def _pod(number: int, ports: str = "{containerPort: 80}") -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, namespace: shop}}\n"
        f"spec: {{containers: [{{name: c, ports: [{ports}]}}]}}\n---\n"
    )


def _policy(number: int, rules: str) -> str:
    return (
        f"{HEAD}metadata: {{name: p{number}, namespace: shop}}\n"
        f"spec: {{podSelector: {{}}, ingress: [{rules}]}}\n---\n"
    )


def _pods(count: int, ports: int = 1) -> str:
    listed = ", ".join(f"{{containerPort: {n + 1}}}" for n in range(ports))
    return "".join(_pod(number, listed) for number in range(count))


def _intents(count: int) -> str:
    lines = (f"  - {{deny: '* -> p{n}', reason: a{n}}}\n" for n in range(count))
    return "intents:\n" + "".join(lines)


def _billion_laughs() -> str:
    each = (f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    return "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(each)


BLOCKS = ", ".join(f"{{ipBlock: {{cidr: 10.{n // 250}.{n % 250}.0/24}}}}" for n in range(4000))
RULES = ", ".join(["{ports: [{port: 80}]}"] * 1700)

BOMBS: Mapping[str, Callable[[], str]] = {
    "bytes": lambda: "# " + "x" * limits.MAX_BYTES,
    "depth": lambda: "a: " + "[" * 100_000,
    "depth of mappings": lambda: "a: " + "{a: " * 50_000,
    "depth of lists in Lists": lambda: (
        "apiVersion: v1\nkind: List\nitems: " + "[{apiVersion: v1, kind: List, items: " * 200
    ),
    "aliases": _billion_laughs,
    "merges": lambda: (
        "a: &a {x: 1}\n"
        + "".join(f"b{n}: &b{n} {{<<: [{', '.join(['*a'] * 2000)}]}}\n" for n in range(200))
    ),
    "objects": lambda: "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n" * 10_001,
    "workloads": lambda: _pods(limits.MAX_WORKLOADS + 1),
    "policies": lambda: "".join(_policy(n, "") for n in range(limits.MAX_POLICIES + 1)),
    "terms": lambda: _pod(0) + _policy(0, ", ".join(["{from: [{podSelector: {}}]}"] * 15_001)),
    "flows": lambda: _pods(1000, 21),
    "policies at every pod": lambda: _pods(150) + "".join(_policy(n, "{}") for n in range(2000)),
    "rules at every pod": lambda: _pods(120) + _policy(0, RULES),
    "blocks of addresses": lambda: _pods(120) + _policy(0, f"{{from: [{BLOCKS}]}}"),
    "intents": lambda: _pods(2) + _intents(limits.MAX_INTENTS + 1),
    "intents times ports": lambda: _pods(1000, 11) + _intents(990),
    "exceptions": lambda: (
        _pods(300)
        + "intents: [{deny: '* -> *', reason: a, except: ["
        + ", ".join(f"p{n} -> *" for n in range(2000))
        + "]}]\n"
    ),
    "blank lines in intents": lambda: "intents:\n" + "\n" * 1_500_000,
    "dashes in intents": lambda: "intents:\n" + "- " * 200_000 + "\n",
    "digits": lambda: HEAD + "metadata: {name: a}\nspec: {a: " + "9" * 1_000_000 + "}\n",
    "a label": lambda: f"{HEAD}metadata: {{name: a, labels: {{a: {'x' * 1_000_000}}}}}\nspec: {{}}",
    "a name": lambda: f"{HEAD}metadata: {{name: {'a.' * 500_000}a}}\nspec: {{podSelector: {{}}}}\n",
    "a statement": lambda: f"{_pod(0)}intents: [{{deny: '{'a -> ' * 200_000}', reason: a}}]\n",
    "a statement's port": lambda: (
        f"{_pod(0)}intents: [{{deny: 'a -> {':1/a' * 9_000}', reason: a}}]"
    ),
    "a pattern": lambda: f"{_pod(0)}intents: [{{deny: '{'*a' * 5_000} -> p0', reason: a}}]\n",
}

SNAPSHOT = "# netproof snapshot v1\n"
SNAPSHOTS: Mapping[str, Callable[[], str]] = {
    "workloads": lambda: SNAPSHOT + "".join(f"a/p{n} serves 80/TCP\n" for n in range(1001)),
    "edges": lambda: (
        SNAPSHOT
        + "".join(f"a/p{n} serves 80/TCP\n" for n in range(1000))
        + "".join(f"a/p{n % 1000} on {n}/TCP\n  from everyone\n" for n in range(51_000))
    ),
    "sources": lambda: (
        SNAPSHOT
        + "".join(f"a/p{n} on 80/TCP\n  from a/q\n" for n in range(1000))
        + "".join(f"  from a/r{n}\n" for n in range(51_000))
    ),
    "pods that are not in it": lambda: (
        "# netproof snapshot v2\na/p on 80/TCP\n"
        + "".join(f"  from pods labelled a in (a{n}, b) in any namespace\n" for n in range(2_001))
    ),
}


def _check(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Check in a process of its own, which may neither take long nor all memory."""
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)); "
    program = limited + "from netproof.front.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *more, str(path)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        cwd=ROOT,
    )


def _refused(ended: subprocess.CompletedProcess[str], file: Path) -> None:
    assert 2 == ended.returncode, ended.stderr[-2000:] + ended.stdout[-2000:]
    assert re.match(rf"netproof: {re.escape(str(file))}(:\d+)?: ", ended.stderr)
    assert len(ended.stderr) < 10_000
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", BOMBS)
def test_a_bundle_that_explodes_is_refused(name: str, tmp_path: Path) -> None:
    """Whatever it is that there is too much of."""
    file = tmp_path / "bundle.yaml"
    file.write_text(BOMBS[name]())
    _refused(_check(file, "check", "--static"), file)


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_snapshot_that_explodes_is_refused(name: str, tmp_path: Path) -> None:
    """A short text may stand for the square of its length."""
    file = tmp_path / "reach.txt"
    file.write_text(SNAPSHOTS[name]())
    _refused(_check(file, "diff", str(file)), file)


def test_mutations_that_explode_are_refused(tmp_path: Path) -> None:
    """Each is a look at the whole bundle."""
    file = tmp_path / "bundle.yaml"
    policies = "".join(_policy(n, "{ports: [{port: 80}]}, {from: []}") for n in range(60))
    file.write_text(_pods(300) + policies)
    _refused(_check(file, "check", "--static", "--mutate"), file)


def test_too_many_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And bytes in all of them, and folders in one another."""
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text(_pod(number))
    for name, limit in (("MAX_FILES", 2), ("MAX_ALL_BYTES", 300)):
        with monkeypatch.context() as changed:
            changed.setattr(sources, name, limit)
            assert 2 == main(["check", "--static", str(tmp_path)])
        assert f"2.yaml: has more than {limit}" in capsys.readouterr().err
    deep = tmp_path.joinpath(*["a"] * (limits.MAX_FOLDERS + 1))
    deep.mkdir(parents=True)
    assert 2 == main(["check", "--static", str(tmp_path)])
    assert "folders in one another" in capsys.readouterr().err


def test_two_hundred_workloads_with_as_many_policies_are_judged_in_time(tmp_path: Path) -> None:
    """What a large chart comes to is no bomb."""
    policies = "".join(
        f"{HEAD}metadata: {{name: p{n}, namespace: shop}}\n"
        f"spec: {{podSelector: {{matchLabels: {{app: p{n}}}}}, "
        f"ingress: [{{from: [{{podSelector: {{}}}}], ports: [{{port: 80}}]}}]}}\n---\n"
        for n in range(200)
    )
    file = tmp_path / "bundle.yaml"
    file.write_text(_pods(200, 2) + policies)
    began = time.monotonic()
    ended = _check(file, "check", "--static")
    assert 0 == ended.returncode, ended.stderr
    assert "200 workloads, 200 policies" in ended.stdout
    assert time.monotonic() - began < DEADLINE_S


def test_the_limits_are_documented() -> None:
    """All of them, with the numbers that hold."""
    page = (ROOT / "docs" / "bundles.md").read_text(encoding="utf-8")
    for name in (name for name in vars(limits) if name.startswith("MAX_")):
        assert f"| {getattr(limits, name):,} |" in page, name
