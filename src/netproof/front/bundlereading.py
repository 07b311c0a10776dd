"""How people say that a bundle is to be read: the same for commands and for pytest."""

from __future__ import annotations

import argparse

from netproof.front import options
from netproof.policy.rendering import ReadingOptions


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a command reads a bundle."""
    parser.add_argument("-n", "--namespace", default="", help="of objects that name none")
    options.declare(parser.add_argument, options.RENDERING)


def reading(option: argparse.Namespace, namespace: str, *, wanted: bool = True) -> ReadingOptions:
    """Return what `options.RENDERING` came to; `namespace` is of objects that name none.

    `wanted` tells whether it is an error where values are given and no chart is there to take them.
    """
    return ReadingOptions(
        option.render != "never",
        tuple(map(str, option.values)),
        tuple(option.set),
        option.release,
        option.kube_version,
        namespace,
        wanted,
    )
