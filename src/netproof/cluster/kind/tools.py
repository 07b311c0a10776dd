"""The programs that make a kind cluster: found, run without a shell, quoted when they fail.

They get an environment of their own: a kubeconfig and a Helm home in the run's folder, so nothing
that belongs to the person running it is read or written.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netproof.errors import ClusterError, UsageError

ENGINES = ("docker", "nerdctl", "podman")
"""What kind can run nodes with, in the order in which kind itself looks for them."""

PROVIDER = "KIND_EXPERIMENTAL_PROVIDER"
"""The variable that tells kind which engine to use."""

WHERE_TO_GET = {
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/#kubectl",
    "helm": "https://helm.sh/docs/intro/install/",
}
ENGINE_FROM = "https://docs.docker.com/engine/install/"

SHOWN_LINES = 12
"""Of a failing tool's words; kind prints the failed command's own output last."""

ASK_TIMEOUT_S = 60.0
"""For questions that a healthy tool answers within a second or two."""

END_TIMEOUT_S = 10.0

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Tools:
    """The engine and the environment in which the tools run; `home` is the run's own folder."""

    engine: str
    home: Path
    environment: Mapping[str, str]

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig that the tools read and write, and nobody else."""
        return self.home / "kubeconfig"

    def run(self, argv: Sequence[str], *, what: str, timeout_s: float = ASK_TIMEOUT_S) -> str:
        """Run a tool and return what it printed; raise ClusterError with its own last words.

        The tool is ended when it takes longer than `timeout_s`, and when we are interrupted.
        """
        code, out, said = call(argv, self.environment, what=what, timeout_s=timeout_s)
        if code != 0:
            raise ClusterError(failure(what, argv, code, said or out))
        return out


def find(home: Path, *, helm: bool, environ: Mapping[str, str] | None = None) -> Tools:
    """Find an engine that answers and the tools that are needed; raise UsageError for what lacks.

    `home` is a folder that may be filled.
    """
    given = dict(os.environ if environ is None else environ)
    engine = _engine(given)
    needed = ("kind", "kubectl", *(("helm",) if helm else ()))
    missing = [name for name in needed if shutil.which(name, path=given.get("PATH")) is None]
    if missing:
        listed = "; ".join(f"{name} (get it: {WHERE_TO_GET[name]})" for name in missing)
        raise UsageError(f"not found on PATH: {listed}")
    return Tools(engine, home, _environment(given, engine, home))


def _engine(environ: Mapping[str, str]) -> str:
    wanted = environ.get(PROVIDER)
    candidates = (wanted,) if wanted else ENGINES
    there = [name for name in candidates if shutil.which(name, path=environ.get("PATH"))]
    if not there:
        raise UsageError(
            f"no container engine on PATH: kind needs {', '.join(ENGINES[:-1])} or {ENGINES[-1]}"
            f"{f' ({PROVIDER} asks for {wanted})' if wanted else ''}; get one: {ENGINE_FROM}"
        )
    silent = {}
    for name in there:
        what = f"asking {name} whether it runs"
        code, out, said = call((name, "info"), environ, what=what, timeout_s=ASK_TIMEOUT_S)
        if code == 0:
            return name
        silent[name] = failure(what, (name, "info"), code, said or out)
    raise UsageError("no container engine answers:\n" + "\n".join(silent.values()))


def _environment(given: Mapping[str, str], engine: str, home: Path) -> dict[str, str]:
    helm = {
        f"HELM_{kind}_HOME": str(home / "helm" / kind.lower())
        for kind in ("CACHE", "CONFIG", "DATA")
    }
    return {**given, **helm, PROVIDER: engine, "KUBECONFIG": str(home / "kubeconfig")}


def call(
    argv: Sequence[str], environ: Mapping[str, str], *, what: str, timeout_s: float
) -> tuple[int, str, str]:
    """Run a program and return its exit code, output and error output.

    It has a session of its own: Ctrl-C reaches us alone, and we end it. Raises ClusterError where
    it cannot be started or does not end in time.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise ClusterError(f"{what}: {argv[0]} cannot be started: {error.strerror}") from error
    try:
        out, said = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        said = _end(process)
        raise ClusterError(
            f"{what}: `{shown(argv)}` did not end within {timeout_s:g} s{_quoted(said)}"
        ) from None
    except BaseException:
        _end(process)
        raise
    return process.returncode, out, said


def _end(process: subprocess.Popen[str]) -> str:
    """End a tool and whatever it started; return what it had said."""
    _signal(process, signal.SIGTERM)
    try:
        out, said = process.communicate(timeout=END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        out, said = process.communicate()
    return said or out


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return  # it ended by itself in between


def failure(what: str, argv: Sequence[str], code: int, said: str) -> str:
    """Word a tool's failure, with its own last words."""
    return f"{what} failed: `{shown(argv)}` ended with exit code {code}{_quoted(said)}"


def shown(argv: Sequence[str]) -> str:
    """Return a command for a message, cut where it is long."""
    text = " ".join(argv)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _quoted(said: str) -> str:
    lines = [line.rstrip() for line in _TERMINAL_CODES.sub("", said).splitlines() if line.strip()]
    if not lines:
        return ", without a word"
    return ":\n" + "\n".join(f"    {line}" for line in lines[-SHOWN_LINES:])
