"""Ending several things: all are tried, and what went wrong is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netproof.errors import ClusterError, ProbeError
from netproof.run.endings import afterwards, end_all, on_error


class Ends:
    """Ends that note that they were called, some of which fail."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def end(self, name: str, error: BaseException | None = None) -> Callable[[], None]:
        def call() -> None:
            self.called.append(name)
            if error is not None:
                raise error

        return call


def test_all_are_called_and_all_errors_said() -> None:
    """One that fails keeps nobody from calling the others, in their order."""
    ends = Ends()
    with pytest.raises(ClusterError, match=r"^a broke; at the end: c broke$"):
        end_all(
            ends.end("a", ProbeError("a broke")),
            ends.end("b"),
            ends.end("c", ClusterError("c broke")),
        )
    assert ["a", "b", "c"] == ends.called


def test_the_only_error_is_raised_as_it_is() -> None:
    """Who looks for a kind of error finds it."""
    with pytest.raises(ProbeError, match=r"^b broke$"):
        end_all(Ends().end("a"), Ends().end("b", ProbeError("b broke")))


def test_a_fault_of_ours_is_not_hidden() -> None:
    """An exception that is none of ours stays what it is, with the others as notes."""
    with pytest.raises(KeyError) as raised:
        end_all(Ends().end("a", ClusterError("a broke")), Ends().end("b", KeyError("b")))
    assert ["and at the end: a broke"] == raised.value.__notes__


def test_an_interruption_ends_all_the_same() -> None:
    """Ctrl-C while one ends does not leave the rest."""
    ends = Ends()
    with pytest.raises(KeyboardInterrupt):
        end_all(ends.end("a", KeyboardInterrupt()), ends.end("b"))
    assert ["a", "b"] == ends.called


@pytest.mark.parametrize("error", [None, ClusterError("body", 403), KeyboardInterrupt()])
def test_what_is_called_after_a_block(error: BaseException | None) -> None:
    """`afterwards` calls its ends always, `on_error` only where the block fails."""
    ends, failed = Ends(), Ends()

    def block() -> None:
        with afterwards(ends.end("a")), on_error(failed.end("a")):
            if error is not None:
                raise error

    if error is None:
        block()
    else:
        with pytest.raises(type(error)):
            block()
    assert (["a"], [] if error is None else ["a"]) == (ends.called, failed.called)


def test_the_error_of_a_block_comes_first() -> None:
    """What failed first is what has to be read first, with the status it came with."""
    end = Ends().end("a", ClusterError("end"))
    with pytest.raises(ClusterError, match=r"^body; at the end: end$") as raised, afterwards(end):
        raise ClusterError("body", 403)
    assert 403 == raised.value.status
