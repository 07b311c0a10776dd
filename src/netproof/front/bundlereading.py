"""How people say that a bundle is to be read: the same for commands and for pytest."""

from __future__ import annotations

import argparse

from netproof.policy.rendering import ReadingOptions


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
