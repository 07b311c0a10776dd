"""What travels through the API server into a pod: exec, attach, a forwarded port, proxied HTTP.

All but the last have a WebSocket of their own. In the plain form of port-forward that is so by
protocol: one connection of the pod per port and WebSocket, made when the WebSocket is, so every
local connection gets a WebSocket and its end is that of the connection.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from urllib3.exceptions import ReadTimeoutError

from netproof.cluster.api.answers import status_message
from netproof.cluster.api.client import Client
from netproof.cluster.api.transport import ApiRequest
from netproof.cluster.naming import PodName
from netproof.cluster.outside import CommandStream, SocketStream
from netproof.cluster.streams.channels import ERROR, MOST_UNSENT, STDERR, STDIN, STDOUT
from netproof.cluster.streams.handshake import into_pod
from netproof.errors import (
    PortClosedError,
    ProbeError,
    StreamCutError,
    StreamRefusedError,
    UnreachableError,
)
from netproof.model.flow import Endpoint, EndpointKind
from netproof.timelimit import at_most

SEND_S = 30.0
"""For a command to take what it is sent: one that may be starved of its CPU."""

DATA, COMPLAINT = 0, 1
"""Channels of a forwarded port: its bytes, and what the kubelet has to say against it."""

COMPLAINT_SHOWN = 300
"""Characters of it."""


class ExecStream:
    """One exec session; to be used by one thread at a time."""

    def __init__(self, client: Client, pod: PodName, command: Sequence[str]) -> None:
        """Start the command; raise StreamRefusedError where the API server does not let us."""
        name = f"exec in pod {pod[0]}/{pod[1]}"
        ways = [(way, "true") for way in ("stdin", "stdout", "stderr")]
        query = [*ways, *(("command", word) for word in command)]
        self._stream = into_pod(client, pod, "exec", query, name)

    def send(self, data: bytes) -> None:
        """Write to the command's standard input; raise EOFError where it is gone."""
        try:
            self._stream.send(STDIN, data, SEND_S)
        except (StreamCutError, TimeoutError) as error:
            raise EOFError(str(error)) from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what the command wrote, b"" when nothing came in time; raise EOFError at its end.

        What it wrote to standard error, and the API server's last word, are in the EOFError.
        """
        try:
            data = self._stream.read(STDOUT, timeout_s)
        except StreamCutError as error:
            raise EOFError(str(error)) from error
        if not data and self._stream.ended:
            raise EOFError(f"{self._stream.name} ended: {self._last_words()}")
        return data

    def _last_words(self) -> str:
        said = self._stream.take(STDERR) + b" " + self._stream.take(ERROR)
        return str(said.decode(errors="replace").strip()[:300]) or "without a word"

    def close(self) -> None:
        """End the session; to be called any number of times."""
        self._stream.close()


class AgentStreams:
    """Opens streams to agents: by exec to probe pods, and in its own way to the host outside."""

    def __init__(self, client: Client, locate: Callable[[Endpoint], PodName]) -> None:
        """Keep where pods are: `locate` maps an endpoint to its pod in the cluster."""
        self._client = client
        self._locate = locate

    def open(
        self, source: Endpoint, command: Sequence[str]
    ) -> ExecStream | SocketStream | CommandStream:
        """Run a command where the endpoint's agent is and return its stream.

        Raises ProbeError where that fails.
        """
        place = self._client.ref.outside
        if place is not None and source.kind is EndpointKind.OUTSIDE:
            return place.open(source, command)
        try:
            return ExecStream(self._client, self._locate(source), command)
        except StreamRefusedError as error:
            raise ProbeError(str(error)) from error


class AttachedStream:
    """The standard output of a running container; what it wrote before is not in it."""

    def __init__(self, client: Client, pod: PodName, container: str) -> None:
        """Attach; raise StreamRefusedError where the API server does not let us."""
        name = f"attach to {pod[0]}/{pod[1]}"
        query = [("container", container), ("stdout", "true")]
        self._stream = into_pod(client, pod, "attach", query, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def receive(self, timeout_s: float) -> bytes:
        """Return what the container wrote, b"" when it wrote nothing in time.

        Raises StreamCutError where the stream broke off.
        """
        return self._stream.read(STDOUT, timeout_s)


class ForwardedConnection:
    """A connection to a port inside a pod, by way of the API server and the kubelet.

    That it could be opened proves nothing: whether somebody answers in the pod is told by what
    comes back, bytes or PortClosedError.
    """

    def __init__(self, client: Client, pod: PodName, port: int) -> None:
        """Open it; raise StreamRefusedError where the API server does not let us."""
        name = f"port-forward to {pod[0]}/{pod[1]}:{port}"
        self._stream = into_pod(client, pod, "portforward", [("ports", str(port))], name)
        self._greeted: set[int] = set()
        self._incoming = bytearray()
        self._complaint = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor to wait at."""
        return self._stream.fileno()

    @property
    def events(self) -> int:
        """What to wait for at the descriptor (`select.poll`)."""
        return self._stream.events & ~(select.POLLIN if self._is_laden else 0)

    @property
    def is_full(self) -> bool:
        """Tell whether so much waits to be sent that no more should be given."""
        return self._stream.unsent >= MOST_UNSENT

    @property
    def has_ended(self) -> bool:
        """Tell whether the pod's side has ended and all it said was taken."""
        return self._stream.ended and not self._incoming and not self._complaint

    def give(self, data: bytes) -> None:
        """Take bytes to be sent and send what can be sent at once."""
        self._stream.give(DATA, data)

    def turn(self) -> None:
        """Do all that can be done without waiting; raise StreamCutError where it was cut off."""
        if self._is_laden:  # who does not take what came is sent no more
            self._stream.flush()
        else:
            self._stream.turn()
        self._sort()

    @property
    def _is_laden(self) -> bool:
        return len(self._incoming) >= MOST_UNSENT

    def take(self) -> bytes:
        """Return what has come, b"" where nothing has; raise what has gone wrong after it."""
        self._sort()
        found = bytes(self._incoming)
        self._incoming.clear()
        if not found and self._complaint:
            raise PortClosedError(f"{self._stream.name}: {self._complaint}")
        return found

    def sendall(self, data: bytes, timeout_s: float) -> None:
        """Send bytes; raise StreamCutError, or TimeoutError when they do not leave in time."""
        self._stream.send(DATA, data, timeout_s)

    def receive(self, timeout_s: float) -> bytes:
        """Return the next bytes, b"" at the end.

        Raises PortClosedError where nobody answers in the pod, StreamCutError where the stream
        broke off, TimeoutError when nothing comes in time.
        """
        until = time.monotonic() + at_most(timeout_s)
        self.turn()
        while not (found := self.take()):
            if self._stream.ended:
                return b""
            self._stream.wait(until)
        return found

    def close(self) -> None:
        """End it; what was not sent yet is lost."""
        self._stream.close()

    def _sort(self) -> None:
        for channel, data in self._stream.take_all():
            if channel not in self._greeted:
                self._greeted.add(channel)  # the first message of a channel is its port's number
            elif channel == DATA:
                self._incoming += data
            else:
                self._complaint = (self._complaint + data.decode(errors="replace"))[
                    :COMPLAINT_SHOWN
                ]


@dataclass(frozen=True, slots=True)
class Proxied:
    """An answer; `said` is what the API server itself had to say, "" where it passed one on.

    A backend that cannot be reached and a refusal both come as a Status object (`kind: Status`).
    """

    status: int
    body: bytes
    said: str = ""


def fetch_proxied(
    client: Client,
    resource: str,
    *,
    namespace: str,
    name: str,
    port: int,
    path: str,
    timeout_s: float,
) -> Proxied:
    """GET a path of a pod or Service; raise TimeoutError where no answer comes in time.

    Raises UnreachableError where the API server itself cannot be reached.
    """
    full = f"/api/v1/namespaces/{namespace}/{resource}/{name}:{port}/proxy/{path}"
    try:
        request = ApiRequest("GET", full, accept="*/*")
        answer = client.transport.send(request, what=f"GET {full}", timeout_s=timeout_s)
    except UnreachableError as error:
        if isinstance(error.__cause__, ReadTimeoutError | TimeoutError):
            raise TimeoutError(f"no answer in {timeout_s:g} s through the proxy") from error
        raise
    return Proxied(answer.status, answer.data, status_message(answer.data))
