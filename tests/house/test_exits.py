"""Text goes out by one door: what writes to a screen takes only what was made printable."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.project import ROOT

PACKAGE = ROOT / "src" / "netproof"
DOORS = {"front/output.py", "front/plugin/outcomes.py"}
"""Where the streams are written to, and where pytest is told how a test ended."""

TRAVELS = {"probe/agent.py", "cluster/profiles/declaration.py"}
"""The agent speaks to its pod's log; the other is called when the schema is made."""

MAKERS = {"printing.py", "front/output.py"}
"""Who may call text printable: the functions that make it so, and constants of ours."""

STREAMS = {"print()", "sys.stdout", "sys.stderr"}
OUTCOMES = {"pytest.fail()", "pytest.skip()", "pytest.xfail()"}


def _names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield f"{ast.unparse(node.func)}()", node.lineno
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node), node.lineno


def _found(text: str, unsafe: set[str]) -> list[int]:
    return [line for name, line in _names(ast.parse(text)) if name in unsafe]


def _modules() -> dict[str, str]:
    files = [path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(PACKAGE / "suites")]
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in files
    }


def test_nothing_else_writes_to_a_screen() -> None:
    """Neither to the streams nor by the outcomes whose words pytest prints."""
    found = {
        f"{name}:{line}"
        for name, text in _modules().items()
        for line in _found(text, STREAMS if name.startswith("fixtures/") else STREAMS | OUTCOMES)
        if name not in DOORS | TRAVELS
    }
    assert set() == found


def test_nobody_else_calls_text_printable() -> None:
    """A call of the type itself checks nothing."""
    found = [name for name, text in _modules().items() if _found(text, {"Printable()"})]
    assert MAKERS >= set(found)


@pytest.mark.parametrize(
    "text", ["print(1)", "import sys\nsys.stdout.write('')", "import pytest\npytest.fail('')"]
)
def test_what_is_looked_for_is_found(text: str) -> None:
    """The test sees what it is for."""
    assert _found(text, STREAMS | OUTCOMES)
