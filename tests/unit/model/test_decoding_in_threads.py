"""Values that threads decode: nothing of them is left to be worked out at first use."""

from __future__ import annotations

import subprocess
import sys

IN_THREADS = """
import msgspec._utils
from netproof.cluster.api import shapes
from netproof.probe import identity, messages

def late(text):
    raise SystemExit(f"{text!r} was to be worked out at first use")

msgspec._utils._forward_ref = late
shapes.misshape({})
[shapes.misshape({}, kind) for kind in shapes._KINDS]
kinds = (messages.Greeting, messages.Results, messages.Testimony, messages.Obeyed)
for kind in (*kinds, messages._Header, identity._Answer):
    try:
        msgspec.json.decode(b"{}", type=kind)
    except msgspec.ValidationError:
        pass
"""


def test_what_threads_decode_is_ready_before_them() -> None:
    """Two that work out the fields of a struct at once end the process."""
    done = subprocess.run(
        [sys.executable, "-c", IN_THREADS], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)
