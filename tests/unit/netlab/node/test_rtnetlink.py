"""rtnetlink messages as bytes; that the kernel takes them is for tests/lab."""

import errno
import struct

from netlab.node import rtnetlink


def test_a_message_starts_with_its_own_length() -> None:
    """The header holds the length of header and body."""
    data = rtnetlink.encode(rtnetlink.link_up(7), 1)
    assert struct.unpack_from("=I", data)[0] == len(data)


def test_every_message_asks_for_an_acknowledgement() -> None:
    """The flags request an acknowledgement, so that a refusal is seen."""
    data = rtnetlink.encode(rtnetlink.address("10.0.0.1", 2), 1)
    assert struct.unpack_from("=H", data, 6)[0] & 0x5 == 0x5


def test_messages_can_be_joined() -> None:
    """Each message is padded to four bytes, as the next one must start there."""
    message = rtnetlink.route("10.244.0.0/24", 3, via="172.30.0.10", source="172.30.0.1")
    assert len(rtnetlink.encode(message, 1)) % 4 == 0


def test_acknowledgements_are_read_in_order() -> None:
    """Sequence number and errno of each answer in a buffer are returned."""

    def answer(sequence: int, code: int) -> bytes:
        return struct.pack("=IHHII", 36, 2, 0, sequence, 0) + struct.pack("=i", code) + b"\0" * 16

    data = answer(1, 0) + answer(2, -errno.EEXIST)
    assert rtnetlink.acknowledgements(data) == [(1, 0), (2, errno.EEXIST)]


def test_labels_tell_what_was_tried() -> None:
    """The label, which an error repeats, names the object."""
    assert rtnetlink.neighbour("fe80::1", b"\2\0\0\0\0\1", 2).label == "add neighbour fe80::1"
