"""SPDY/3.1 frames: bytes to frames and back, without any connection.

As much of the protocol as kubectl's port-forward and exec speak: streams, data, pings, the end.
Source: the SPDY protocol draft 3.1 (spdy-protocol-draft3-1).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from netlab.objects.limits import MAX_HEADER

VERSION = 3
FIN = 0x01
MAX_DATA = 0xFFFFFF

MAX_HEADERS = 1000
"""Headers of one stream; the clients send three."""


class FrameType(IntEnum):
    """The control frames that mean something here."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    PING = 6
    GOAWAY = 7


class BrokenFramesError(ValueError):
    """The bytes are no SPDY/3.1 frames."""


@dataclass(frozen=True, slots=True)
class SynStream:
    """The peer opens a stream."""

    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True, slots=True)
class SynReply:
    """A stream is accepted."""

    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True, slots=True)
class DataFrame:
    """Bytes on a stream; `fin` says that they are the sender's last."""

    stream: int
    data: bytes = b""
    fin: bool = False


@dataclass(frozen=True, slots=True)
class ResetFrame:
    """A stream ends at once, in both directions."""

    stream: int
    status: int = 5  # CANCEL


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life, to be sent back."""

    id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """The peer opens no more streams."""

    last: int = 0


Frame = SynStream | SynReply | DataFrame | ResetFrame | Ping | GoAway


def _dictionary() -> bytes:
    """Return the dictionary that SPDY/3 header compression begins with."""
    words = (
        "options head post put delete trace accept accept-charset accept-encoding accept-language "
        "accept-ranges age allow authorization cache-control connection content-base "
        "content-encoding content-language content-length content-location content-md5 "
        "content-range content-type date etag expect expires from host if-match "
        "if-modified-since if-none-match if-range if-unmodified-since last-modified location "
        "max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after "
        "server te trailer transfer-encoding upgrade user-agent vary via warning "
        "www-authenticate method get status 200|OK version HTTP/1.1 url public set-cookie "
        "keep-alive origin"
    )
    tail = (
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
        "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
        "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 "
        "Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
        "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
        "gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
    )
    listed = (word.replace("|", " ").encode() for word in words.split())
    return b"".join(len(word).to_bytes(4, "big") + word for word in listed) + tail.encode()


DICTIONARY = _dictionary()


class FrameDecoder:
    """Turns the bytes of one direction of a connection into frames."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes and yield the frames that they complete; raise Broken."""
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            flags, length = second >> 24, second & MAX_DATA
            if first >> 31 and length > MAX_HEADER:
                raise BrokenFramesError(f"a control frame of {length} bytes")
            if len(self._buffer) < 8 + length:
                return
            body = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            frame = self._frame(first, flags, body)
            if frame is not None:
                yield frame

    def _frame(self, first: int, flags: int, body: bytes) -> Frame | None:
        if not first >> 31:
            return DataFrame(first, body, bool(flags & FIN))
        if first >> 16 & 0x7FFF != VERSION:
            raise BrokenFramesError(f"a frame of version {first >> 16 & 0x7FFF}, not {VERSION}")
        try:
            return self._control(first & 0xFFFF, flags, body)
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise BrokenFramesError(f"a control frame that cannot be read: {error}") from error

    def _control(self, kind: int, flags: int, body: bytes) -> Frame | None:
        # SETTINGS, HEADERS and WINDOW_UPDATE change nothing for these clients.
        match kind:
            case FrameType.SYN_STREAM:
                return SynStream(_stream_id(body), self._headers(body[10:]), bool(flags & FIN))
            case FrameType.SYN_REPLY:
                return SynReply(_stream_id(body), self._headers(body[4:]), bool(flags & FIN))
            case FrameType.RST_STREAM:
                return ResetFrame(*struct.unpack(">II", body))
            case FrameType.PING:
                return Ping(*struct.unpack(">I", body))
            case FrameType.GOAWAY:
                return GoAway(_stream_id(body))
            case _:
                return None

    def _headers(self, block: bytes) -> dict[str, str]:
        raw = self._inflate.decompress(block, MAX_HEADER)
        if self._inflate.unconsumed_tail:
            raise BrokenFramesError(f"a block of headers of more than {MAX_HEADER} bytes")
        (count,) = struct.unpack_from(">I", raw)
        if count > MAX_HEADERS:
            raise BrokenFramesError(f"{count} headers, at most {MAX_HEADERS} are taken")
        at = 4
        words = []
        for _ in range(2 * count):
            (length,) = struct.unpack_from(">I", raw, at)
            words.append(raw[at + 4 : at + 4 + length].decode())
            at += 4 + length
        return {name.lower(): value for name, value in zip(words[::2], words[1::2], strict=True)}


class FrameEncoder:
    """Turns frames into the bytes of one direction of a connection."""

    def __init__(self) -> None:
        """Begin with nothing sent."""
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def encode(self, frame: Frame) -> bytes:
        """Return a frame's bytes; frames must be sent in the order in which they are encoded."""
        match frame:
            case DataFrame():
                if len(frame.data) > MAX_DATA:
                    raise ValueError(f"{len(frame.data)} bytes do not fit into one frame")
                flags = FIN if frame.fin else 0
                return struct.pack(">II", frame.stream, flags << 24 | len(frame.data)) + frame.data
            case SynStream():
                body = struct.pack(">IIH", frame.stream, 0, 0) + self._headers(frame.headers)
                return _control_frame(FrameType.SYN_STREAM, body, fin=frame.fin)
            case SynReply():
                body = struct.pack(">I", frame.stream) + self._headers(frame.headers)
                return _control_frame(FrameType.SYN_REPLY, body, fin=frame.fin)
            case ResetFrame():
                return _control_frame(
                    FrameType.RST_STREAM, struct.pack(">II", frame.stream, frame.status)
                )
            case Ping():
                return _control_frame(FrameType.PING, struct.pack(">I", frame.id))
            case GoAway():
                return _control_frame(FrameType.GOAWAY, struct.pack(">II", frame.last, 0))

    def _headers(self, headers: Mapping[str, str]) -> bytes:
        words = [word.encode() for pair in headers.items() for word in pair]
        block = struct.pack(">I", len(headers))
        block += b"".join(len(word).to_bytes(4, "big") + word for word in words)
        # Flushed, not finished: the next header block goes on where this one ends.
        return self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def _control_frame(kind: FrameType, body: bytes, *, fin: bool = False) -> bytes:
    head = 0x8000_0000 | VERSION << 16 | kind
    return struct.pack(">II", head, (FIN if fin else 0) << 24 | len(body)) + body


def _stream_id(body: bytes) -> int:
    (number,) = struct.unpack_from(">I", body)
    return int(number) & 0x7FFF_FFFF
