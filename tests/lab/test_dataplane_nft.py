"""nftables itself, in this kernel: errors, and transactions that are all or nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netproof.cluster.lab import environment
from tests.lab.dataplane_bench import Bench

ROOT = Path(__file__).parents[2]
UNSHARE = ("unshare", "--user", "--map-root-user", "--net")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Start one node without pods."""
    with Bench({}, nodes=1) as made:
        yield made


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("add rule inet here there foo bar", "Error: "),
        ("add rule inet nowhere there accept", "No such file or directory"),
    ],
    ids=["not understood", "refused by the kernel"],
)
def test_an_error_names_the_line(bench: Bench, line: str, reason: str) -> None:
    """The message has the reason and the line at fault, with its number."""
    said = bench.command(f"add table inet here\nadd chain inet here there\n{line}\n")
    assert reason in said
    assert said.endswith(f"in line 3: {line}")


def test_a_refused_transaction_changes_nothing(bench: Bench) -> None:
    """Commands before the one at fault are not in force either, even after the error is told."""
    bench.command("add table inet half\nadd rule inet nowhere there accept\n")
    assert "half" not in bench.command("list tables")


MOST_THROUGH = 1e-5
"""Of the denied packets. With sets of intervals it is 6e-4 and more. It is not 0: for an instant
both tables are in the packets' way, and one in a million passes each while it is off."""


def test_hardly_anything_gets_through_while_a_table_is_replaced() -> None:
    """A table that denies takes the place of one that denies the same: no gap between them."""
    command = [*UNSHARE, sys.executable, "-m", "tests.lab.replacing", "3"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)
    assert told["sent"] > 100_000
    assert told["changes"] > 10
    assert told["through"] <= MOST_THROUGH * told["sent"], told
