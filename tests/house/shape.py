"""Measure the shape of the source: who imports whom, how long things are, what stands twice.

`python -m tests.house.shape` prints the figures, with `-v` also the modules that serve one other.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

from tests.house.project import ROOT

PACKAGES = ("netproof", "netlab")
LONG_FUNCTION = 50


Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Imports:
    """Who imports whom. A package's own file counts as an importer, not as a module."""

    modules: int
    servants: tuple[tuple[str, str], ...]
    """Modules that exactly one other imports, each with that one."""
    cycle: tuple[str, ...]

    @property
    def servants_percent(self) -> float:
        """Return how many of a hundred modules serve exactly one other."""
        return 100 * len(self.servants) / self.modules


@dataclass(frozen=True, slots=True)
class Files:
    """How long files and functions are, and which names stand more than once."""

    count: int
    median_lines: float
    most_lines: int
    names_thrice: tuple[str, ...]
    """Names of files that stand three times or more, but `__init__.py`."""
    classes_twice: tuple[str, ...]
    """Public classes of which two share a name, with the files that hold them."""
    long_functions: tuple[str, ...]
    untyped_returns: tuple[str, ...]


def imports(source: Path, packages: Iterable[str]) -> Imports:
    """Read who imports whom; the packages under `source` have to be importable from there."""
    graph = grimp.build_graph(*packages, cache_dir=None, exclude_type_checking_imports=True)
    names = {name for name in graph.modules if _file(source, name) is not None}
    importers = {
        name: sorted(names & graph.find_modules_that_directly_import(name))
        for name in sorted(names)
    }
    modules = [
        name
        for name in importers
        if not _is_package(source, name) and not name.endswith("__main__")
    ]
    return Imports(
        modules=len(modules),
        servants=tuple((name, importers[name][0]) for name in modules if len(importers[name]) == 1),
        cycle=_cycle(importers),
    )


def files(source: Path, packages: Iterable[str]) -> Files:
    """Read every file but those that a link leads to."""
    paths = [path for package in packages for path in sorted(_files(source / package))]
    modules = [path for path in paths if path.name != "__init__.py"]
    trees = {
        str(path.relative_to(source)): ast.parse(path.read_text(encoding="utf-8")) for path in paths
    }
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in modules]
    names = Counter(path.name for path in modules)
    functions = [(f"{name}:{node.lineno} {node.name}", node) for name, node in _functions(trees)]
    return Files(
        count=len(modules),
        median_lines=statistics.median(lines),
        most_lines=max(lines),
        names_thrice=tuple(sorted(name for name, count in names.items() if count > 2)),
        classes_twice=tuple(_classes_twice(trees)),
        long_functions=tuple(label for label, node in functions if _length(node) > LONG_FUNCTION),
        untyped_returns=tuple(label for label, node in functions if node.returns is None),
    )


def _file(source: Path, module: str) -> Path | None:
    """Return where a module stands; None where a link leads to it, as to suites and fixtures."""
    path = source.joinpath(*module.split("."))
    if any(
        parent.is_symlink() for parent in (path, *path.parents) if parent.is_relative_to(source)
    ):
        return None
    return path


def _is_package(source: Path, module: str) -> bool:
    return source.joinpath(*module.split(".")).is_dir()


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.suffix == ".py":
            yield path


def _cycle(importers: dict[str, list[str]]) -> tuple[str, ...]:
    try:
        TopologicalSorter(importers).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def _classes_twice(trees: dict[str, ast.Module]) -> Iterator[str]:
    holders = defaultdict(list)
    for name, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                holders[node.name].append(name)
    for name, where in sorted(holders.items()):
        if len(where) > 1:
            yield f"{name}: {', '.join(where)}"


def _functions(trees: dict[str, ast.Module]) -> Iterator[tuple[str, Function]]:
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield name, node


def _length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def main(arguments: list[str]) -> None:
    """Print the figures of this repository."""
    source = ROOT / "src"
    between, within = imports(source, PACKAGES), files(source, PACKAGES)
    print(
        f"modules {between.modules}, imported by exactly one other {between.servants_percent:.1f} %"
    )
    print(f"files {within.count}, lines: median {within.median_lines:g}, most {within.most_lines}")
    for title, places in (
        ("import cycle", between.cycle),
        ("file name more than twice", within.names_thrice),
        ("public class name twice", within.classes_twice),
        (f"function over {LONG_FUNCTION} lines", within.long_functions),
        ("return without a type", within.untyped_returns),
    ):
        print(f"{title}: {len(places)}", *places, sep="\n  ")
    if "-v" in arguments:
        print(
            "imported by exactly one other:",
            *(f"{name} <- {by}" for name, by in between.servants),
            sep="\n  ",
        )


if __name__ == "__main__":
    main(sys.argv[1:])
