"""WebSocket frames, by the examples of RFC 6455 and by their limits."""

import pytest

from netproof.cluster.streams.frames import Decoder, Message, Opcode, frame

MASK = bytes.fromhex("37fa213d")


def test_a_masked_frame_is_that_of_the_standard() -> None:
    """RFC 6455 section 5.7: a single-frame masked text message "Hello"."""
    assert bytes.fromhex("818537fa213d7f9f4d5158") == frame(Opcode.TEXT, b"Hello", MASK)


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "8280"),
        (125, "82fd"),
        (126, "82fe007e"),
        (65535, "82feffff"),
        (65536, "82ff0000000000010000"),
    ],
)
def test_the_length_is_written_as_shortly_as_it_can_be(size: int, head: str) -> None:
    """In 7, 16 or 64 bits."""
    made = frame(Opcode.BINARY, bytes(size), MASK)
    assert bytes.fromhex(head) + MASK == made[: len(head) // 2 + 4]
    assert size == len(made) - len(head) // 2 - 4


def _from_server(opcode: int, data: bytes, *, final: bool = True) -> bytes:
    size = len(data)
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        return head + bytes([size]) + data
    if size < 65536:
        return head + b"\x7e" + size.to_bytes(2, "big") + data
    return head + b"\x7f" + size.to_bytes(8, "big") + data


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_message_is_read_whatever_its_length(size: int) -> None:
    """As the server writes it: unmasked."""
    data = bytes(size)
    assert [Message(Opcode.BINARY, data)] == Decoder().feed(_from_server(2, data))


def test_bytes_may_come_one_at_a_time() -> None:
    """A message is told when it is whole, and not before."""
    decoder, told = Decoder(), []
    for byte in _from_server(2, b"x" * 130) + _from_server(8, b"\x03\xe8"):
        told += decoder.feed(bytes([byte]))
    assert [Message(Opcode.BINARY, b"x" * 130), Message(Opcode.CLOSE, b"\x03\xe8")] == told


def test_pieces_are_put_together_around_a_ping() -> None:
    """Control frames may come between the pieces of a message (section 5.4)."""
    stream = _from_server(1, b"Hel", final=False) + _from_server(9, b"?") + _from_server(0, b"lo")
    assert [Message(Opcode.PING, b"?"), Message(Opcode.TEXT, b"Hello")] == Decoder().feed(stream)


@pytest.mark.parametrize("data", [frame(Opcode.TEXT, b"x", MASK), b"\x83\x00"], ids=["mask", "op"])
def test_what_no_server_may_send_is_refused(data: bytes) -> None:
    """A masked frame, and an opcode that there is not."""
    with pytest.raises(ValueError, match=r"masked|valid Opcode"):
        Decoder().feed(data)
