"""The parser, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import netproof
from netproof.cli import bundles, cluster, lab, profile
from netproof.errors import NetproofError

EXIT_ERROR = 2
"""The call or the environment is at fault; 1 is kept for what a check found."""

EXIT_INTERRUPTED = 130
"""What a shell calls a program that Ctrl-C ended (128 + SIGINT)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(options)
    except NetproofError as error:
        sys.stderr.write(f"netproof: {error}\n")
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="netproof", description=netproof.__doc__)
    parser.add_argument("--version", action="version", version=netproof.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for subject in (lab, bundles, cluster, profile):
        subject.add(commands)
    return parser
