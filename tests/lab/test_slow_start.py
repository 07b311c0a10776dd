"""A machine on which a lab starts slowly: it is waited for as long as it gets on."""

import os
from pathlib import Path

import pytest

from netproof.cluster import lab
from netproof.errors import ClusterError

PAUSE_S = 2.4
SILENCE_S = 11.0
"""Less than all pauses, and what is left beside one of them is ample for a step that takes none."""

# Five steps of the start take their time, as on a machine that others keep busy.
SLOW = f"""
import sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name in ("netlab.objects.registry", "netlab.node.network", "netlab.controllers.pods",
                    "netlab.http.server", "netlab.process.assembly"):
            time.sleep({PAUSE_S})

sys.meta_path.insert(0, Slow())
"""

STUCK = """
import sys, time

class Stuck:
    def find_spec(self, name, path=None, target=None):
        if name == "netlab.http.server":
            time.sleep(3600)

sys.meta_path.insert(0, Stuck())
"""


@pytest.fixture
def slowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that each Python of the test's labs runs first."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path / "sitecustomize.py"


def test_a_lab_that_gets_on_is_waited_for(slowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In all it takes longer than it may be silent."""
    monkeypatch.setattr(lab, "SILENCE_S", SILENCE_S)
    slowed.write_text(SLOW)
    cluster = lab.LabCluster(lab.LabOptions(name=f"slow-{os.getpid()}"))
    begin = os.times().elapsed
    try:
        assert cluster.start().kind == "lab"
        assert os.times().elapsed - begin > SILENCE_S
    finally:
        cluster.stop()


def test_a_lab_that_is_stuck_is_ended(slowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the last step that it told is told on."""
    monkeypatch.setattr(lab, "SILENCE_S", SILENCE_S)
    slowed.write_text(STUCK)
    cluster = lab.LabCluster(lab.LabOptions(name=f"stuck-{os.getpid()}"))
    with pytest.raises(ClusterError, match=r"said nothing for 11 s .* loaded netlab.controllers"):
        cluster.start()
