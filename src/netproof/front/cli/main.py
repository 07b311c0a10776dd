"""The parser, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import netproof
from netproof.errors import NetproofError, UsageError
from netproof.front import output
from netproof.printing import one_line, several_lines

SUBJECTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "suite_commands": ("test",),
        "lab_commands": ("lab",),
        "bundle_commands": ("check", "snapshot", "diff", "explain"),
        "cluster_commands": ("doctor", "rbac", "clean"),
        "profile_commands": ("profile",),
        "record_commands": ("publish",),
        "agent_command": ("agent",),
    }
)
"""The commands by the module that holds them. Only that module is imported: the Kubernetes client
alone takes a quarter of a second, which `explain` has no use for."""

EXIT_ERROR = 2
"""The call or the environment is at fault; 1 is kept for what a check found."""

EXIT_INTERRUPTED = 130
"""What a shell calls a program that Ctrl-C ended (128 + SIGINT)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    words, passed = _parted(words)
    try:
        _look_where_we_are()
        options = _parser(words).parse_args(words, argparse.Namespace(passed=passed))
        code: int = options.run(options)
    except NetproofError as error:
        output.tell(f"netproof: {error}")
        return EXIT_ERROR
    except OSError as error:
        output.tell(f"netproof: {output.unforeseen(error)}")
        return EXIT_ERROR
    except KeyboardInterrupt:
        output.tell("netproof: interrupted")
        return EXIT_INTERRUPTED
    return code


def _look_where_we_are() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError("the current folder is gone; cd to one that is there") from error


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a call, whose words may be names of a stranger's files."""

    def _print_message(self, message: str, file: object = None) -> None:
        output.to(file)(several_lines(message))

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End; the message is one line of ours."""
        super().exit(status, message and f"{one_line(message.rstrip())}\n")


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the words for us, and those behind `--` that `netproof test` gives to pytest."""
    if words[:1] == ["test"] and "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1 :]
    return words, []


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(prog="netproof", description=netproof.__doc__)
    parser.add_argument("--version", action="version", version=netproof.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for subject in _subjects(words):
        importlib.import_module(f"netproof.front.cli.{subject}").add(commands)
    return parser


def _subjects(words: Sequence[str]) -> Sequence[str]:
    """Return the subject of the command that is named, all where none is (for the help)."""
    if words[:1] == ["--version"]:
        return ()
    named = [subject for subject, commands in SUBJECTS.items() if set(words[:1]) & set(commands)]
    return named or list(SUBJECTS)
