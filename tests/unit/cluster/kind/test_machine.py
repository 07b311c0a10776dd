"""What the machine must offer for kind, on made-up machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.cluster.kind.machine import Tools, is_local, lacks
from netproof.cluster.profiles.profile import HostNeeds
from tests.unit.cluster.kind import standins

NEEDS = HostNeeds((5, 10), True, 524288, 512, ("br_netfilter",), ("openvswitch",))
RELEASE = "6.1.0-9-amd64"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Make up a machine that has all."""
    files = {
        "sys/fs/cgroup/cgroup.controllers": "cpu",
        "proc/sys/fs/inotify/max_user_watches": "524288\n",
        "proc/sys/fs/inotify/max_user_instances": "512\n",
        "sys/module/br_netfilter/refcnt": "0",
        f"lib/modules/{RELEASE}/modules.dep": "kernel/net/openvswitch/openvswitch.ko: x.ko\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_fit_machine_lacks_nothing(machine: Path) -> None:
    """Where all is there, nothing is said."""
    assert () == lacks(NEEDS, root=machine, release=RELEASE)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("sys/fs/cgroup/cgroup.controllers", "cgroup v2 is needed"),
        ("sys/module/br_netfilter/refcnt", "br_netfilter is not loaded: sudo modprobe"),
        (f"lib/modules/{RELEASE}/modules.dep", "the kernel has no module openvswitch"),
    ],
)
def test_what_is_missing_is_told_with_its_remedy(spoil: str, message: str, machine: Path) -> None:
    """A missing file is the one thing that is complained of."""
    (machine / spoil).unlink()
    (machine / spoil).parent.rmdir()
    (told,) = lacks(NEEDS, root=machine, release=RELEASE)
    assert message in told


def test_low_limits_are_told_with_the_command(machine: Path) -> None:
    """Inotify limits below what kind advises are named with the sysctl that raises them."""
    (machine / "proc/sys/fs/inotify/max_user_instances").write_text("128\n")
    assert (
        "fs.inotify.max_user_instances is 128: sudo sysctl fs.inotify.max_user_instances=512",
    ) == lacks(NEEDS, root=machine, release=RELEASE)


def test_an_old_kernel(machine: Path) -> None:
    """A kernel that is too old is told apart by numbers, not by letters."""
    (told,) = lacks(NEEDS, root=machine, release="5.9.16")[:1]
    assert told.startswith("the kernel is 5.9.16, 5.10 or newer is needed")


@pytest.mark.parametrize(
    ("address", "local"),
    [("", True), ("unix:///var/run/docker.sock", True), ("tcp://10.0.0.5:2376", False)],
)
def test_a_remote_engine_is_not_this_machine(address: str, local: bool, tmp_path: Path) -> None:
    """What this machine offers says nothing where the nodes run on another one."""
    made = standins.make(tmp_path)
    environment = {"PATH": f"{made.bin}:/usr/bin:/bin", "DOCKER_HOST": address}
    assert local == is_local(Tools("docker", tmp_path, environment))
