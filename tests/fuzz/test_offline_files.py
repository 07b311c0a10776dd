"""A file for a run without internet that somebody else made, or broke."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import strategies as st

from netproof.cluster.kind import offline
from netproof.cluster.profiles import reading
from netproof.errors import UsageError
from tests.fuzz.mutating import mutated
from tests.fuzz.rounds import attack_for
from tests.unit.cluster.kind import standins

NODE, PROBE = "kindest/node:v1.36.1", "python:3.13-alpine"
CUTS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 700), st.binary(max_size=40)), max_size=4)


@pytest.fixture
def air(tmp_path: Path) -> bytes:
    """Return a file for kindnet, whose images are empty."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    standins.image_archive(folder / offline.NODE_IMAGES, NODE)
    standins.image_archive(folder / offline.POD_IMAGES, PROBE)
    profile = reading.load("kindnet", reading.folder())
    target = tmp_path / "air.tar"
    offline.pack(profile, PROBE, offline.Saved(NODE, {}, ()), folder, target)
    return target.read_bytes()


def _unpacked(content: bytes, tmp_path: Path) -> None:
    """Take a file apart; nothing of it lies outside of the folder that it is for."""
    bad, room = tmp_path / "room" / "bad.tar", tmp_path / "room"
    room.mkdir(exist_ok=True)
    bad.write_bytes(content)
    with contextlib.suppress(UsageError):
        offline.unpack(bad, room / "into")
    assert {"bad.tar", "into"} >= {one.name for one in room.iterdir()}


def _cut(content: bytes, cuts: Sequence[tuple[float, int, bytes]]) -> bytes:
    for where, length, piece in cuts:
        at = int(where * len(content))
        content = content[:at] + piece + content[at + length :]
    return content


def test_what_was_broken_on_the_way(air: bytes, tmp_path: Path) -> None:
    """Bytes that are missing, too many or others, anywhere in it."""
    attack_for(CUTS, lambda cuts: _unpacked(_cut(air, cuts), tmp_path))


def test_what_it_says_of_itself(air: bytes, tmp_path: Path) -> None:
    """A listing that is nearly right, as long as it was, so that the rest is in its place."""
    begin = air.index(b"{")
    listing = air[begin : air.index(b"\0", begin)]
    dots = listing.replace(b"downloads/images.tar", b"downloads/../../../x")
    assert json.loads(dots)

    def attack(text: str) -> None:
        data = text.encode(errors="surrogatepass")[: len(listing)].ljust(len(listing))
        _unpacked(air[:begin] + data + air[begin + len(listing) :], tmp_path)

    attack_for(mutated([listing.decode(), dots.decode()]), attack, known=[dots.decode()])
