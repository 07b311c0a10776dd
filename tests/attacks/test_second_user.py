"""Another user of the machine takes the folders of a lab first, or while they are made.

Found in a lab whose kubeconfig the other user replaced by one that runs a program.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netlab.problems import StartError
from netlab.process import statedir
from netlab.process.statedir import Place
from netproof.cluster.lab import environment
from tests.attacks.strangers import (
    STRANGER,
    as_stranger,
    need_second_user,
    shared_folder,
    stranger_at_work,
)

ROUNDS = 150
SECRET = "token of the one who runs the lab"
NETPROOF = (sys.executable, "-c", "from netproof.front.cli import main; raise SystemExit(main())")


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder like /tmp; skip where there is no second user."""
    need_second_user()
    with shared_folder() as folder:
        yield folder


def open_folder(path: Path) -> None:
    path.mkdir(mode=0o777)


def private_folder(path: Path) -> None:
    path.mkdir(mode=0o700)


def link_to_a_folder_of_theirs(path: Path) -> None:
    theirs = path.with_name("theirs")
    theirs.mkdir(mode=0o777)
    path.symlink_to(theirs)


def link_to_a_folder_of_the_victim(path: Path) -> None:
    path.symlink_to(path.parent / "victims")


def link_that_leads_nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


def fifo(path: Path) -> None:
    os.mkfifo(path, 0o666)


TAKEN = [
    open_folder,
    private_folder,
    link_to_a_folder_of_theirs,
    link_to_a_folder_of_the_victim,
    link_that_leads_nowhere,
    fifo,
]


@pytest.mark.parametrize("take", TAKEN)
@pytest.mark.parametrize("in_home", [True, False], ids=["home", "state-dir"])
def test_a_folder_that_another_user_made_first_is_refused(
    shared: Path, take: Callable[[Path], None], *, in_home: bool
) -> None:
    """Whatever stands there, it is said whose it is and what to do, and nothing is written."""
    (shared / "victims").mkdir(mode=0o700)
    taken = shared / "netproof-0"
    as_stranger(lambda: take(taken))
    place = Place(taken / "prec" if in_home else taken, in_home=in_home)
    with pytest.raises(StartError, match=rf"another user \(uid {STRANGER}\)") as refused:
        place.claim()
    assert "name a folder of your own" in refused.value.remedy
    assert [] == [path for path in shared.rglob("*") if path.name == statedir.KUBECONFIG]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o750, 0o701])
def test_a_home_of_ours_that_is_open_to_others_is_refused(shared: Path, mode: int) -> None:
    """Who may look in or write there is told, and how to change it."""
    home = shared / "netproof-0"
    home.mkdir()
    home.chmod(mode)
    with pytest.raises(StartError, match=f"mode {mode:04o}.*chmod 700"):
        Place(home / "prec", in_home=True).claim()


def test_a_folder_in_which_others_may_rename_ours_is_refused(shared: Path) -> None:
    """A home is worth nothing below a folder that lets anybody put another in its place."""
    shared.chmod(0o777)
    with pytest.raises(StartError, match=r"lets others rename what is in it.*chmod \+t"):
        Place(shared / "netproof-0" / "prec", in_home=True).claim()


def test_a_link_of_another_user_on_the_way_is_refused(shared: Path) -> None:
    """Also where it leads to a folder of ours: whoever made it can lead us elsewhere next time."""
    (shared / "victims").mkdir(mode=0o700)
    as_stranger(lambda: (shared / "way").symlink_to(shared / "victims"))
    with pytest.raises(StartError, match=rf"is a link that another user \(uid {STRANGER}\) made"):
        Place(shared / "way" / "netproof-0" / "prec", in_home=True).claim()


def test_a_link_of_our_own_on_the_way_is_followed(shared: Path) -> None:
    """Who has TMPDIR on another disk by a link of theirs keeps it."""
    (shared / "victims").mkdir(mode=0o700)
    (shared / "way").symlink_to(shared / "victims")
    state = Place(shared / "way" / "netproof-0" / "prec", in_home=True).claim()
    assert (shared / "victims" / "netproof-0").is_dir()
    state.leave()
    assert [] == list((shared / "victims").iterdir())


@pytest.mark.parametrize("in_home", [True, False], ids=["home", "state-dir"])
def test_another_user_who_races_for_the_folder_gets_nothing(shared: Path, *, in_home: bool) -> None:
    """Either the folder is ours from the first moment on, or the lab is refused."""
    taken = shared / "netproof-0"
    place = Place(taken / "prec" if in_home else taken, in_home=in_home)
    config, loot = place.path / statedir.KUBECONFIG, shared / "loot"
    with stranger_at_work(lambda: _grab(taken, config, loot)):
        outcomes = {_keep_a_secret(place, config) for _ in range(ROUNDS)}
    assert outcomes <= {"kept", "refused"}
    assert not loot.exists(), loot.read_text(encoding="utf-8")


def _grab(taken: Path, config: Path, loot: Path) -> None:
    """Make the folder first, lead elsewhere, or replace what the lab wrote."""
    for take in (open_folder, link_to_a_folder_of_theirs):
        with contextlib.suppress(OSError):
            take(taken)
        with contextlib.suppress(OSError):
            config.parent.mkdir(mode=0o777)
        with contextlib.suppress(OSError):
            loot.write_text(config.read_text(encoding="utf-8"), encoding="utf-8")
        with contextlib.suppress(OSError):
            taken.rename(taken.with_name("moved"))
        for path in (config, taken, taken.with_name("theirs"), taken.with_name("moved")):
            with contextlib.suppress(OSError):
                path.unlink()
            shutil.rmtree(path, ignore_errors=True)


def _keep_a_secret(place: Place, config: Path) -> str:
    owner = statedir.process_owner(os.getpid())
    assert owner is not None
    try:
        state = place.claim()
    except StartError:
        return "refused"
    try:
        state.create(name="prec", owner=owner).close()
        state.write(statedir.KUBECONFIG, SECRET)
        kept = config.read_text(encoding="utf-8") == SECRET and _is_ours_alone(config.parent)
    except FileExistsError:
        return "refused"
    else:
        return "kept" if kept else "replaced"
    finally:
        state.remove(owner)
        state.leave()


def _is_ours_alone(folder: Path) -> bool:
    status = folder.lstat()
    return (status.st_uid, stat.S_IMODE(status.st_mode)) == (os.geteuid(), 0o700)


def test_the_sweep_touches_no_folder_of_another_user(shared: Path) -> None:
    """A dead lab's marker means nothing where somebody else could write it."""

    def bait(folder: Path) -> None:
        folder.mkdir(mode=0o777, exist_ok=True)
        dead = '{"name": "x", "pid": 4194303, "start_time": 1, "boot_id": "%s"}'
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        (folder / statedir.MARKER).write_text(dead % boot, encoding="ascii")

    as_stranger(lambda: bait(shared / "theirs"))
    (shared / "ours").mkdir()
    (shared / "ours").chmod(0o1777)
    (shared / "ours" / statedir.KUBECONFIG).write_text("of somebody", encoding="ascii")
    as_stranger(lambda: bait(shared / "ours"))
    Place(shared / "lab").claim().leave()
    assert (shared / "theirs" / statedir.MARKER).exists()
    assert (shared / "ours" / statedir.KUBECONFIG).exists()


@pytest.mark.parametrize("action", ["up", "down"])
def test_netproof_lab_says_whose_folder_it_is(shared: Path, action: str) -> None:
    """The command refuses in one line, with exit code 2, and touches nothing."""
    home = shared / f"netproof-{os.geteuid()}"
    as_stranger(lambda: (home / "prec").mkdir(mode=0o777, parents=True))
    ended = subprocess.run(
        [*NETPROOF, "lab", action, "--name", "prec"],
        env={**environment(), "TMPDIR": str(shared), "XDG_RUNTIME_DIR": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (2, "") == (ended.returncode, ended.stdout)
    assert f"{home} belongs to another user (uid {STRANGER})" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert [] == list((home / "prec").iterdir())


def test_the_run_time_folder_of_another_user_is_refused(shared: Path) -> None:
    """XDG_RUNTIME_DIR that came along from another login is not taken."""
    as_stranger(lambda: (shared / "run").mkdir(mode=0o700))
    ended = subprocess.run(
        [*NETPROOF, "lab", "up"],
        env={**environment(), "XDG_RUNTIME_DIR": str(shared / "run")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 2 == ended.returncode
    assert f"{shared / 'run'} belongs to another user (uid {STRANGER})" in ended.stderr
