"""The parser, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import netproof
from netproof.errors import NetproofError

SUBJECTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "suite_commands": ("test",),
        "lab_commands": ("lab",),
        "bundle_commands": ("check", "snapshot", "diff", "explain"),
        "cluster_commands": ("doctor", "rbac", "clean"),
        "profile_commands": ("profile",),
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
    options = _parser(words).parse_args(words, argparse.Namespace(passed=passed))
    try:
        code: int = options.run(options)
    except NetproofError as error:
        sys.stderr.write(f"netproof: {error}\n")
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the words for us, and those behind `--` that `netproof test` gives to pytest."""
    if words[:1] == ["test"] and "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1 :]
    return words, []


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="netproof", description=netproof.__doc__)
    parser.add_argument("--version", action="version", version=netproof.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for subject in _subjects(words):
        importlib.import_module(f"netproof.front.cli.{subject}").add(commands)
    return parser


def _subjects(words: Sequence[str]) -> Sequence[str]:
    """Return the subject of the command that is named, all where none is (for the help)."""
    named = [subject for subject, commands in SUBJECTS.items() if set(words[:1]) & set(commands)]
    return named or list(SUBJECTS)
