"""Every wait and every retry of this stage, named, with its reason.

Retried are faults of the way to the API server, and only for calls that may be repeated; what the
API server says is never retried here. Each wait has a deadline and ends with the last thing known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from netproof.errors import NotReadyError, UnreachableError

T = TypeVar("T")

TRANSPORT = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(UnreachableError),
    stop=tenacity.stop_after_attempt(4),
    wait=tenacity.wait_exponential(multiplier=0.1, max=2),
    reraise=True,
)
"""For calls that may be repeated: a load balancer or an API server that restarts drops a few."""


def wait_until(look: Callable[[], T | None], *, deadline_s: float, what: Callable[[], str]) -> T:
    """Look until there is something to return; raise NotReadyError at the deadline.

    The pause starts at 20 ms, because the embedded lab answers in milliseconds, and doubles up to
    1 s, because a cluster that pulls an image needs minutes. `what` words the last known state.
    """
    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda found: found is None),
        stop=tenacity.stop_after_delay(deadline_s),
        wait=tenacity.wait_exponential(multiplier=0.02, max=1),
    )
    try:
        found = waiting(look)
    except tenacity.RetryError:
        raise NotReadyError(f"{what()} (waited {deadline_s:g} s)") from None
    if found is None:
        raise NotReadyError(f"{what()} (waited {deadline_s:g} s)")
    return found
