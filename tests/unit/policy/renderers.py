"""Stand-ins for helm, kustomize and kubectl: programs that write down how they were called."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = """\
#!{python} -IS
import json, os, sys
folder = next((one for one in sys.argv if one.startswith("./")), ".")
files = sorted(
    os.path.relpath(os.path.join(where, name))
    for where, _, names in os.walk(".") for name in names
)
values = [open(one).read() for one in sys.argv if one.endswith(".yaml") and os.path.isabs(one)]
call = dict(argv=sys.argv[1:], files=files, values=values, env=dict(os.environ))
with open({record!r}, "a") as record:
    record.write(json.dumps(call) + "\\n")
{body}
"""

PRINT = """\
for name in sorted(os.listdir(folder)):
    if name.endswith(".txt"):
        sys.stdout.write(open(os.path.join(folder, name)).read())
"""
"""What a stand-in does of itself: it renders the texts in the folder that it is given."""


@dataclass
class Tools:
    """The only programs that netproof finds."""

    bin: Path

    def install(self, name: str, body: str = PRINT) -> None:
        """Install a program that writes its call down and runs some Python."""
        file = self.bin / name
        record = str(self.bin / f"{name}.calls")
        file.write_text(_PROGRAM.format(python=sys.executable, record=record, body=body))
        file.chmod(0o755)

    def calls(self, name: str) -> list[Mapping[str, Any]]:
        """Return how a program was called."""
        record = self.bin / f"{name}.calls"
        return [json.loads(line) for line in record.read_text().splitlines()]


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Put an empty folder in the place of everything that is installed."""
    tools = Tools(tmp_path / "bin")
    tools.bin.mkdir()
    monkeypatch.setenv("PATH", str(tools.bin))
    return tools
