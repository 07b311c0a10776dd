"""The two ways to an agent that is no pod: a connection, and a program's standard streams."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from threading import Event

import pytest

from netproof.cluster.outside import CommandStream, OutsideContainer, SocketStream
from netproof.errors import ProbeError
from netproof.model.flow import Endpoint
from netproof.timelimit import within

ECHO = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stdout.flush()"
LONG = b"x" * (1 << 20) + b"\n"


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Somebody who listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(10)
        yield sock


def _whole(stream: CommandStream | SocketStream, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += stream.receive(10.0)
    return data


def test_a_connection_there_and_back(server: socket.socket) -> None:
    """Silence is no end, the other side's end is one."""
    stream = SocketStream(*server.getsockname())
    with server.accept()[0] as agent:
        stream.send(b"ask\n")
        assert b"ask\n" == agent.recv(10)
        assert b"" == stream.receive(0.01)
        agent.sendall(b"answer\n")
        assert b"answer\n" == stream.receive(10.0)
    with pytest.raises(EOFError, match="ended the conversation"):
        stream.receive(10.0)
    stream.close()
    stream.close()
    with pytest.raises(EOFError):
        stream.send(b"more")


@pytest.mark.parametrize("host", ["a..b", "no-such-host.invalid"])
def test_a_host_that_can_be_none(host: str) -> None:
    """What no resolver takes is an error like an address where nobody answers."""
    with pytest.raises(ProbeError, match="nobody answers at"):
        SocketStream(host, 7462)


def test_a_connection_takes_no_longer_than_there_is_time(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up that hangs, an agent that takes nothing and one that says nothing end with it."""
    stream = SocketStream(*server.getsockname())
    with server.accept()[0], closing(stream), within(0.05):
        assert b"" == stream.receive(60.0)
        with pytest.raises(EOFError, match="no whole answer in time"):
            stream.send(b"more")
    found = Event()
    monkeypatch.setattr(socket, "create_connection", lambda *_: found.wait(60) and socket.socket())
    with within(0.05), pytest.raises(ProbeError, match=r"nobody answers at .* in time"):
        SocketStream("hangs.invalid", 7462)
    found.set()


def test_a_program_there_and_back() -> None:
    """More than its pipes hold gets through, once the other end is read."""
    stream = CommandStream([sys.executable, "-c", ECHO])
    stream.send(b"ask\n")
    assert b"ask\n" == _whole(stream, 4)
    assert b"" == stream.receive(0.01)
    stream.close()
    stream.close()
    with pytest.raises(EOFError):
        stream.send(b"more")


def test_a_program_that_reads_slowly_gets_all() -> None:
    """What does not fit into a pipe waits for it."""
    count = "import sys; print(len(sys.stdin.buffer.readline()), flush=True)"
    stream = CommandStream([sys.executable, "-c", count])
    stream.send(LONG)
    assert f"{len(LONG)}\n".encode() == _whole(stream, 8)
    stream.close()


def test_the_last_words_of_a_program_are_told() -> None:
    """An engine says why it did not run the command."""
    stream = CommandStream([sys.executable, "-c", "import sys; sys.exit('no such container')"])
    with pytest.raises(EOFError, match="ended: no such container"):
        stream.receive(10.0)
    stream.close()


def test_an_engine_that_is_not_there() -> None:
    """It is an error of the probe, not of the CNI."""
    place = OutsideContainer("no-such-engine", "c", "kind", "python", "r")
    with pytest.raises(ProbeError, match="no-such-engine cannot be started"):
        place.open(Endpoint.outside("outside"), ["python3"])
