"""`netproof init`: a first intents file for a bundle that has none."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from netproof.errors import UsageError
from netproof.front import options as known
from netproof.front import output
from netproof.front.bundlereading import add_reading, reading
from netproof.policy.intentdocuments import stated_namespace
from netproof.policy.mirror import text_of
from netproof.policy.sources import piped
from netproof.printing import counted
from netproof.review.case import read_mirror
from netproof.review.draft import draft, strangers, write_draft
from netproof.review.intents import read_intents

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

NAME = "intents.yaml"


def add(commands: Commands) -> None:
    """Hang the command into the parser."""
    parser = commands.add_parser(
        "init",
        help="write a first intents file: what the policies of a bundle mean now",
        epilog=f"Without -o it is {NAME} in the bundle's folder, where `netproof check` finds it; "
        "in the current folder where the bundle is none.",
    )
    parser.add_argument("bundle", nargs="+", metavar="BUNDLE", help="as `netproof check` takes it")
    add_reading(parser)
    output.add_file(parser)
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.set_defaults(run=_init)


def _init(option: argparse.Namespace) -> int:
    file = option.output or _beside(option.bundle)
    is_file = not output.is_stdout(file)
    if is_file and file.exists() and not option.force:
        raise UsageError(f"{file} is there already; --force writes over it, -o names another file")
    how = reading(option, option.namespace)
    mirror = read_mirror(option.bundle, stdin=piped(option.bundle), reading=how)
    others = [node for node in mirror.intents if not _is(file, text_of(node.origin))]
    drafted = draft(mirror, read_intents(others))
    if not drafted.intents:
        raise UsageError(
            f"{' '.join(option.bundle)}: there is nothing to state that is not stated already"
        )
    namespace = option.namespace or stated_namespace(mirror.intents)
    output.put(write_draft(drafted, namespace=namespace, unnamed=strangers(mirror)), file)
    if is_file:
        also = "" if _holds(option.bundle, file) else f" --intents {shlex.quote(str(file))}"
        words = shlex.join([*option.bundle, *known.words(option, known.RENDERING)])
        output.say(
            f"{file}: {counted(len(drafted.intents), 'intent')}, each to be confirmed.",
            f"  next:  netproof check --static {words}{also}",
        )
    return 0


def _beside(bundle: Iterable[str]) -> Path:
    """Return where the file goes that nobody named."""
    first, *others = map(Path, bundle)
    return first / NAME if first.is_dir() and not others else Path(NAME)


def _is(file: Path, name: str) -> bool:
    return Path(name).resolve() == file.resolve()


def _holds(bundle: Iterable[str], file: Path) -> bool:
    """Tell whether a file is one of a bundle's own."""
    folders = (Path(one).resolve() for one in bundle if Path(one).is_dir())
    named = file.suffix in (".yaml", ".yml")
    return named and any(file.resolve().is_relative_to(folder) for folder in folders)
