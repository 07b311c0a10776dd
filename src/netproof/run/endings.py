"""Ending several things: each is tried whatever became of the others, and what went wrong is said.

For ends that leave something on a cluster where they are not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from netproof.errors import ClusterError, ClusterGoneError, NetproofError
from netproof.timelimit import ending

End = Callable[[], object]


def end_all(*ends: End) -> None:
    """Call each of the ends in their order; raise what went wrong once all of them were called.

    Several errors of ours become one ClusterError that says all of them. Being interrupted keeps
    nobody from calling the rest.
    """
    errors: list[Exception] = []
    with ending(), ExitStack() as stack:
        for end in reversed(ends):
            stack.callback(_call, end, errors)
    if errors:
        raise _one_of(errors)


@contextmanager
def on_error(*ends: End) -> Iterator[None]:
    """Call the ends where a block fails; what failed is said first, then what went wrong after."""
    try:
        yield
    except BaseException as error:
        try:
            end_all(*ends)
        except Exception as another:  # noqa: BLE001 - raised with the first
            if isinstance(error, Exception):
                raise _one_of([error, another]) from error
            error.add_note(f"and at the end: {another}")
        raise


@contextmanager
def afterwards(*ends: End) -> Iterator[None]:
    """Call the ends after a block, whether it fails or not."""
    with on_error(*ends):
        yield
    end_all(*ends)


def _call(end: End, errors: list[Exception]) -> None:
    try:
        end()
    except Exception as error:  # noqa: BLE001 - all of them are raised in the end
        errors.append(error)


def _one_of(errors: list[Exception]) -> Exception:
    """Return one error for all: a fault of our own with the others as notes, or their sum."""
    first, *others = sorted(errors, key=lambda error: isinstance(error, NetproofError))
    if not others:
        return first
    if not isinstance(first, NetproofError):
        for other in others:
            first.add_note(f"and at the end: {other}")
        return first
    status = first.status if isinstance(first, ClusterError) else 0
    gone = any(isinstance(error, ClusterGoneError) for error in errors)
    kind = ClusterGoneError if gone else ClusterError
    return kind("; at the end: ".join(map(str, errors)), status)
