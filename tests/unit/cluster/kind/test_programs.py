"""Running the tools: last words, time limits, interrupts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from netproof.cluster.kind.machine import Tools
from netproof.cluster.kind.programs import SHOWN_LINES, call
from netproof.errors import ClusterError

PYTHON = (sys.executable, "-I", "-S", "-c")


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """Tools in a folder of their own."""
    return Tools("docker", tmp_path, dict(os.environ))


def _run(tools: Tools, code: str, timeout_s: float = 10.0) -> str:
    return tools.run((*PYTHON, code), what="trying", timeout_s=timeout_s)


def test_output_comes_back(tools: Tools) -> None:
    """What a tool prints is returned."""
    assert "fine\n" == _run(tools, "print('fine')")


def test_the_last_words_are_told_without_colours(tools: Tools) -> None:
    """A failure quotes the end of what the tool said on standard error."""
    code = (
        "import sys; [print(f'\\x1b[31mline {n}', file=sys.stderr) for n in range(50)]; sys.exit(3)"
    )
    with pytest.raises(ClusterError) as failed:
        _run(tools, code)
    told = str(failed.value)
    assert told.startswith("trying failed: `")
    assert "ended with exit code 3:\n" in told
    assert told.endswith("    line 49")
    assert SHOWN_LINES + 1 == len(told.splitlines())
    assert "\x1b" not in told


def test_output_is_quoted_where_there_are_no_errors(tools: Tools) -> None:
    """A tool that complains on standard output is quoted as well."""
    with pytest.raises(ClusterError, match="    sorry"):
        _run(tools, "print('sorry'); raise SystemExit(1)")


def test_a_silent_failure(tools: Tools) -> None:
    """A tool that says nothing is said to."""
    with pytest.raises(ClusterError, match="exit code 1, without a word"):
        _run(tools, "raise SystemExit(1)")


def test_a_tool_that_hangs_is_ended(tools: Tools, tmp_path: Path) -> None:
    """After its time a tool is ended, with all that it started, and quoted."""
    code = (
        "import os, sys, time; print('working on it', file=sys.stderr, flush=True);"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    with pytest.raises(ClusterError, match="did not end within 1 s:\n    working on it"):
        _run(tools, code, timeout_s=1.0)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_tool_that_is_not_there() -> None:
    """A tool that cannot be started is named."""
    with pytest.raises(ClusterError, match="trying: /no/tool cannot be started: No such file"):
        call(("/no/tool",), {}, what="trying", timeout_s=1)
