"""pytest run after run, in processes forked from one that has loaded what all of them need.

Loading takes more of a machine than many a run on the lab does. Whether a run loads what it needs
is for those to show that start an interpreter each (tests/plugin, tests/wheel).
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn

import pytest

ROOT = Path(__file__).parents[2]
LOADING = ("--collect-only", "-qq", "-p", "no:cacheprovider", "suites/isolation")
"""What loads pytest, the plugin, the fixtures and the suites."""

LATER = ("netproof.run.session", "netproof.run.worker", "netproof.report.writers")
"""What a run loads when it is needed."""


def run(arguments: Sequence[str], *, output: Path, environment: Mapping[str, str]) -> int:
    """Run `python -m pytest` with arguments at the root of the project; return its exit code.

    What it writes, to either stream, is in `output`.
    """
    job = {"arguments": arguments, "output": str(output), "environment": dict(environment)}
    jobs, codes = _source()
    jobs.write(json.dumps(job) + "\n")
    jobs.flush()
    return int(codes.readline())


@cache
def _source() -> tuple[IO[str], IO[str]]:
    """Start the process that the others are forked from; it ends with this one."""
    command, pipe = [sys.executable, "-m", __name__], subprocess.PIPE
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    made = subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True)
    assert made.stdin
    assert made.stdout
    atexit.register(made.communicate)
    return made.stdin, made.stdout


def _serve() -> None:
    """Fork for each job, wait for its end and tell its exit code."""
    jobs, codes = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    assert 0 == pytest.main([*LOADING])
    for name in LATER:
        import_module(name)
    for job in jobs:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(job))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(code, file=codes, flush=True)


def _become(job: Mapping[str, Any]) -> NoReturn:
    """Be a run."""
    written = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv = [str(Path(pytest.__file__).with_name("__main__.py")), *job["arguments"]]
    raise SystemExit(pytest.main())


if __name__ == "__main__":
    _serve()
