"""The options that say what kind of lab it is to be, the same for pytest and for `netproof ...`.

Apart from `options`, because `netproof lab up` starts the lab before it imports what speaks to it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from netproof.cluster.lab import LabOptions

Add = Callable[..., Any]
"""`addoption` of pytest's option group or `add_argument` of argparse: they take the same."""


def add_lab(add: Add) -> None:
    """Add the options of labs."""
    add("--nodes", type=int, default=2, help="nodes of the lab (default: 2)")
    add("--dataplane", default="enforcing", help="dataplane of the lab: enforcing or flat")
    add("--defect", action="append", default=[], help="a fault of the lab's dataplane; repeatable")
    add(
        "--deny",
        choices=["drop", "reject"],
        default="drop",
        help="what the lab does to packets that it denies (default: drop)",
    )
    add(
        "--established",
        choices=["kept", "cut"],
        default="kept",
        help="open TCP connections that a policy of the lab comes to deny (default: kept)",
    )


def lab(
    option: argparse.Namespace, *, name: str, port: int = 0, outlive: bool = False
) -> LabOptions:
    """Return the lab that the options describe."""
    return LabOptions(
        nodes=option.nodes,
        dataplane=option.dataplane,
        defects=tuple(option.defect),
        deny=option.deny,
        established=option.established,
        port=port,
        name=name,
        outlive=outlive,
    )
