"""The command by which a person runs one test again, on the same kind of cluster.

It is made of what the options of the run are, not of what was typed: a test worker of pytest-xdist
knows no more, and `-k` or a number of workers are of no use for one test.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from netproof.front.laboptions import Add
from netproof.front.options import add_places


def command(item: pytest.Item, more: Sequence[str] = ()) -> str:
    """Return the command for a test, as it is typed in the current folder.

    `more` are words that this test needs besides, and that no option of a cluster has.
    """
    path, colons, rest = _node_id(item).partition("::")
    where = Path(os.path.relpath(item.config.rootpath / path)).as_posix() + colons + rest
    return shlex.join(["pytest", where, *places(item.config.option), *more])


def places(option: argparse.Namespace) -> list[str]:
    """Return the options that say where the run takes place, those that are not the default."""
    return ["--cluster", option.cluster, *words(option, [add_places])]


def words(option: argparse.Namespace, adders: Iterable[Callable[[Add], None]]) -> list[str]:
    """Return the words that give options their values, none for a value that is the default."""
    told: list[str] = []

    def note(name: str, *, action: str = "store", default: Any = None, **_: Any) -> None:
        value = getattr(option, name.removeprefix("--").replace("-", "_"))
        if action == "store_true":
            told.extend([name] if value else [])
        elif value != default:
            for one in value if action == "append" else [value]:
                told.extend([name, str(one)])

    for adder in adders:
        adder(note)
    return told


def _node_id(item: pytest.Item) -> str:
    """Return a test's id; its own may have a group's name at its end (pytest-xdist, loadgroup)."""
    return f"{item.parent.nodeid}::{item.name}" if item.parent else item.nodeid
