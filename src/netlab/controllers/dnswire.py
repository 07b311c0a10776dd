"""DNS messages as bytes, RFC 1035: one question in, addresses out. Pure.

The cluster's DNS needs no more than this, and importing a full DNS library would take longer
than wiring all nodes; the tests hold it against one. Must not know: which names exist.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address

A, AAAA = 1, 28
_OPT, _IN, _ANY = 41, 1, 255
_HEADER = struct.Struct("!HHHHHH")
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0200, 0x0080
_KEPT_FLAGS = 0x7900  # opcode and "recursion desired" are echoed
_NAME_OF_QUESTION = 0xC00C  # a pointer to the question, which follows the 12 bytes of header
_PLAIN_UDP_LIMIT = 512


class Code(IntEnum):
    """What a response says of the name."""

    NO_ERROR = 0
    FORMAT_ERROR = 1
    NAME_ERROR = 3  # NXDOMAIN
    NOT_IMPLEMENTED = 4


@dataclass(frozen=True, slots=True)
class Query:
    """One question; `name` is in lower case and without the final dot."""

    id: int
    flags: int
    name: str
    kind: int
    question: bytes
    udp_limit: int = _PLAIN_UDP_LIMIT

    @property
    def is_standard(self) -> bool:
        return self.flags & 0x7800 == 0


def parse(data: bytes) -> Query:
    """Read a query; raise ValueError for anything that is not one question of class IN."""
    try:
        query_id, flags, questions, _, _, additional = _HEADER.unpack_from(data)
        if flags & _RESPONSE or questions != 1:
            raise ValueError("not a query with one question")
        labels, end = _labels(data, _HEADER.size)
        kind, kind_class = struct.unpack_from("!HH", data, end)
    except (struct.error, IndexError) as error:
        raise ValueError("the query ends too early") from error
    if kind_class not in {_IN, _ANY}:
        raise ValueError("not of class IN")
    limit = _udp_limit(data, end + 4) if additional else _PLAIN_UDP_LIMIT
    question = data[_HEADER.size : end + 4]
    return Query(query_id, flags, ".".join(labels).lower(), kind, question, limit)


def respond(
    query: Query, code: Code, ips: Sequence[str] = (), *, ttl_s: int = 5, limit: int = 65535
) -> bytes:
    """Write the response; what is longer than `limit` bytes goes out empty and marked truncated."""
    records = b"".join(_record(query.kind, ip, ttl_s) for ip in ips)
    flags = _RESPONSE | _AUTHORITATIVE | _RECURSION_AVAILABLE | (query.flags & _KEPT_FLAGS) | code
    count = len(ips)
    if _HEADER.size + len(query.question) + len(records) > limit:
        flags, count, records = flags | _TRUNCATED, 0, b""
    return _HEADER.pack(query.id, flags, 1, count, 0, 0) + query.question + records


def _labels(data: bytes, offset: int) -> tuple[list[str], int]:
    labels = []
    while length := data[offset]:
        if length > 63:
            raise ValueError("a compressed name in a question")
        labels.append(data[offset + 1 : offset + 1 + length].decode("ascii", "replace"))
        offset += 1 + length
    return labels, offset + 1


def _udp_limit(data: bytes, offset: int) -> int:
    """Return the size that an EDNS client takes (RFC 6891), if the OPT record comes first."""
    try:
        name, kind, size = struct.unpack_from("!BHH", data, offset)
    except struct.error:
        return _PLAIN_UDP_LIMIT
    return max(size, _PLAIN_UDP_LIMIT) if (name, kind) == (0, _OPT) else _PLAIN_UDP_LIMIT


def _record(kind: int, ip: str, ttl_s: int) -> bytes:
    packed = ip_address(ip).packed
    return struct.pack("!HHHIH", _NAME_OF_QUESTION, kind, _IN, ttl_s, len(packed)) + packed
