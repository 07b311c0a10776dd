"""A conversation with one agent: JSON lines there and back over a stream that a cluster provides.

What is asked and what the answers mean is the runner's. A stream is touched by one thread at a
time. Only the transport is ever tried again, and only while no answer to a request has come.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Protocol, TypeVar

import msgspec
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential,
)

from netproof.errors import GarbledError, ProbeError
from netproof.model.flow import Endpoint
from netproof.probe.identity import identity_of
from netproof.probe.messages import (
    Greeting,
    Hello,
    decode,
    read_greeting,
    sealed_request,
    unsealed,
)
from netproof.timelimit import at_most

T = TypeVar("T")

LONGEST_WAIT_S = 1.0
"""Of one `receive`: so that a deadline is seen even where a stream waits longer than it said."""

HELLO_S = 20.0
"""For an agent's first words: an exec, an interpreter and an agent that may still be starting."""

SENT_AT_ONCE = 1 << 16
"""Bytes: far below what any WebSocket on the way takes as one message."""

LONGEST_LINE = 1 << 25
"""Bytes of one answer: a thousand results have some hundred thousand, a testimony two million."""


class Stream(Protocol):
    """Bytes to and from a command that runs beside an agent."""

    def send(self, data: bytes) -> None:
        """Write all of it; raise EOFError where the command is gone."""

    def receive(self, timeout_s: float) -> bytes:
        """Return what was written, b"" when nothing came in time; raise EOFError at the end."""

    def close(self) -> None:
        """End the command; to be called any number of times."""


class StreamOpener(Protocol):
    """What a cluster does for us."""

    def open(self, source: Endpoint, command: Sequence[str]) -> Stream:
        """Run a command where the endpoint's agent runs; raise ProbeError where that fails."""


class _BrokenError(ProbeError):
    """The transport failed before any answer: worth another try."""


TRANSPORT_RETRIES = Retrying(
    retry=retry_if_exception_type(_BrokenError),
    stop=stop_after_attempt(4) | stop_after_delay(5.0),
    wait=wait_exponential(multiplier=0.1, max=1.0),
    reraise=True,
)
"""Four tries within about a second, none begun after five: longer outages are `converge`'s."""


class Channel:
    """Requests to one agent, over a stream that is opened anew when it broke."""

    def __init__(
        self,
        opener: StreamOpener,
        endpoint: Endpoint,
        command: Sequence[str],
        key: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        retries: Retrying = TRANSPORT_RETRIES,
    ) -> None:
        """Keep the means; nothing is opened yet. `key` is the one of the agent's seal."""
        self._opener, self._endpoint, self._command = opener, endpoint, command
        self._key, self._session = key, ""
        self._clock, self._retries = clock, retries
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._stream: Stream | None = None
        self._unread = b""
        self._hello: Hello | None = None
        self.tries = 0

    @property
    def greeted(self) -> Hello | None:
        """Who answers over the stream that is open; None where there is none."""
        return self._hello if self._stream is not None else None

    def hello(self) -> Hello:
        """Return who answers, asked once a stream; raise ProbeError where nobody does."""
        with self._lock:
            return self._retries.copy()(self._connected)

    def ask(
        self,
        request: Mapping[str, object],
        kind: type[T],
        take: Callable[[T], bool],
        *,
        deadline_s: float,
    ) -> int:
        """Send a request, hand each answer of a kind to `take` until it says that was the last.

        Returns how often the request had to be sent. Raises ProbeError where the transport failed
        for good or the deadline passed, GarbledError where what came is no such answer.
        """
        with self._lock:
            self.tries = 0
            self._retries.copy()(self._ask, request, kind, take, deadline_s)
            return self.tries

    def close(self) -> None:
        """End the stream; the next request opens another."""
        with self._lock:
            self._close()

    def _ask(
        self,
        request: Mapping[str, object],
        kind: type[T],
        take: Callable[[T], bool],
        deadline_s: float,
    ) -> None:
        self._connected()
        self.tries += 1
        self._exchange(request, kind, take, deadline_s)

    def _connected(self) -> Hello:
        if self._stream is None:
            try:
                self._stream = self._opener.open(self._endpoint, self._command)
            except ProbeError as error:
                raise _BrokenError(str(error)) from error
            self._unread, self._session = b"", secrets.token_hex(16)
            self._exchange({"op": "hello"}, Greeting, self._greet, HELLO_S)
        if self._hello is None:
            raise ProbeError(f"the agent of {self._endpoint} did not say who it is")
        return self._hello

    def _greet(self, reply: Greeting) -> bool:
        self._hello = read_greeting(reply, identity_of(self._endpoint))
        return True

    def _exchange(
        self,
        request: Mapping[str, object],
        kind: type[T],
        take: Callable[[T], bool],
        deadline_s: float,
    ) -> None:
        """Do one request; a stream that failed or is out of step is never used again."""
        number, answers = next(self._numbers), 0
        until = self._clock() + at_most(deadline_s)
        done = False
        try:
            self._send({"id": number, **request})
            while not done:
                reply = self._reply(until, number, kind)
                answers += 1
                done = take(reply)
        except EOFError as error:
            message = f"the agent of {self._endpoint} is gone: {error}"
            raise (ProbeError if answers else _BrokenError)(message) from error
        except GarbledError as error:
            raise type(error)(f"the agent of {self._endpoint} answered: {error}") from error
        finally:
            if not done:
                self._close()

    def _send(self, request: Mapping[str, object]) -> None:
        if self._stream is None:
            raise EOFError("no stream")
        data = msgspec.json.encode(request)
        line = sealed_request(data, self._key, self._session)
        for start in range(0, len(line), SENT_AT_ONCE):
            self._stream.send(line[start : start + SENT_AT_ONCE])

    def _reply(self, until: float, number: int, kind: type[T]) -> T:
        return decode(unsealed(self._line(until), self._key, self._session), number, kind)

    def _line(self, until: float) -> bytes:
        parts, size = [self._unread], len(self._unread)
        while b"\n" not in parts[-1]:
            left = until - self._clock()
            if size > LONGEST_LINE:
                raise GarbledError(f"a line of more than {LONGEST_LINE} bytes")
            if left <= 0 or self._stream is None:
                raise ProbeError(f"the agent of {self._endpoint} did not answer in time")
            parts.append(self._stream.receive(min(left, LONGEST_WAIT_S)))
            size += len(parts[-1])
        line, _, self._unread = b"".join(parts).partition(b"\n")
        return line

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream, self._hello = None, None
