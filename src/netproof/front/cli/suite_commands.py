"""`netproof test`: the suites on a cluster, from any folder.

The same as `pytest --pyargs netproof.suites` with the options' short names, and with nothing of the
project that the current folder belongs to: its configuration, conftest files and warnings' filters
are about its own tests.
"""

from __future__ import annotations

import argparse
import ast
import os
from pathlib import Path
from typing import TYPE_CHECKING

from netproof.errors import UsageError
from netproof.front import options, output

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

NETPROOF = Path(__file__).parents[2]
SUITES = NETPROOF / "suites"
CONFIGURATION = NETPROOF / "front" / "suites.ini"

EXIT_CODES = {2: 130, 3: 1, 4: 2, 5: 1}
"""Pytest's exit codes in the words of netproof: interrupted, a wrong call, nothing told."""


def add(commands: Commands) -> None:
    """Hang `netproof test` into the parser."""
    parser = commands.add_parser(
        "test",
        help="run the suites: does the cluster's CNI enforce?",
        usage="netproof test [options] [THEME ...] [-- PYTEST'S WORDS]",
        epilog="What follows -- is given to pytest as it is.",
    )
    parser.add_argument(
        "themes",
        nargs="*",
        metavar="THEME",
        help="a theme, or a case of it: THEME/FILE.py::CASE (default: all)",
    )
    parser.add_argument("--list", action="store_true", help="say which themes there are")
    parser.add_argument("-k", metavar="EXPRESSION", help="only cases whose names match")
    parser.add_argument("-n", metavar="WORKERS", help="test workers side by side; auto: as fits")
    options.declare(parser.add_argument, options.SUITES)
    parser.set_defaults(run=_test)


def _test(chosen: argparse.Namespace) -> int:
    if chosen.list:
        width = max(map(len, themes()))
        output.say(*(f"{name:{width}}  {text}" for name, text in themes().items()))
        return 0
    arguments = pytest_arguments(chosen)
    # Neither a test worker nor the lab may take a module of the current folder for Python's own.
    os.environ["PYTHONSAFEPATH"] = "1"
    import pytest

    begun = _Begun()
    code = int(pytest.main(arguments, plugins=[begun]))
    if code == pytest.ExitCode.INTERRUPTED and not begun:
        raise KeyboardInterrupt
    return EXIT_CODES.get(code, code)


class _Begun:
    """Whether pytest came as far as its session; a Ctrl-C before that it leaves without a word."""

    def __init__(self) -> None:
        self._session = False

    def pytest_sessionstart(self) -> None:
        self._session = True

    def __bool__(self) -> bool:
        return self._session


def themes() -> dict[str, str]:
    """Return the themes of the suites, each with what it is about."""
    packages = sorted(SUITES.glob("*/__init__.py"))
    return {package.parent.name: _first_line(package) for package in packages}


def _first_line(module: Path) -> str:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def pytest_arguments(chosen: argparse.Namespace) -> list[str]:
    """Return what pytest is called with; raise UsageError for a theme that there is not."""
    # Cases differ in length by ten: who has no more of its own takes some of another's.
    dist = "worksteal" if chosen.n else ""
    choice = [("-k", chosen.k), ("-n", chosen.n), ("--dist", dist)]
    return [
        *("-p", "netproof", "-p", "xdist"),
        *("-c", str(CONFIGURATION), "--rootdir", str(SUITES), "--confcutdir", str(SUITES)),
        *("-o", f"cache_dir={Path.cwd() / '.pytest_cache'}"),
        *(str(SUITES / _known(theme)) for theme in chosen.themes or [""]),
        *(word for name, value in choice if value for word in (name, value)),
        *options.words(chosen, options.SUITES, options.PREFIX),
        *chosen.passed,
    ]


def _known(theme: str) -> str:
    name = theme.partition("::")[0].partition("/")[0]
    if theme and name not in themes():
        raise UsageError(f"there is no theme {name!r}; there are: {', '.join(themes())}")
    if not (SUITES / theme.partition("::")[0]).exists():
        raise UsageError(f"{theme}: the theme {name} has no such file")
    return theme
