"""WebSocket frames as a client writes and reads them (RFC 6455); pure.

Bytes go in, messages come out: it must not know where they come from. The library that makes the
handshake reads blockingly, which is of no use to a loop that must not stand still.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from enum import IntEnum

_FINAL = 0x80
_MASKED = 0x80
_SHORT, _LONG = 126, 127
_LONGEST_SHORT = 1 << 16


class Opcode(IntEnum):
    """What a frame is (RFC 6455 section 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


CONTROL = (Opcode.CLOSE, Opcode.PING, Opcode.PONG)


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message; the pieces it came in are put together."""

    opcode: Opcode
    data: bytes


def frame(opcode: Opcode, data: bytes, key: bytes | None = None) -> bytes:
    """Return a message as one frame; what a client sends is masked, by chance unless told."""
    mask = os.urandom(4) if key is None else key
    first = bytes([_FINAL | opcode])
    if len(data) < _SHORT:
        head = first + bytes([_MASKED | len(data)])
    elif len(data) < _LONGEST_SHORT:
        head = first + bytes([_MASKED | _SHORT]) + struct.pack("!H", len(data))
    else:
        head = first + bytes([_MASKED | _LONG]) + struct.pack("!Q", len(data))
    return head + mask + _masked(data, mask)


def _masked(data: bytes, mask: bytes) -> bytes:
    """XOR with the mask, over and over; as one big number that takes 1 ms a megabyte."""
    size = len(data)
    over = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(over, "big")).to_bytes(size, "big")


class Decoder:
    """Puts messages together from whatever bytes arrive."""

    def __init__(self) -> None:
        """Begin at the start of a frame."""
        self._unread = bytearray()
        self._pieces = bytearray()
        self._opcode = Opcode.BINARY

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are whole now; raise ValueError for what is no frame."""
        self._unread += data
        found = []
        while (taken := self._frame()) is not None:
            final, opcode, payload = taken
            if opcode in CONTROL:
                found.append(Message(opcode, payload))
                continue
            if opcode is not Opcode.CONTINUATION:
                self._opcode = opcode
            self._pieces += payload
            if final:
                found.append(Message(self._opcode, bytes(self._pieces)))
                self._pieces.clear()
        return found

    def _frame(self) -> tuple[bool, Opcode, bytes] | None:
        unread = self._unread
        if len(unread) < 2:
            return None
        size, head = unread[1], 2
        if size & _MASKED:
            raise ValueError("a server's frame must not be masked")
        if size >= _SHORT:
            width = 2 if size == _SHORT else 8
            head += width
            if len(unread) < head:
                return None
            size = int.from_bytes(unread[2:head], "big")
        if len(unread) < head + size:
            return None
        first, payload = unread[0], bytes(unread[head : head + size])
        del unread[: head + size]
        return bool(first & _FINAL), Opcode(first & 0x0F), payload
