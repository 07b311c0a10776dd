"""Standard output that is full, closed or knows ASCII only, and folders that are gone or full."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from netproof.front.reportfiles import wanted
from netproof.model import codec
from netproof.report.writers import OF_RUN, WRITERS
from tests.attacks.test_terminal import WEB
from tests.unit.report.sample import ALL_PASS, EVERYTHING

INTENTS = "---\nintents: [{allow: api -> web, reason: Grüße}, {deny: api -> web, reason: 二}]\n"
CHECK = ("check", "--static")

Command = tuple[str, ...]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a bundle of which one intent is broken."""
    file = tmp_path / "bundle.yaml"
    file.write_text(WEB + "---\n" + WEB.replace("web", "api") + INTENTS, encoding="utf-8")
    return file


def _command(*words: str) -> Command:
    program = "import sys; from netproof.front.cli import main; sys.exit(main())"
    return sys.executable, "-c", program, *words


def _ended(
    command: Command, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command, in a shell where its streams are to be something else."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "LC_", "LANG"))}
    words = ("sh", "-c", f'"$@" {shell}', "sh", *command) if shell else command
    return subprocess.run(
        words,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env={**kept, **environment},
        check=False,
    )


LOST: Mapping[str, tuple[str, str]] = {
    "full": (">/dev/full", "standard output cannot be written: No space left on device"),
    "closed": (">&-", "standard output is closed"),
}


@pytest.mark.parametrize("form", ["text", "markdown", "json", "sarif"])
@pytest.mark.parametrize("name", ["full", "closed"])
def test_a_check_that_cannot_be_written_still_says_its_verdict(
    name: str, form: str, bundle: Path
) -> None:
    """On standard error, with what to do, and exit code 2: the report is not there."""
    shell, why = LOST[name]
    ended = _ended(_command(*CHECK, "--format", form, str(bundle)), shell)
    assert 2 == ended.returncode
    assert ended.stderr.startswith(f"netproof: {why}; see that")
    assert "1 of 2 intents does not hold" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception" not in ended.stderr


@pytest.mark.parametrize("name", ["full", "closed"])
@pytest.mark.parametrize(
    "words",
    [
        ("snapshot",),
        ("diff",),
        ("explain",),
        ("test", "--list"),
        ("rbac",),
        ("--help",),
        ("profile",),
    ],
    ids=lambda words: words[0],
)
def test_no_command_ends_in_a_traceback(words: tuple[str, ...], name: str, bundle: Path) -> None:
    """Whatever it has to say."""
    more: dict[str, tuple[str, ...]]
    more = {"explain": (str(bundle), "api -> web"), "diff": (str(bundle),) * 2}
    more |= {"snapshot": (str(bundle),), "profile": ("list",)}
    shell, why = LOST[name]
    ended = _ended(_command(*words, *more.get(words[0], ())), shell)
    assert 2 == ended.returncode
    assert f"netproof: {why}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception" not in ended.stderr


def test_a_reader_that_leaves_is_told(bundle: Path) -> None:
    """`| head` is no reason for a traceback either."""
    ended = _ended(_command("snapshot", str(bundle)), "| true")
    assert "Traceback" not in ended.stderr
    assert "Exception" not in ended.stderr


def test_standard_error_may_be_lost_too(bundle: Path) -> None:
    """The exit code is what is left then."""
    for shell in (">&- 2>&-", ">/dev/full 2>/dev/full", "2>&-"):
        ended = _ended(_command(*CHECK, str(bundle)), shell)
        assert (1 if shell == "2>&-" else 2) == ended.returncode
        assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("form", ["text", "markdown", "json", "sarif"])
def test_ascii_is_enough(form: str, bundle: Path) -> None:
    """What it lacks is written as an escape that JSON knows too."""
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ended = _ended(_command(*CHECK, "--format", form, str(bundle)), **ascii_only)
    assert 1 == ended.returncode
    assert "Traceback" not in ended.stderr
    assert ended.stdout.isascii()
    if form in ("json", "sarif"):
        json.loads(ended.stdout)


def test_a_folder_that_is_gone(tmp_path: Path, bundle: Path) -> None:
    """Nothing relative can be found from there."""
    words = ("sh", "-c", 'cd "$1" && rmdir "$1" && shift && "$@"', "sh", str(tmp_path / "gone"))
    for command in (_command(*CHECK, str(bundle)), _command("test", "--list")):
        (tmp_path / "gone").mkdir()
        ended = _ended((*words, *command))
        assert 2 == ended.returncode
        assert "netproof: the current folder is gone; cd to one that is there\n" == ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--port", "99999"),
        ("--port", "-1"),
        ("--port", "x"),
        ("--port", "9" * 5000),
        ("--agents", "-1"),
    ],
    ids=lambda words: words[1][:6],
)
def test_a_number_that_cannot_be(words: tuple[str, ...]) -> None:
    """Is a wrong call, before anything is started."""
    ended = _ended(_command("lab", "up", *words))
    assert 2 == ended.returncode
    assert f"argument {words[0]}: " in ended.stderr
    assert "write a " in ended.stderr
    assert "Traceback" not in ended.stderr


def _pytest(bundle: Path, shell: str, **environment: str) -> subprocess.CompletedProcess[str]:
    reports = ("--np-report-dir", str(bundle.parent / "reports"))
    options = ("-p", "no:cacheprovider", "--np-bundle-static", "--rootdir", str(bundle.parent))
    command = (sys.executable, "-m", "pytest", *options, *reports, "--np-bundle", str(bundle))
    return _ended(command, shell, **environment)


def test_a_run_of_pytest_goes_on(bundle: Path) -> None:
    """To its end, with the exit code of its tests."""
    shell, why = LOST["full"]
    ended = _pytest(bundle, shell)
    assert 1 == ended.returncode
    assert f"netproof: {why}; see that" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_run_of_pytest_in_ascii(bundle: Path) -> None:
    """Keeps its lines."""
    ended = _pytest(bundle, "", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert 1 == ended.returncode
    assert ended.stdout.isascii()
    assert "1 failed, 1 passed" in ended.stdout
    assert len(ended.stdout.splitlines()) > 10


FOLDERS: Mapping[str, Callable[[Path], Path]] = {
    "a device that is full": lambda _: Path("/dev/full/reports"),
    "below a file": lambda folder: folder / "bundle.yaml" / "reports",
    "a link that leads to itself": lambda folder: folder / "loop",
    "where nobody may write": lambda _: Path("/proc/reports"),
    "a name that is too long": lambda folder: folder / ("x" * 300),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_report_folder_that_cannot_be(name: str, bundle: Path) -> None:
    """Each report says so, with the remedy, and none is left in part."""
    (bundle.parent / "loop").symlink_to("loop")
    problems = wanted((), OF_RUN, FOLDERS[name](bundle.parent)).write(EVERYTHING)
    assert len(WRITERS) == len(problems)
    assert all("name another folder by --report-dir" in problem for problem in problems)


def test_a_report_folder_that_fills_keeps_what_was_there(tmp_path: Path) -> None:
    """A whole report of the run before, or none."""
    wanted((), OF_RUN, tmp_path).write(ALL_PASS)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        problems = wanted((), OF_RUN, tmp_path).write(EVERYTHING)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert problems
    assert {one.file_name for one in WRITERS.values()} == {one.name for one in tmp_path.iterdir()}
    kept = codec.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert ALL_PASS == kept


def test_no_room_for_anything(bundle: Path) -> None:
    """Where no file may grow there is no folder for what passes: said, and no traceback."""
    program = _command("check", "--cluster", "kind:kindnet", str(bundle))
    ended = _ended(("sh", "-c", 'ulimit -f 0; "$@" 2>&1 | cat', "sh", *program))
    assert "netproof: No usable temporary directory found in" in ended.stdout
    assert "see that this machine lets netproof have it" in ended.stdout
    assert "Traceback" not in ended.stdout


NO_SHARED_MEMORY: Mapping[str, str] = {
    "missing": (
        'mount -t tmpfs none "$0"; cd "$0"; for one in null zero full random urandom tty; do '
        'touch $one; mount --bind /dev/$one $one; done; cd - >/dev/null; mount --move "$0" /dev'
    ),
    "read-only": "mount -t tmpfs -o ro none /dev/shm",
    "full": "mount -t tmpfs -o size=4k none /dev/shm; head -c 4096 /dev/zero >/dev/shm/x",
}


@pytest.mark.parametrize("name", NO_SHARED_MEMORY)
def test_shared_memory_is_not_needed(name: str, bundle: Path) -> None:
    """Neither by a check nor by test workers: a run without it ends as any other."""
    program = f'{NO_SHARED_MEMORY[name]} && echo there && exec "$@"'
    folder = bundle.parent / "dev"
    folder.mkdir()
    inside = ("unshare", "--map-root-user", "--mount", "sh", "-ec", program, str(folder))
    lock = (sys.executable, "-c", "import multiprocessing; multiprocessing.Lock()")
    control = _ended((*inside, *lock))
    if "there" not in control.stdout:
        pytest.skip(f"this machine lets nobody mount: {control.stderr}")
    assert 1 == control.returncode  # there really is none
    workers = ("-n", "2") if name == "missing" else ()
    reports = ("--np-report-dir", str(bundle.parent / "reports"))
    options = ("-p", "no:cacheprovider", "--np-bundle-static", "--rootdir", str(bundle.parent))
    ended = _ended(
        (
            *(*inside, sys.executable, "-m", "pytest", *options, *reports, *workers),
            *("--np-bundle", str(bundle)),
        )
        if workers
        else (*inside, *_command(*CHECK, str(bundle)))
    )
    assert 1 == ended.returncode
    assert ("1 failed, 1 passed" if workers else "1 of 2 intents does not hold") in ended.stdout
    assert "Traceback" not in ended.stderr
