"""Run helm or kustomize on copies of a stranger's files, with nothing around it to misuse.

They get no network where the system can take it away (a network namespace of its own) and no proxy
that answers elsewhere, no home, configuration, kubeconfig or plugins, no program to call, an end
after some time, and an end to what they may write and fill. Plugins, functions, remote charts and
lookups are off without options that nobody gives here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from netproof.errors import PolicyError
from netproof.policy.limits import MAX_BYTES, RENDER_BYTES, RENDER_S

try:
    import resource
except ImportError:  # no POSIX
    resource = None  # type: ignore[assignment]

_LOOK_S = 0.02
"""Between two looks at how much was written: a disk takes some ten MiB in it."""

_OWN_WORDS = 1_500
"""Of what a tool says where it fails, in characters: the end of it, where the cause stands."""

_NOWHERE = "http://127.0.0.1:1"
"""The proxy of whoever gets a network after all: nothing listens there."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """A program that renders folders; `name` is what people type to have it do so."""

    name: str
    program: str
    words: tuple[str, ...] = ()


def kustomize() -> Renderer | None:
    """Return what renders kustomizations, None where nothing is installed that does."""
    only_own_files = ("--load-restrictor", "LoadRestrictionsRootOnly")
    for name, word in (("kustomize", "build"), ("kubectl", "kustomize")):
        if program := _installed(name):
            return Renderer(f"{name} {word}", program, (word, *only_own_files))
    return None


def helm() -> Renderer | None:
    """Return what renders charts, None where it is not installed.

    Without what only `helm test` makes, whose names may be other ones each time.
    """
    program = _installed("helm")
    return Renderer("helm template", program, ("template", "--skip-tests")) if program else None


def run(
    renderer: Renderer, words: Sequence[str], *, folder: Path, home: Path, place: str, remedy: str
) -> bytes:
    """Run it in a folder, with an empty one as its home, and return what it writes.

    Raises PolicyError, about `place`, where it fails, in its own words and with the remedy.
    """
    argv = [*_without_network(), renderer.program, *renderer.words, *words]
    told = home / "said"
    made = home / "rendered"
    with made.open("wb") as out, told.open("wb") as errors:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            cwd=folder,
            env=_environment(home),
            start_new_session=True,
        )
    try:
        _bound(child.pid)
        why = _ended(child, (made, told))
    finally:
        _end(child)
    if why or child.returncode:
        text = why or _own_words(told, folder) or f"exit code {child.returncode}"
        raise PolicyError(place, f"{renderer.name} failed: {text}; {remedy}")
    return made.read_bytes()


def _installed(name: str) -> str:
    """Return the whole path of a program; one that lies wherever we are is none."""
    found = shutil.which(name) or ""
    return found if Path(found).is_absolute() else ""


def _environment(home: Path) -> dict[str, str]:
    own = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    helms = {f"HELM_{name}": str(home) for name in ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME")}
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _NOWHERE)
    return {**own, **helms, **proxies, "HELM_PLUGINS": str(home), "PATH": str(home / "none")}


@cache
def _without_network() -> tuple[str, ...]:
    """Return what a command stands behind to have no network, nothing where that cannot be."""
    unshare = shutil.which("unshare", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if not unshare:
        return ()
    words = (unshare, "--user", "--map-root-user", "--net", "--")
    try:
        tried = subprocess.run([*words, "/bin/true"], check=False, capture_output=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return words if tried.returncode == 0 else ()


def _bound(pid: int) -> None:
    """Limit what a process may fill; it may have ended already."""
    if resource is None or not hasattr(resource, "prlimit"):
        return
    limits = ((resource.RLIMIT_AS, RENDER_BYTES), (resource.RLIMIT_FSIZE, 2 * MAX_BYTES))
    with contextlib.suppress(OSError):
        for kind, most in limits:
            resource.prlimit(pid, kind, (most, most))


def _ended(child: subprocess.Popen[bytes], written: Sequence[Path]) -> str:
    """Wait for a process to end, and say why it was not waited for longer, "" where it ended."""
    over = time.monotonic() + RENDER_S
    while True:
        try:
            child.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            ended = False
        else:
            ended = True
        if any(file.stat().st_size > MAX_BYTES for file in written):
            return f"it wrote more than the {MAX_BYTES} bytes that an API server takes at once"
        if ended:
            return ""
        if time.monotonic() > over:
            return f"it did not end in {RENDER_S:.0f} s"


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _own_words(file: Path, folder: Path) -> str:
    said = file.read_bytes()[-_OWN_WORDS:].decode("utf-8", "replace")
    lines = said.replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "").splitlines()
    return " ".join(line.strip() for line in lines if line.strip())
