"""`netproof completion`: what a shell loads so that Tab completes commands, options and values.

It is made from the parser itself, by shtab, so that no option is forgotten. Names that only an
installation knows (themes, CNI profiles) are those of the time when it was made.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from netproof.front import options, output
from netproof.printing import several_lines

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

PLACES: Mapping[str, str] = MappingProxyType(
    {
        "bash": "~/.local/share/bash-completion/completions/netproof",
        "zsh": "~/.zfunc/_netproof, with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc",
        "fish": "~/.config/fish/completions/netproof.fish",
    }
)
"""Where each shell looks for it."""

_FILES = {
    *("bundle", "old", "new", "record", "records", "intents", "output"),
    *(option.attribute for option in options.ALL if option.is_path),
}
_FOLDERS = ("report_dir", "cni_profiles", "downloads")
_CLUSTERS = ("lab", "existing", "kind")


def add(commands: Commands) -> None:
    """Hang the command into the parser."""
    parser = commands.add_parser("completion", help="print what makes Tab complete in a shell")
    parser.add_argument("shell", choices=tuple(PLACES), metavar="SHELL", help=", ".join(PLACES))
    parser.epilog = "; ".join(f"{shell}: {place}" for shell, place in PLACES.items())
    output.add_file(parser)
    parser.set_defaults(run=_completion)


def _completion(option: argparse.Namespace) -> int:
    output.put(several_lines(script(option.shell)), option.output)
    return 0


def script(shell: str) -> str:
    """Return what a shell has to load."""
    import shtab

    from netproof.cluster.profiles import reading
    from netproof.front.cli import suite_commands
    from netproof.front.cli.main import parser

    made = parser(())
    known = {
        "themes": tuple(suite_commands.themes()),
        "cni": reading.names(reading.folder()),
        "cluster": _CLUSTERS,
    }
    known["name"] = known["names"] = known["cni"]
    for command in _commands(made):
        for action in command._actions:  # noqa: SLF001 - argparse has no list of them
            if action.dest in _FOLDERS:
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.dest in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.choices is None and not command.prog.startswith("netproof lab"):
                action.choices = known.get(action.dest)
    return shtab.complete(made, shell=shell)


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of its commands, each described by its line in the help."""
    yield parser
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            said = {one.dest: one.help for one in action._choices_actions}  # noqa: SLF001
            for name, command in action.choices.items():
                command.description = said.get(name)
                yield from _commands(command)
