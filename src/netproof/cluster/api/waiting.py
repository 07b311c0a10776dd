"""Every wait and every retry of this stage, named, with its reason.

Retried are faults of the way to the API server, and only for calls that may be repeated; what the
API server says is never retried here. Each wait has a deadline and ends with the last thing known.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from netproof.cluster.api.answers import ApiAnswer
from netproof.errors import ClusterError, ClusterGoneError, NotReadyError, UnreachableError
from netproof.timelimit import at_most, within

T = TypeVar("T")

TRANSPORT = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(UnreachableError),
    stop=lambda state: state.attempt_number >= 4 or at_most() <= 0,
    wait=tenacity.wait_exponential(multiplier=0.1, max=2),
    reraise=True,
)
"""For calls that may be repeated: a load balancer or an API server that restarts drops a few.

All of them share the time of one."""

MOST_WAITS = 10
"""How often a server may ask to be asked later; client-go's number (rest.Request.maxRetries)."""

SHORTEST_WAIT_S = 0.1
"""Between two tries, also where a server says that it needs no pause."""


def wait_as_told(call: Callable[[], ApiAnswer]) -> ApiAnswer:
    """Make a call again while the server is too busy for it (429, 503) and says until when.

    It has not done anything then. What it asks for is waited within the time that is left; who
    asks for more has refused.
    """
    for _ in range(MOST_WAITS):
        answer = call()
        pause = answer.retry_after_s
        if answer.status not in (429, 503) or pause is None:
            return answer
        pause = max(pause, SHORTEST_WAIT_S)
        if pause >= at_most():
            return answer
        time.sleep(pause)
    return call()


ASK_AGAIN_S = 1.0
ONE_ANSWER_S = 5.0


class Presence:
    """Since when an API server gives no answer, and whether it was given up."""

    def __init__(
        self,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        starts_again: bool = True,
    ) -> None:
        """Take it for there; it is given up after `limit_s` without an answer.

        One that never `starts_again` is given up as soon as nobody listens in its place.
        """
        self._limit_s, self._clock, self._starts_again = limit_s, clock, starts_again
        self._silent_since: float | None = None
        self.gone = False

    def heard(self) -> None:
        """Note that there was an answer, whatever it said."""
        self._silent_since = None

    def missed(self) -> None:
        """Note that there was none."""
        if self._silent_since is None:
            self._silent_since = self._clock()

    def wait(self, ask: Callable[[], object], pause: Callable[[float], None] = time.sleep) -> None:
        """Ask until there is an answer; raise ClusterGoneError where there is none in time.

        Where there is less time for all that is under way, the last error ends it.
        """
        while (error := _unanswered(ask)) is not None:
            self.missed()
            if why := self._why_given_up(error):
                self.gone = True
                raise ClusterGoneError(f"{why}; at last: {error}") from error
            if at_most() <= 0:
                raise error
            pause(ASK_AGAIN_S)

    def _why_given_up(self, error: UnreachableError) -> str:
        """Return why there is no waiting for it any more, "" where there is."""
        if error.refused and not self._starts_again:
            return "the API server has ended"
        if self._silent_s() >= self._limit_s:
            return f"the API server has not answered for {self._limit_s:g} s"
        return ""

    def _silent_s(self) -> float:
        return 0.0 if self._silent_since is None else self._clock() - self._silent_since


def _unanswered(ask: Callable[[], object]) -> UnreachableError | None:
    """Ask once; return the error where no answer came. A refusal is an answer."""
    try:
        with within(ONE_ANSWER_S):
            ask()
    except UnreachableError as error:
        return error
    except ClusterError:
        pass
    return None


def wait_until(look: Callable[[], T | None], *, deadline_s: float, what: Callable[[], str]) -> T:
    """Look until there is something to return; raise NotReadyError at the deadline.

    The pause starts at 20 ms, because the embedded lab answers in milliseconds, and grows up to
    1 s, because a cluster that pulls an image needs minutes. It grows by a quarter, so that nothing
    is waited for a quarter longer than it takes. `what` words the last known state.
    """
    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda found: found is None),
        stop=tenacity.stop_after_delay(at_most(deadline_s)),
        wait=tenacity.wait_exponential(multiplier=0.02, max=1, exp_base=1.25),
    )
    try:
        found = waiting(look)
    except tenacity.RetryError:
        raise NotReadyError(f"{what()} (waited {deadline_s:g} s)") from None
    if found is None:
        raise NotReadyError(f"{what()} (waited {deadline_s:g} s)")
    return found
