"""The head of an HTTP request that wants to leave HTTP: read and answered by hand; pure.

aiohttp upgrades to WebSocket only, so requests for SPDY/3.1 are taken before it sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from multidict import CIMultiDict

from netlab.apiserver.errors import ApiError, status_of
from netlab.apiserver.responses import dump

END = b"\r\n\r\n"
MAX_HEAD = 64 * 1024
"""Bytes of a head; more is left to aiohttp to refuse."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and headers."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: CIMultiDict[str]

    @property
    def wants_spdy(self) -> bool:
        return self.headers.get("Upgrade", "").lower() == "spdy/3.1"


def parse_head(data: bytes) -> Head | None:
    """Return the head of a request, None where it is none (aiohttp says what is wrong)."""
    first, *lines = data.partition(END)[0].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        return None
    target = urlsplit(words[1])
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, _, value = line.partition(":")
        headers.add(name.strip(), value.strip())
    query = parse_qs(target.query, keep_blank_values=True)
    return Head(words[0], unquote(target.path), query, headers)


def switching(protocol: str) -> bytes:
    """Return the answer that ends HTTP on a connection, with the stream protocol chosen."""
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        f"X-Stream-Protocol-Version: {protocol}",
    )
    return "\r\n".join(lines).encode() + END


def refusing(error: BaseException) -> bytes:
    """Return the answer that refuses an upgrade, with a Status as its body."""
    code = error.code if isinstance(error, ApiError) else 500
    body = dump(status_of(error))
    lines = (
        f"HTTP/1.1 {code} Refused",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + END + body
