"""nftables itself, in this kernel: errors, and transactions that are all or nothing."""

from collections.abc import Iterator

import pytest

from tests.lab.dataplane_bench import Bench


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
