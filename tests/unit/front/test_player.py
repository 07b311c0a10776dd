"""Scenarios of a test that a cluster does not let us try."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netproof.errors import NotReusedError
from netproof.front.plugin.cases import Player
from netproof.front.plugin.evidence import RECORDS
from netproof.policy import Bundle
from netproof.run.scenario import Scenario


def test_an_address_that_is_not_used_again_skips_the_case(tmp_path: Path) -> None:
    """Nothing is put on record, and the reason says what was tried for how long."""

    def run(_: Scenario) -> Any:
        raise NotReusedError("the cluster gave the address to none of 4 new pods in 9 s")

    stash = pytest.Stash()
    test = SimpleNamespace(stash=stash, path=tmp_path / "theme" / "test_x.py", name="test_x")
    play = Player(cast("Any", SimpleNamespace(run=run)), cast("Any", test))
    with pytest.raises(pytest.skip.Exception, match=r"^the cluster .* none of 4 new pods in 9 s"):
        play(Scenario("id", "title", Bundle(), ""))
    assert RECORDS not in stash
