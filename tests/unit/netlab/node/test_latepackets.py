"""Queued packets as the kernel tells of them; that they are late is for tests/lab."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from netlab.node import latepackets


def _told(number: int, *, before: bytes = b"") -> bytes:
    """Return what the kernel says of one packet: a header, perhaps something else first."""
    packet = struct.pack("=HH", 11, 1) + struct.pack("!IHB", number, 0x0800, 2) + b"\0"
    body = struct.pack("!BBH", 2, 0, 0) + before + packet
    return struct.pack("=IHHII", 16 + len(body), 0x300, 0, 0, 0) + body


def test_each_packet_is_let_pass_by_its_number() -> None:
    """Several may come at once, and the header need not stand first."""
    other = struct.pack("=HHI", 8, 5, 7)
    data = _told(1) + _told(70_000, before=other)
    assert [struct.pack("!I", n) for n in (1, 70_000)] == latepackets.packet_numbers(data)


def test_what_is_cut_short_ends_the_reading() -> None:
    """Nothing is made of half a message, and an attribute without a length keeps nobody."""
    assert [] == latepackets.packet_numbers(_told(1)[:19])
    assert [] == latepackets.packet_numbers(struct.pack("=IHHII8x", 24, 0x300, 0, 0, 0))


def test_work_apart_holds_nothing_of_ours() -> None:
    """A process beside the lab keeps no pipe open that others wait to see closed."""
    read, write = os.pipe()
    pid = latepackets.apart(
        [], lambda: os._exit(3 if Path(f"/proc/self/fd/{write}").exists() else 0)
    )
    os.close(read)
    os.close(write)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
