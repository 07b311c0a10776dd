"""The command by which a person runs one test again, on the same cluster or the same kind of one.

It runs from any folder, by the interpreter that was used: what is a path is written whole, and a
project's own tests are run in the folder in which pytest was called. It is made of what the options
of the run are, not of what was typed: a test worker of pytest-xdist knows no more, and `-k` or a
number of workers are of no use for one test.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from netproof.front import options
from netproof.front.plugin.configuration import HANDOUT

SUITES = Path(__file__).parents[2] / "suites"


def command(item: pytest.Item, more: Sequence[str] = ()) -> str:
    """Return the command for a test, as it is typed in any folder.

    `more` are options besides, as the command line spells them, that this test needs and that are
    not about the cluster.
    """
    path, colons, rest = _node_id(item).partition("::")
    file = (item.config.rootpath / path).resolve()
    if file.is_relative_to(SUITES.resolve()):
        case = file.relative_to(SUITES.resolve()).as_posix() + colons + rest
        # -P: a folder called netproof where the command is typed is not netproof.
        again = [sys.executable, "-P", "-m", "netproof", "test", case]
        return shlex.join([*again, *places(_chosen(item.config)), *more])
    case = Path(os.path.relpath(file, item.config.invocation_params.dir)).as_posix()
    prefixed = [options.as_in_pytest(word) for word in more]
    return _in_pytest(item.config, [case + colons + rest], prefixed)


def bundle(config: pytest.Config, name: str) -> str:
    """Return the command that probes a bundle again."""
    reading = options.words(options.values(config.option), options.READING, options.PREFIX)
    return _in_pytest(config, ["--np-bundle", name, *reading], [])


def _in_pytest(config: pytest.Config, words: Sequence[str], more: Sequence[str]) -> str:
    folder = config.invocation_params.dir
    # `python -m pytest` lets the folder's modules be imported, `pytest` does not.
    here = [] if str(folder) in sys.path or "" in sys.path else ["-P"]
    where = places(_chosen(config), options.PREFIX)
    again = [sys.executable, *here, "-m", "pytest", *words, *_of_pytest(config), *where, *more]
    return f"(cd {shlex.quote(str(folder))} && {shlex.join(again)})"


def _of_pytest(config: pytest.Config) -> list[str]:
    """Return the words that say which project's configuration a run had, where they were given."""
    given = (("-c", config.option.inifilename), ("--rootdir", config.option.rootdir))
    overrides = [word for one in config.option.override_ini or () for word in ("-o", one)]
    return [word for name, value in given if value for word in (name, str(value))] + overrides


def _chosen(config: pytest.Config) -> argparse.Namespace:
    """Return the options of a run as they are to be given to the next: whole paths, a kept cluster.

    A cluster that stays is used again, by the name that it was given.
    """
    chosen = options.values(config.option)
    folder = config.invocation_params.dir
    for option in options.ALL:
        if option.is_path:
            value = getattr(chosen, option.attribute)
            if isinstance(value, list):
                setattr(chosen, option.attribute, [folder / one for one in value])
            elif value:
                setattr(chosen, option.attribute, type(value)(folder / value))
    handout = config.stash.get(HANDOUT, None)
    if (chosen.keep_cluster or chosen.reuse_cluster) and handout is not None:
        chosen.keep_cluster, chosen.reuse_cluster = False, True
        chosen.cluster_name = handout.ref.name
    return chosen


def places(chosen: argparse.Namespace, prefix: str = "") -> list[str]:
    """Return the options that say where the run takes place, those that are not the default."""
    return options.words(chosen, (options.CLUSTER, *options.PLACES), prefix)


def _node_id(item: pytest.Item) -> str:
    """Return a test's id; its own may have a group's name at its end (pytest-xdist, loadgroup)."""
    return f"{item.parent.nodeid}::{item.name}" if item.parent else item.nodeid
