"""Whoever of a run dies, by whatever signal, at whatever moment: nothing is left, and no lie told.

KILLS is how many are tried; KILLS_FROM is the number of the first, which is its seed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from netproof.cluster.lab import environment
from netproof.model import codec
from netproof.model.record import RunRecord, RunVerdict
from tests.lab.lab_process import ROOT, descendants, eventually, in_another_pid_namespace
from tests.lab.leftovers import Holdings, start_of

KILLS = int(os.environ.get("KILLS", "6"))
FROM = int(os.environ.get("KILLS_FROM", "0"))
LONGEST_S = 5.0
"""By then a run has made its fleet and judged its first cases on an idle machine."""

ENDS_S = 180.0
SIGNALS = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
TOLD = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""What a run ends by as by Ctrl-C."""

CASES = "default_deny or one_pod or both_sides"
PYTEST = (
    *(sys.executable, "-m", "pytest", "suites/isolation", "-k", CASES),
    *("-q", "-p", "no:cacheprovider", "--np-cluster", "lab"),
)
NETPROOF = (
    *(sys.executable, "-c", "from netproof.front.cli import main; raise SystemExit(main())"),
    *("test", "isolation", "-k", CASES, "--cluster", "lab", "-n", "2"),
)

Find = Callable[[int], int | None]


def _itself(run: int) -> int | None:
    return run


def _first(chosen: Callable[[int, str], bool]) -> Find:
    def find(run: int) -> int | None:
        others = (pid for pid in descendants(run)[1:] if start_of(pid))
        return next((pid for pid in others if chosen(pid, _command(pid))), None)

    return find


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _serves_a_lab(command: str) -> bool:
    return "netlab\0serve\0" in command


VICTIMS: dict[str, tuple[tuple[str, ...], Find]] = {
    "pytest": (PYTEST, _itself),
    "controller": (NETPROOF, _itself),
    "worker": (NETPROOF, _first(lambda _, command: "exec(eval(sys.stdin" in command)),
    "supervisor": (
        NETPROOF,
        _first(lambda pid, said: _serves_a_lab(said) and not in_another_pid_namespace(pid)),
    ),
    "first process": (
        NETPROOF,
        _first(lambda pid, said: _serves_a_lab(said) and in_another_pid_namespace(pid)),
    ),
    "agent": (NETPROOF, _first(lambda _, said: "\0serve\0" in said and "\0netproof-" in said)),
}


@dataclass(frozen=True, slots=True)
class Kill:
    """Who dies, by what, and when."""

    victim: str
    number: signal.Signals
    moment_s: float

    @classmethod
    def drawn(cls, seed: int) -> Kill:
        """Return one of all: as many kills as there are pairs try each pair once."""
        pairs = [(victim, number) for victim in VICTIMS for number in SIGNALS]
        random.Random(seed // len(pairs)).shuffle(pairs)
        victim, number = pairs[seed % len(pairs)]
        return cls(victim, number, random.Random(f"moment {seed}").uniform(0.05, LONGEST_S))

    def __str__(self) -> str:
        return f"{self.victim}-{self.number.name}-{self.moment_s:.2f}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended whose victim was hit, or that was over before."""

    code: int
    said: str
    hit: bool
    record: RunRecord | None


def _end(kill: Kill, folder: Path) -> Ended:
    """Do it, and hold that nothing is left."""
    temporary, reports = folder / "tmp", folder / "reports"
    temporary.mkdir()
    command, find = VICTIMS[kill.victim]
    option = "--np-report-dir" if command is PYTEST else "--report-dir"
    with (folder / "said").open("w+b") as said:
        run = subprocess.Popen(
            [*command, option, str(reports)],
            cwd=ROOT,
            env={**environment(), "TMPDIR": str(temporary), "XDG_RUNTIME_DIR": ""},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        due, hit = time.monotonic() + kill.moment_s, False
        with contextlib.ExitStack() as stack:
            held = stack.enter_context(Holdings.of(run.pid))
            while run.poll() is None and not hit:
                victim = find(run.pid)
                if victim is None or time.monotonic() < due:
                    time.sleep(0.01)
                    continue
                held = stack.enter_context(Holdings.of(run.pid))
                hit = _was_hit(victim, kill.number)
            run.wait(ENDS_S)
            eventually(lambda: not held.left(temporary), f"gone: {held.left(temporary)}")
    text = (folder / "said").read_text("utf-8", "replace")
    return Ended(run.returncode, text, hit, _record(reports))


def _was_hit(victim: int, number: signal.Signals) -> bool:
    """Send a signal; a process that is gone by now (a helper of the lab's start) was none."""
    try:
        os.kill(victim, number)
    except ProcessLookupError:
        return False
    return True


def _record(reports: Path) -> RunRecord | None:
    """Return what was written; it is whole or not there."""
    written = [path for path in reports.glob("*") if path.is_file()] if reports.exists() else []
    for path in written:
        assert path.stat().st_size
        assert not path.name.endswith((".tmp", ".part"))
    whole = [path for path in written if path.suffix == ".json"]
    for path in whole:
        json.loads(path.read_text("utf-8"))
    found = next((path for path in whole if "netproof.run" in path.read_text("utf-8")[:300]), None)
    return codec.loads(found.read_text("utf-8")) if found else None


@pytest.mark.parametrize("kill", [Kill.drawn(seed) for seed in range(FROM, FROM + KILLS)], ids=str)
def test_a_kill(kill: Kill, tmp_path: Path) -> None:
    """A run that was hit ends, tells no denial that was none, and leaves nothing."""
    ended = _end(kill, tmp_path)
    told = f"{kill}, exit code {ended.code}:\n{ended.said[-3000:]}"
    if not ended.hit:
        assert 0 == ended.code, told
        return
    verdict = ended.record.verdict if ended.record else None
    assert verdict in (None, RunVerdict.PASS, RunVerdict.INCONCLUSIVE), told
    assert ended.code in _codes(kill, verdict), told
    if ended.code > 0 and (ended.said or kill.victim != "pytest"):  # silent while it is configured
        assert re.search("INCONCLUSIVE|netproof: |E(rror|RROR): |Interrupt", ended.said), told
    assert [] == _tracebacks(ended.said), told


def _tracebacks(said: str) -> list[str]:
    """Return the last lines of those that ours had a part in.

    Not of a Ctrl-C that came before Python had loaded any of it; nor of a test worker in the two
    lines that execnet starts it by, whose controller is dead.
    """
    found = re.findall(r"^Traceback .*\n((?:[ \t].*\n|\n)*)(.*)", said, re.MULTILINE)
    return [
        last for frames, last in found if last != "KeyboardInterrupt" and not _of_execnet(frames)
    ]


def _of_execnet(frames: str) -> bool:
    return {'"<string>"'} == set(re.findall(r'^  File ("[^"]*")', frames, re.MULTILINE))


def _codes(kill: Kill, verdict: RunVerdict | None) -> set[int]:
    """Return the exit codes that are right: of a signal, of Ctrl-C, or of the verdict."""
    by_verdict = {0} if verdict is RunVerdict.PASS else {1, 2, 3, 4}
    if (kill.victim, kill.number) == ("worker", signal.SIGINT):  # Ctrl-C reaches the workers, too
        return {*by_verdict, 130}
    if kill.victim not in ("pytest", "controller"):
        return by_verdict
    if kill.number not in TOLD:
        return {-kill.number}
    return {-kill.number, 2 if kill.victim == "pytest" else 130}
