"""What the plugin keeps with pytest's configuration, and what it reads there."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.front import options
from netproof.front.reportfiles import Reports
from netproof.model.record import RunRecord
from netproof.printing import Printable, indented
from netproof.run.controller import Handout

HANDOUT: pytest.StashKey[Handout] = pytest.StashKey()
"""What the process that owns the cluster hands to those that run tests."""

VERDICT: pytest.StashKey[str] = pytest.StashKey()
"""The sentence that a run ended with."""

REPORTS: pytest.StashKey[Reports[RunRecord]] = pytest.StashKey()
"""Where the reports of a run go; in the process that owns it."""

COMMAND_INI = Path(__file__).parents[1] / "suites.ini"
"""What `netproof test` configures pytest with."""


def spelled(config: pytest.Config, message: str) -> Printable:
    """Return a message of ours with the options as they are spelled where it is read."""
    ours = config.inipath == COMMAND_INI
    return indented(message if ours else options.as_in_pytest(message))
