"""The command by which a person runs one test again, on the same kind of cluster.

It is made of what the options of the run are, not of what was typed: a test worker of pytest-xdist
knows no more, and `-k` or a number of workers are of no use for one test.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from netproof.front import options

SUITES = Path(__file__).parents[2] / "suites"


def command(item: pytest.Item, more: Sequence[str] = ()) -> str:
    """Return the command for a test, as it is typed in the current folder.

    `more` are options besides, as the command line spells them, that this test needs and that are
    not about the cluster.
    """
    path, colons, rest = _node_id(item).partition("::")
    file = (item.config.rootpath / path).resolve()
    chosen = options.values(item.config.option)
    if file.is_relative_to(SUITES.resolve()):
        case = file.relative_to(SUITES.resolve()).as_posix() + colons + rest
        return shlex.join(["netproof", "test", case, *places(chosen), *more])
    case = Path(os.path.relpath(file)).as_posix() + colons + rest
    prefixed = [options.as_in_pytest(word) for word in more]
    return shlex.join(["pytest", case, *places(chosen, options.PREFIX), *prefixed])


def bundle(config: pytest.Config, name: str) -> str:
    """Return the command that probes a bundle again."""
    chosen = options.values(config.option)
    reading = options.words(chosen, options.READING, options.PREFIX)
    where = places(chosen, options.PREFIX)
    return shlex.join(["pytest", "--np-bundle", name, *reading, *where])


def places(chosen: argparse.Namespace, prefix: str = "") -> list[str]:
    """Return the options that say where the run takes place, those that are not the default."""
    return options.words(chosen, (options.CLUSTER, *options.PLACES), prefix)


def _node_id(item: pytest.Item) -> str:
    """Return a test's id; its own may have a group's name at its end (pytest-xdist, loadgroup)."""
    return f"{item.parent.nodeid}::{item.name}" if item.parent else item.nodeid
