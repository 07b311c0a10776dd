"""Channels over a WebSocket: what is read of one leaves the others, and no end is mistaken."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from netproof.cluster.streams.channels import ERROR, STDERR, STDOUT, ChannelSocket
from netproof.errors import StreamCutError

SOON_S = 0.05
CLOSE = b"\x88\x00"

Ends = tuple[ChannelSocket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Return our end of a stream, and the API server's."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    stream = ChannelSocket(ours, "exec in pod shop/web")
    yield stream, theirs
    stream.close()
    theirs.close()


def _said(channel: int, data: bytes) -> bytes:
    return bytes([0x82, 1 + len(data), channel]) + data


def test_a_channel_is_read_without_the_others(ends: Ends) -> None:
    """The last words of a command are still there when its output has been read."""
    stream, theirs = ends
    theirs.sendall(_said(STDERR, b"oh") + _said(STDOUT, b"a") + _said(STDOUT, b"b"))
    assert b"ab" == stream.read(STDOUT, SOON_S)
    assert (b"oh", b"") == (stream.take(STDERR), stream.take(ERROR))


def test_a_greeting_is_no_answer(ends: Ends) -> None:
    """API server and kubelet begin with a message without bytes; what the command says is next."""
    stream, theirs = ends
    theirs.sendall(_said(STDOUT, b""))
    stream.turn()
    theirs.sendall(_said(STDOUT, b"a"))
    assert b"a" == stream.read(STDOUT, SOON_S)


def test_silence_is_no_end(ends: Ends) -> None:
    """Nothing came in time, and words in another channel are no answer."""
    stream, theirs = ends
    theirs.sendall(_said(STDERR, b"oh"))
    assert b"" == stream.read(STDOUT, SOON_S)
    assert not stream.ended


def test_an_end_is_told(ends: Ends) -> None:
    """A stream that was closed has ended, once what came before is read."""
    stream, theirs = ends
    theirs.sendall(_said(STDOUT, b"bye") + CLOSE)
    assert b"bye" == stream.read(STDOUT, SOON_S)
    assert b"" == stream.read(STDOUT, SOON_S)
    assert stream.ended


def test_what_came_before_a_cut_is_read_first(ends: Ends) -> None:
    """The cut is told by the read after it."""
    stream, theirs = ends
    theirs.sendall(_said(STDOUT, b"half an ans"))
    theirs.close()
    assert b"half an ans" == stream.read(STDOUT, SOON_S)
    with pytest.raises(StreamCutError, match="exec in pod shop/web broke off"):
        stream.read(STDOUT, SOON_S)
