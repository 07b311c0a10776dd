"""SPDY/3.1 frames."""

import zlib

import pytest

from netlab.http.streams.spdyframes import (
    DICTIONARY,
    BrokenFramesError,
    DataFrame,
    Frame,
    FrameDecoder,
    FrameEncoder,
    GoAway,
    Ping,
    ResetFrame,
    SynReply,
    SynStream,
)

FRAMES: list[Frame] = [
    SynStream(1, {"streamtype": "error", "port": "80"}),
    SynStream(3, {"streamtype": "data", "requestid": "0"}, fin=True),
    SynReply(1),
    DataFrame(3, b"hello"),
    DataFrame(3, b"", fin=True),
    ResetFrame(3, 5),
    Ping(7),
    GoAway(3),
]


def test_the_dictionary_is_the_protocols() -> None:
    """Its checksum is the one that zlib streams of SPDY/3 carry."""
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


def test_frames_survive_the_wire() -> None:
    """What one side encodes the other decodes, headers compressed across frames."""
    encoder, decoder = FrameEncoder(), FrameDecoder()
    wire = b"".join(encoder.encode(frame) for frame in FRAMES)
    assert list(decoder.feed(wire)) == FRAMES


def test_frames_may_come_in_pieces() -> None:
    """Byte by byte the same frames come out."""
    encoder, decoder = FrameEncoder(), FrameDecoder()
    wire = b"".join(encoder.encode(frame) for frame in FRAMES)
    found = [frame for at in range(len(wire)) for frame in decoder.feed(wire[at : at + 1])]
    assert found == FRAMES


def test_unknown_control_frames_are_passed_over() -> None:
    """SETTINGS and WINDOW_UPDATE mean nothing here."""
    settings = bytes.fromhex("80030004 00000004 00000000")
    window = bytes.fromhex("80030009 00000008 00000001 00001000")
    assert list(FrameDecoder().feed(settings + window + FrameEncoder().encode(Ping(1)))) == [
        Ping(1)
    ]


@pytest.mark.parametrize(
    "wire",
    [
        bytes.fromhex("80020006 00000004 00000001"),
        bytes.fromhex("80030006 00000001 01"),
        bytes.fromhex("80030001 0000000e 00000001 00000000 0000 ffffffff"),
    ],
    ids=["another version", "too short", "headers that do not inflate"],
)
def test_bytes_that_are_no_frames(wire: bytes) -> None:
    """They break the connection, not the server."""
    with pytest.raises(BrokenFramesError):
        list(FrameDecoder().feed(wire))
