"""The measures of the source's shape find what they are for."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tests.house import shape

NUMBERS = count()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty package that can be imported, under a name of its own."""
    folder = tmp_path / f"sample{next(NUMBERS)}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def _imports(package: Path, **modules: str) -> shape.Imports:
    for name, text in modules.items():
        (package / f"{name}.py").write_text(text.replace("HERE", package.name), encoding="utf-8")
    return shape.imports(package.parent, [package.name])


def _files(package: Path, **texts: str) -> shape.Files:
    for name, text in texts.items():
        path = package / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return shape.files(package.parent, [package.name])


def test_a_module_that_serves_one_other_is_counted(package: Path) -> None:
    """Two importers make a module worth its file; none makes it an entrance."""
    measured = _imports(
        package,
        sliver="",
        shared="",
        first="from HERE import shared, sliver\n",
        second="from HERE import shared\n",
    )
    assert ((f"{package.name}.sliver", f"{package.name}.first"),) == measured.servants
    assert 25 == measured.servants_percent


def test_a_linked_folder_is_not_the_source(package: Path, tmp_path: Path) -> None:
    """Suites and fixtures are linked into the package; as its users they would hide slivers."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "__init__.py").touch()
    (tmp_path / "suites" / "case.py").write_text(
        f"from {package.name} import tool\n", encoding="utf-8"
    )
    (package / "suites").symlink_to(tmp_path / "suites")
    measured = _imports(package, tool="", front="from HERE import tool\n")
    assert ((f"{package.name}.tool", f"{package.name}.front"),) == measured.servants
    assert 2 == measured.modules
    assert 2 == _files(package).count


def test_a_cycle_is_found(package: Path) -> None:
    """Three modules that need each other in a ring are one module in three files."""
    measured = _imports(
        package,
        one="from HERE import two\n",
        two="from HERE import three\n",
        three="from HERE import one\n",
    )
    assert {f"{package.name}.{name}" for name in ("one", "two", "three")} == set(measured.cycle)


def test_an_import_for_types_makes_no_cycle(package: Path) -> None:
    """What only the type checker reads is not there when the program runs."""
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from HERE import one\n"
    assert () == _imports(package, one="from HERE import two\n", two=guarded).cycle


def test_a_file_name_that_stands_three_times_is_found(package: Path) -> None:
    """Twice can be told apart by the room; `__init__` has to stand in each."""
    measured = _files(
        package,
        a__table="",
        b__table="",
        c__table="",
        a__port="",
        b__port="",
        a____init__="",
        b____init__="",
    )
    assert ("table.py",) == measured.names_thrice


def test_a_public_class_of_two_files_is_found(package: Path) -> None:
    """A private class may share its name: nobody else reads it."""
    measured = _files(
        package,
        one="class Answer: ...\nclass _Own: ...\n",
        two="class Answer: ...\nclass _Own: ...\n",
    )
    assert (f"Answer: {package.name}/one.py, {package.name}/two.py",) == measured.classes_twice


@pytest.mark.parametrize(("lines", "expected"), [(50, 0), (51, 1)])
def test_a_function_over_fifty_lines_is_found(package: Path, lines: int, expected: int) -> None:
    """Fifty lines, its head among them, are still one function, wherever it stands."""
    body = "        pass\n" * (lines - 1)
    measured = _files(package, one=f"class Holder:\n    async def long(self) -> None:\n{body}")
    assert expected == len(measured.long_functions)


def test_an_untyped_return_is_found(package: Path) -> None:
    """The place is named with file and line."""
    measured = _files(package, one="def typed() -> int: ...\n\ndef untyped(): ...\n")
    assert (f"{package.name}/one.py:3 untyped",) == measured.untyped_returns


def test_length_is_that_of_modules(package: Path) -> None:
    """The prose of a package's own file is no module."""
    measured = _files(package, one="x = 1\n" * 10, two="x = 1\n" * 20, three="x = 1\n" * 60)
    assert (3, 20, 60) == (measured.count, measured.median_lines, measured.most_lines)
