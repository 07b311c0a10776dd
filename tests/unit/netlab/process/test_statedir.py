"""State directories: whose they are, and what becomes of those of dead labs."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from netlab.problems import StartError
from netlab.process import folders, statedir
from netlab.process.statedir import LabOwner, Place, StateDir


def me() -> LabOwner:
    owner = statedir.process_owner(os.getpid())
    assert owner is not None
    return owner


def make(path: Path, owner: LabOwner) -> Path:
    state = directory(path)
    state.create(name="lab", owner=owner).close()
    state.write(statedir.KUBECONFIG, "token")
    state.leave()
    return path


def directory(path: Path) -> StateDir:
    return StateDir(path, folders.open_parent(path.parent))


def sweep(folder: Path) -> None:
    fd = folders.open_parent(folder)
    statedir.sweep_dead_labs(fd, folder)
    os.close(fd)


def dead() -> LabOwner:
    """Return a process of this boot that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = statedir.process_owner(child.pid)
    child.communicate(b"\n")
    assert owner is not None
    return owner


def test_the_kubeconfig_is_for_its_owner_only(tmp_path: Path) -> None:
    """The file with the token has mode 0600 whatever the umask is."""
    path = make(tmp_path / "one", me())
    assert (path / statedir.KUBECONFIG).stat().st_mode & 0o777 == 0o600


def test_a_dead_labs_directory_is_swept(tmp_path: Path) -> None:
    """The next start beside it removes what a killed lab left."""
    path = make(tmp_path / "one", dead())
    Place(tmp_path / "two").claim().leave()
    assert not path.exists()


def test_a_living_labs_directory_is_left_alone(tmp_path: Path) -> None:
    """A directory whose lab runs survives the sweep."""
    path = make(tmp_path / "one", me())
    sweep(tmp_path)
    assert (path / statedir.KUBECONFIG).exists()


def test_a_reused_pid_does_not_keep_a_directory(tmp_path: Path) -> None:
    """A process that has the dead lab's pid but started later is not that lab."""
    path = make(tmp_path / "one", replace(me(), start_time=1))
    sweep(tmp_path)
    assert not path.exists()


def test_foreign_files_survive_the_sweep(tmp_path: Path) -> None:
    """What somebody else put into a dead lab's directory stays, and so does the directory."""
    path = make(tmp_path / "one", dead())
    (path / "notes").write_text("mine", encoding="utf-8")
    sweep(tmp_path)
    assert [entry.name for entry in path.iterdir()] == ["notes"]


def test_folders_without_a_marker_are_not_touched(tmp_path: Path) -> None:
    """A folder that merely has a kubeconfig in it is nobody's business."""
    (tmp_path / "theirs").mkdir(mode=0o700)
    (tmp_path / "theirs" / statedir.KUBECONFIG).write_text("theirs", encoding="utf-8")
    sweep(tmp_path)
    assert (tmp_path / "theirs" / statedir.KUBECONFIG).exists()


def test_a_directory_in_use_is_refused_with_its_pid(tmp_path: Path) -> None:
    """Claiming a living lab's directory names the lab to stop."""
    path = make(tmp_path / "one", me())
    with pytest.raises(StartError, match=f"in use by the lab with pid {os.getpid()}"):
        Place(path).claim()


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    """A directory that holds somebody's files is not taken over."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(StartError, match="files that are not a lab's"):
        Place(tmp_path).claim()


def test_an_empty_directory_is_accepted_and_removed(tmp_path: Path) -> None:
    """A directory that the starter made may be used; at the end it is gone."""
    path = tmp_path / "made"
    path.mkdir(mode=0o700)
    state = Place(path).claim()
    state.create(name="lab", owner=me()).close()
    state.remove(me())
    state.leave()
    assert not path.exists()


def test_another_labs_directory_is_not_removed(tmp_path: Path) -> None:
    """A lab that lost the race for a directory leaves the winner's files alone."""
    path = make(tmp_path / "one", me())
    state = directory(path)
    state.remove(replace(me(), start_time=1))
    state.leave()
    assert (path / statedir.KUBECONFIG).exists()


def test_two_labs_cannot_have_one_directory(tmp_path: Path) -> None:
    """Of two that claimed the same directory the second to arrive fails."""
    path = make(tmp_path / "one", me())
    state = directory(path)
    with pytest.raises(FileExistsError):
        state.create(name="lab", owner=me())
    state.leave()
