"""The host outside a cluster that is no pod of it, and the ways to its agent.

On kind it is a container beside the nodes, of somebody's cluster a machine that its owner has made
ready by `netproof agent`. Both are values, so that every test worker can open streams of its own.
What is said on a stream, and whether it can be believed, is for those who hold the agent's key.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import IO

from netproof.errors import HarnessBug, ProbeError
from netproof.model.flow import Endpoint
from netproof.model.value import Value
from netproof.model.workload import Host
from netproof.timelimit import at_most, left, left_behind

CHUNK = 1 << 18

CONNECT_S = 5.0
"""A machine that is up answers within a round trip; a SYN that was lost is sent again after 1 s."""

SEND_S = 30.0
"""For an agent to take what it is sent: one that may be starved of its CPU."""

END_S = 5.0

_SAID = 300
"""Characters of what a command said before it ended."""


class SocketStream:
    """A connection to the agent of a machine; to be used by one thread at a time."""

    def __init__(self, host: str, port: int) -> None:
        """Connect; raise ProbeError where nobody answers."""
        self._at = f"{host} port {port}"
        try:
            # Looking a name up knows no limit, and every address that it has is tried for so long.
            self._socket = left_behind(
                lambda: socket.create_connection((host, port), left(CONNECT_S)),
                late=socket.socket.close,
            )
        except (OSError, UnicodeError) as error:  # the latter of a name that can be none
            raise ProbeError(f"nobody answers at {self._at}: {error}") from error

    def send(self, data: bytes) -> None:
        """Write all of it; raise EOFError where the agent ended the conversation."""
        try:
            self._socket.settimeout(left(SEND_S))
            self._socket.sendall(data)
        except OSError as error:
            raise EOFError(f"{self._at}: {error}") from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what came, b"" when nothing did in time; raise EOFError at the end."""
        try:
            self._socket.settimeout(max(at_most(timeout_s), 0.001))
            data = self._socket.recv(CHUNK)
        except TimeoutError:
            return b""
        except OSError as error:
            raise EOFError(f"{self._at}: {error}") from error
        if not data:
            raise EOFError(f"{self._at} ended the conversation")
        return data

    def close(self) -> None:
        """End it; to be called any number of times."""
        self._socket.close()


class CommandStream:
    """The standard streams of a program of this machine; to be used by one thread at a time."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Start it; raise ProbeError where it cannot be started."""
        self._name = argv[0]
        try:
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise ProbeError(f"{argv[0]} cannot be started: {error.strerror}") from error
        self._in, self._out, self._err = (
            _there(pipe)
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        os.set_blocking(self._in.fileno(), False)

    def send(self, data: bytes) -> None:
        """Write all of it; raise EOFError where the program is gone or takes nothing."""
        until = time.monotonic() + at_most(SEND_S)
        try:
            while data:
                data = data[self._in.write(data) or 0 :]
                if data and not self._ready(self._in.fileno(), select.POLLOUT, until):
                    raise EOFError(f"{self._name} takes nothing")
        except (OSError, ValueError) as error:
            raise EOFError(f"{self._name} is gone: {error}") from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what it wrote, b"" when nothing came in time; raise EOFError at its end."""
        until = time.monotonic() + at_most(timeout_s)
        try:
            if not self._ready(self._out.fileno(), select.POLLIN, until):
                return b""
            data = os.read(self._out.fileno(), CHUNK)
        except (OSError, ValueError) as error:
            raise EOFError(f"{self._name} is gone: {error}") from error
        if not data:
            raise EOFError(f"{self._name} ended: {self._last_words()}")
        return data

    def close(self) -> None:
        """End it; to be called any number of times."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._in, self._out, self._err):
            pipe.close()

    def _ready(self, descriptor: int, events: int, until: float) -> bool:
        poll = select.poll()
        poll.register(descriptor, events)
        return bool(poll.poll(max(until - time.monotonic(), 0) * 1000))

    def _last_words(self) -> str:
        """Return what it said on standard error, as far as that has come."""
        if not self._ready(self._err.fileno(), select.POLLIN, time.monotonic() + at_most(END_S)):
            return "without a word"
        said = os.read(self._err.fileno(), CHUNK).decode(errors="replace").strip()
        return said[:_SAID] or "without a word"


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise HarnessBug("a program was started without pipes")
    return pipe


class OutsideMachine(Value, tag="machine"):
    """A machine that runs `netproof agent`: where it takes orders, and the key of its seal.

    `hosts` is what is known of it once it has answered.
    """

    host: str
    port: int
    key: str
    hosts: tuple[Host, ...] = ()

    def __str__(self) -> str:
        return f"the machine {self.host}"

    def open(self, source: Endpoint, command: Sequence[str]) -> SocketStream:
        """Connect to the agent, which needs nobody to relay; raise ProbeError where that fails."""
        del source, command
        return SocketStream(self.host, self.port)


class OutsideContainer(Value, tag="container"):
    """A container beside the nodes of a kind cluster: who runs it, of which image and where.

    `run_id` is the run's that made it. `hosts` is what is known of it once it has answered.
    """

    engine: str
    name: str
    network: str
    image: str
    run_id: str
    hosts: tuple[Host, ...] = ()

    def __str__(self) -> str:
        return f"the container {self.name}"

    def open(self, source: Endpoint, command: Sequence[str]) -> CommandStream:
        """Run a command in it; raise ProbeError where that fails."""
        del source
        return CommandStream([self.engine, "exec", "-i", self.name, *command])


OutsidePlace = OutsideMachine | OutsideContainer
"""How the host outside is reached where it is no pod."""
