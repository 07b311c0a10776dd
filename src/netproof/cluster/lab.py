"""The embedded lab as a cluster: the only module that starts it, as a process of its own.

The lab dies with the process that started it (a pipe held open between the two, the lifeline)
unless it is told to outlive it; one that outlived its command is found and ended by its name.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

from netproof.cluster.backend import ClusterRef
from netproof.errors import ClusterError, UsageError

SILENCE_S = 60.0
"""How long a lab that starts may say nothing.

It tells a dozen steps, each of which takes a tenth of a second where nothing else runs: as long as
one follows another, it is not dead but slow.
"""

STOP_TIMEOUT_S = 10.0

PROBE_TIMEOUT_S = 0.3
"""The lab's network answers within a millisecond; a reply waits for a busy machine's scheduler."""

_ROUND_TRIPS = 4
"""That a time-out has room for: a datagram that was lost is sent again after a part of it."""

CONVERGE_S = 5.0
"""The lab's rules are in force before the API call returns; a busy machine needs a second look."""

_NAME = re.compile(r"[\w-][\w.-]{0,39}", re.ASCII)

_LET_GO = b"."
"""Written to the lifeline it lets the lab live on without its starter."""


_LAB = (sys.executable, "-P", "-m", "netlab")
"""With -P, whatever the current folder holds."""


@dataclass(frozen=True, slots=True)
class NetworkFaults:
    """How bad the lab's network is; raises UsageError for what no network does.

    Seconds that a round trip takes longer, more or less so many; the share of packets lost.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        if self.jitter_s > self.delay_s:
            raise UsageError(
                f"--jitter {self.jitter_s:g}s is more than --delay {self.delay_s:g}s: "
                "packets would arrive before they are sent"
            )

    def arguments(self) -> list[str]:
        """Return the faults as the lab's command line takes them."""
        known = (("--delay", self.delay_s), ("--jitter", self.jitter_s), ("--loss", self.loss))
        return [word for name, value in known if value for word in (name, repr(value))]

    def described(self) -> list[str]:
        """Return the faults in a few words each."""
        jitter = f" +- {self.jitter_s * 1000:g} ms" if self.jitter_s else ""
        late = [f"{self.delay_s * 1000:g} ms{jitter} of delay"] if self.delay_s else []
        return late + ([f"{self.loss * 100:g} % of loss"] if self.loss else [])


@dataclass(frozen=True, slots=True)
class LabOptions:
    """What kind of lab to start; `port` 0 takes a free one.

    `deny` is what becomes of denied packets (drop or reject), `established` of an open TCP
    connection that a policy comes to deny (kept or cut), `stall_s` how long the API hangs, each
    time it has worked twice as long.
    """

    nodes: int = 2
    dataplane: str = "enforcing"
    defects: tuple[str, ...] = ()
    deny: str = "drop"
    established: str = "kept"
    network: NetworkFaults = NetworkFaults()
    stall_s: float = 0.0
    port: int = 0
    name: str = "lab"
    outlive: bool = False

    def arguments(self) -> list[str]:
        """Return the options as the lab's command line takes them."""
        defects = [word for name in self.defects for word in ("--defect", name)]
        wanted = ["--nodes", str(self.nodes), "--dataplane", self.dataplane]
        stall = ["--stall", repr(self.stall_s)] if self.stall_s else []
        how = ["--deny", self.deny, "--established", self.established]
        return [*wanted, *defects, *how, *self.network.arguments(), *stall]

    def described(self) -> str:
        """Return in a few words what the lab does to packets."""
        rejects = ["rejected denials"] if self.deny == "reject" else []
        cuts = ["cut connections"] if self.established == "cut" else []
        stalls = [f"an API that hangs for {self.stall_s:g} s"] if self.stall_s else []
        bad = [*self.network.described(), *stalls]
        return " with ".join([self.dataplane, *rejects, *cuts, *bad, *self.defects])


def labs_home() -> Path:
    """Return the folder that holds this user's labs; the lab makes it, or refuses a stranger's."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute() and runtime.is_dir():
        return runtime / "netproof"
    return Path(tempfile.gettempdir()) / f"netproof-{os.geteuid()}"


def _place(name: str) -> list[str]:
    """Return where a lab of that name lives, as the lab's command line takes it.

    Raises UsageError for a name that would lead elsewhere.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"--name {name}: write up to 40 letters, digits, '-', '_' or '.', and no '.' first"
        )
    return ["--home", str(labs_home()), "--name", name]


class LabCluster:
    """The lab behind the protocol ClusterBackend."""

    def __init__(self, options: LabOptions) -> None:
        """Keep the options; nothing is started yet."""
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None

    def start(self) -> ClusterRef:
        """Start the lab and return when its API answers; raise ClusterError where it does not."""
        return self.begin()()

    def begin(self) -> Callable[[], ClusterRef]:
        """Start the lab and return what waits for it, as `start` does, for use in the meantime."""
        place = _place(self._options.name)  # a wrong name is refused before anything is opened
        ready_r, ready_w = os.pipe()
        life_r, life_w = os.pipe()
        self._process = _spawn(self._options, place, ready_w, life_r)
        os.close(ready_w)
        os.close(life_r)
        self._lifeline = life_w
        return partial(self._wait, ready_r, self._process)

    def let_go(self) -> None:
        """Let a lab that is to outlive its starter do so: until now it would have died with it."""
        if self._options.outlive and self._lifeline is not None:
            os.write(self._lifeline, _LET_GO)

    def stop(self) -> None:
        """End the lab and wait until it is gone."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        if self._process is not None:
            _end(self._process)
            if self._process.returncode < 0:  # killed, so it may have left what it had just made
                with contextlib.suppress(ClusterError):
                    end_lab(self._options.name)
            self._process = None

    def _wait(self, ready: int, process: subprocess.Popen[bytes]) -> ClusterRef:
        try:
            return self._ref(_read_ready(ready, process))
        except ClusterError:
            self.stop()
            raise

    def _ref(self, told: dict[str, Any]) -> ClusterRef:
        options, late = self._options, self._options.network
        return ClusterRef(
            kind="lab",
            name=options.name,
            kubeconfig=told["kubeconfig"],
            dataplane=options.described(),
            enforces=options.dataplane != "flat",
            outside_node="outside",
            probe_timeout_s=PROBE_TIMEOUT_S + _ROUND_TRIPS * (late.delay_s + late.jitter_s),
            converge_s=CONVERGE_S,
        )


def _spawn(
    options: LabOptions, place: list[str], ready: int, lifeline: int
) -> subprocess.Popen[bytes]:
    command = [
        *(*_LAB, "serve", *place),
        *("--port", str(options.port), "--ready-fd", str(ready), "--lifeline-fd", str(lifeline)),
        "--tell-progress",
        *options.arguments(),
    ]
    log = subprocess.DEVNULL if options.outlive else None
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(ready, lifeline),
        start_new_session=True,
        env=environment(),
    )


def environment() -> dict[str, str]:
    """Return an environment in which a child process finds this netproof, installed or not."""
    source = str(Path(__file__).resolve().parents[2])
    rest = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{rest}" if rest else source}


def _read_ready(fd: int, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Read what the lab says until it is ready, or why it is not."""
    step = "nothing"
    with os.fdopen(fd, "rb", buffering=0) as pipe:
        for line in _lines_in_time(pipe):
            if line is None:
                why = f"for {SILENCE_S:g} s of its start; the last that it told: {step}"
                raise ClusterError(f"the lab said nothing {why}")
            told: dict[str, Any] = json.loads(line)
            if "progress" not in told:
                break
            step = told["progress"]
        else:
            code = process.wait(STOP_TIMEOUT_S)
            raise ClusterError(
                f"the lab ended before it was ready, with exit code {code}; it told: {step}"
            )
    if not told["ok"]:
        raise ClusterError(
            f"the lab cannot start: {told['step']}: {told['error']}; {told['remedy']}"
        )
    return told


def _lines_in_time(pipe: FileIO) -> Iterator[bytes | None]:
    """Yield the lines of a pipe as they come, None after too long a silence."""
    pending = b""
    while True:
        if not select.select([pipe], [], [], SILENCE_S)[0]:
            yield None
        chunk = pipe.read(65536)
        if not chunk:
            return
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the lab to end; it is killed when it does not."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def end_lab(name: str) -> bool:
    """End this user's lab of that name and wait until it is gone; return False where none runs.

    Raises ClusterError where it does not end, or where what is there is not a lab of this user.
    """
    command = [*_LAB, "stop", *_place(name)]
    asked = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment(), check=False
    )
    if not asked.stdout:
        raise ClusterError(f"{' '.join(command)} ended with exit code {asked.returncode}")
    told = json.loads(asked.stdout)
    if not told["ok"]:
        problem = f"{told['step']}: {told['error']}; {told['remedy']}"
        raise ClusterError(f"the lab {name} cannot be ended: {problem}")
    return bool(told["ended"])
