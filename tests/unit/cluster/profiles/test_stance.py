"""What is expected of the doors, by a cluster's profile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.profiles import reading
from netproof.errors import UsageError
from netproof.model import codec
from netproof.model.doors import Stance


def _profile(folder: Path, line: str) -> Path:
    shutil.copytree(reading.folder() / "calico", folder / "calico")
    file = folder / "calico" / reading.FILE
    file.write_text(f"{file.read_text()}\n{line}\n")
    return folder


def test_a_profile_may_say_that_doors_are_shut(tmp_path: Path) -> None:
    """For clusters where admission or RBAC shuts them."""
    folder = _profile(tmp_path, "operational-access: expect-closed")
    assert Stance.EXPECT_CLOSED is reading.load("calico", folder).stance


def test_a_profile_that_says_nothing_expects_nothing() -> None:
    """What is seen is reported."""
    assert Stance.REPORT is reading.load("calico", reading.folder()).stance


def test_a_stance_that_there_is_not_is_refused(tmp_path: Path) -> None:
    """With the words that there are."""
    with pytest.raises(UsageError, match="expect-open"):
        reading.load("calico", _profile(tmp_path, "operational-access: shut"))


def test_a_worker_is_told() -> None:
    """The reference of a cluster carries it."""
    ref = ClusterRef("kind", "x", "", stance=Stance.EXPECT_CLOSED)
    assert Stance.EXPECT_CLOSED == codec.unpack(ClusterRef, codec.pack(ref)).stance
