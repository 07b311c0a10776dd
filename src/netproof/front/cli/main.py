"""The parser, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import netproof
from netproof.errors import NetproofError, UsageError
from netproof.front import output
from netproof.printing import one_line, several_lines

SUBJECTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "suite_commands": ("test",),
        "lab_commands": ("lab",),
        "bundle_commands": ("check", "snapshot", "diff", "explain", "graph"),
        "cluster_commands": ("doctor", "rbac", "clean"),
        "profile_commands": ("profile",),
        "record_commands": ("publish",),
        "compare_command": ("compare",),
        "agent_command": ("agent",),
        "init_command": ("init",),
        "completion_command": ("completion",),
    }
)
"""The commands by the module that holds them. Only that module is imported: the Kubernetes client
alone takes a quarter of a second, which `explain` has no use for."""

PROGRAM = "netproof"

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
        options = parser(words).parse_args(words, argparse.Namespace(passed=passed))
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


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a call, whose words may be names of a stranger's files.

    That takes a line, with the nearest word that there is, and a line of usage: a command with
    fifty options has them in its help, sorted.
    """

    def error(self, message: str) -> NoReturn:
        """End with a message and a line of usage."""
        output.err(several_lines(f"{self.prog}: {one_line(message)}\n{self.format_usage()}"))
        self.exit(EXIT_ERROR)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and refuse what is left over: the command that got it knows what is near.

        Options may stand between words (`check a --static b`), which argparse calls intermixed.
        """
        if self._subparsers is not None or self._intermixed:
            known, rest = super().parse_known_args(args, namespace)
            if self._intermixed:
                return known, rest
        else:
            self._intermixed = True
            known, rest = self.parse_known_intermixed_args(args, namespace)
            self._intermixed = False
        if rest:
            near = _near(rest, self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(rest)}{near}")
        return known, []

    _intermixed = False

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            if near := _near([str(value)], map(str, action.choices or ())):
                error.message = error.message.partition(" (choose from ")[0] + near
            raise

    def format_usage(self) -> str:
        """Return the usage as one line."""
        return f"usage: {(self.usage or self._in_short()).strip()}\n"

    def format_help(self) -> str:
        """Return the help, which begins with the same line."""
        given, self.usage = self.usage, self.usage or self._in_short()
        try:
            return super().format_help()
        finally:
            self.usage = given

    def _in_short(self) -> str:
        return " ".join((self.prog, *_in_usage(self._actions)))

    def _print_message(self, message: str, file: object = None) -> None:
        output.to(file)(several_lines(message))

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End; the message is one line of ours."""
        super().exit(status, message and f"{one_line(message.rstrip())}\n")


_CLOSE = 0.75
"""How alike two words are of which one may be a slip of the other, of 1."""


def _near(words: Iterable[str], known: Iterable[str]) -> str:
    """Return the question whether the nearest of some words was meant, "" where none is near."""
    there = list(known)
    for word in words:
        if close := get_close_matches(word.partition("=")[0], there, n=1, cutoff=_CLOSE):
            return f"; did you mean {close[0]}?"
    return ""


_REPEATED = {"*": "[{0} ...]", "+": "{0} [{0} ...]", "?": "[{0}]", argparse.PARSER: "{0} ..."}


def _in_usage(actions: Sequence[argparse.Action]) -> Iterator[str]:
    """Yield what a call is made of: the options that it needs, and the words without a dash."""
    optional = [action for action in actions if action.option_strings]
    for action in optional:
        if action.required:
            yield f"{action.option_strings[0]} {action.metavar or action.dest.upper()}"
    if not all(action.required for action in optional):
        yield "[options]"
    for action in actions:
        if not action.option_strings:
            name = str(action.metavar or action.dest.upper())
            yield _REPEATED.get(str(action.nargs), "{0}").format(name)


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the words for us, and those behind `--` that `netproof test` gives to pytest."""
    if words[:1] == ["test"] and "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1 :]
    return words, []


def parser(words: Sequence[str]) -> Parser:
    """Return the parser for a call, with the command that it names; with all where none is."""
    made = Parser(prog=PROGRAM, description=netproof.__doc__)
    made.add_argument("--version", action="version", version=f"{PROGRAM} {netproof.__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for subject in _subjects(words):
        importlib.import_module(f"netproof.front.cli.{subject}").add(commands)
    return made


def _subjects(words: Sequence[str]) -> Sequence[str]:
    """Return the subject of the command that is named, all where none is (for the help)."""
    if words[:1] == ["--version"]:
        return ()
    named = [subject for subject, commands in SUBJECTS.items() if set(words[:1]) & set(commands)]
    return named or list(SUBJECTS)
