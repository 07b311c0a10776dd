"""What standard output takes: colours by the rule of pytest, and lines as wide as it is."""

from __future__ import annotations

import io
import os
import sys
from itertools import product
from pathlib import Path

import pytest
from _pytest._io.terminalwriter import should_do_markup

from netproof.front import output
from tests.plugin.project import ended
from tests.pseudoterminal import Program
from tests.unit.review.build import deny_all, intents, workload

CHOICES = {"PY_COLORS": "01x", "NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": ("dumb", "xterm")}
BUNDLE = "---\n".join(
    [
        workload("shop/web", 80),
        workload("shop/api", 80),
        deny_all("shop"),
        intents("allow: web -> api"),
    ]
)


class Stream(io.StringIO):
    """A stream that is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_colours_are_where_pytest_has_them(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`netproof test` and `netproof check` look the same, whatever is said of colours."""
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    for chosen in product(*((None, *values) for values in CHOICES.values())):
        for name, value in zip(CHOICES, chosen, strict=True):
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)
        assert should_do_markup(stream) is output.screen()[0], chosen


def test_prose_is_folded_and_commands_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is folded cannot be copied; a table's last column stays a column."""
    stream = Stream(terminal=True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    command = "  next:  netproof check --static deploy --intents x"
    output.say("It cannot be told whether this cluster enforces anything.", command)
    output.say("name    what is to be said of it in the last column")
    assert (
        "It cannot be told whether this cluster\n  enforces anything.\n"
        f"{command}\n"
        "name    what is to be said of it in\n        the last column\n"
    ) == stream.getvalue()


def test_a_check_at_a_terminal_and_on_a_pipe(tmp_path: Path) -> None:
    """Coloured and folded where a person looks on; elsewhere by force only, and in whole lines."""
    (tmp_path / "bundle.yaml").write_text(BUNDLE, encoding="utf-8")
    command = [sys.executable, "-m", "netproof", "check", "--static", "bundle.yaml"]
    about = ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS")
    kept = {name: text for name, text in os.environ.items() if name not in about}
    with Program(command, folder=tmp_path, environment={**kept, "TERM": "xterm"}) as program:
        assert 1 == program.ended()
    assert "\x1b[1;31mBROKEN\x1b[0m" in program.written
    assert 0 == program.screen().wrapped
    forced = ended(tmp_path, *command, **{**kept, "FORCE_COLOR": "1"}).output
    assert "\x1b[1;31mBROKEN\x1b[0m" in forced
    assert max(map(len, forced.splitlines())) > 80
