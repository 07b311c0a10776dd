"""What the machine must offer for kind, on made-up machines."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from netproof.cluster.kind.host import Lack, lacks
from netproof.cluster.profiles.profile import HostNeeds

NEEDS = HostNeeds((5, 10), False, 524288, 512, ("br_netfilter",), ("openvswitch",))
RELEASE = "6.1.0-9-amd64"
MODULES = f"lib/modules/{RELEASE}"
NEWEST = "v1.36.1"


def _write(root: Path, name: str, text: str | bytes = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Make up a machine that has all."""
    _write(tmp_path, "sys/fs/cgroup/cgroup.controllers", "cpu")
    _write(tmp_path, "proc/sys/fs/inotify/max_user_watches", "524288\n")
    _write(tmp_path, "proc/sys/fs/inotify/max_user_instances", "512\n")
    _write(tmp_path, "sys/module/br_netfilter/refcnt", "0")
    _write(tmp_path, f"{MODULES}/modules.dep", "kernel/net/openvswitch/openvswitch.ko: x.ko\n")
    return tmp_path


def _told(machine: Path, needs: HostNeeds = NEEDS, kubernetes: str = NEWEST) -> tuple[Lack, ...]:
    return lacks(needs, kubernetes=kubernetes, root=machine, release=RELEASE)


def test_a_fit_machine_lacks_nothing(machine: Path) -> None:
    """Where all is there, nothing is said."""
    assert () == _told(machine)


@pytest.mark.parametrize(
    ("spoil", "check", "message"),
    [
        ("sys/fs/cgroup/cgroup.controllers", "cgroup", "v1.36.1 does not start on v1"),
        ("sys/module/br_netfilter/refcnt", "br_netfilter", "is not loaded: sudo modprobe"),
        (f"{MODULES}/modules.dep", "openvswitch", "the kernel has no module openvswitch"),
    ],
)
def test_what_is_missing_is_told_and_can_be_left_out(
    spoil: str, check: str, message: str, machine: Path
) -> None:
    """A missing file is the one thing that is complained of, under the name that skips it."""
    (machine / spoil).unlink()
    (machine / spoil).parent.rmdir()
    (told,) = _told(machine)
    assert check == told.check
    assert message in told.text
    others = {"kernel", "cgroup", "inotify", "br_netfilter", "openvswitch"} - {check}
    asked = {"kubernetes": NEWEST, "root": machine, "release": RELEASE}
    assert (told,) == lacks(NEEDS, **asked, skipped=others)  # type: ignore[arg-type]
    assert () == lacks(NEEDS, **asked, skipped=(check,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{MODULES}/modules.builtin", "kernel/net/bridge/br_netfilter.ko\n"),
        (f"{MODULES}/modules.builtin", "kernel/net/bridge/br-netfilter.ko\n"),
        ("proc/sys/net/bridge/bridge-nf-call-iptables", "1\n"),
        ("proc/config.gz", gzip.compress(b"CONFIG_VETH=y\nCONFIG_BRIDGE_NETFILTER=y\n", mtime=0)),
        (f"boot/config-{RELEASE}", "CONFIG_BRIDGE_NETFILTER=y\n"),
    ],
)
def test_what_is_built_into_the_kernel_is_there(
    name: str, text: str | bytes, machine: Path
) -> None:
    """Nothing of it stands in /proc/modules or /sys/module, and nothing can be loaded."""
    (machine / "sys/module/br_netfilter/refcnt").unlink()
    (machine / "sys/module/br_netfilter").rmdir()
    assert ["br_netfilter"] == [lack.check for lack in _told(machine)]
    _write(machine, name, text)
    assert () == _told(machine)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("CONFIG_OPENVSWITCH=y", True),
        ("CONFIG_OPENVSWITCH=m", False),
        ("CONFIG_OPENVSWITCHES=y", False),
    ],
)
def test_a_kernel_without_a_folder_of_modules(text: str, there: bool, machine: Path) -> None:
    """Its configuration says what is built in; what would be a module has nowhere to come from."""
    (machine / f"{MODULES}/modules.dep").unlink()
    _write(machine, "proc/config.gz", gzip.compress(text.encode(), mtime=0))
    assert there == (_told(machine) == ())


@pytest.mark.parametrize("broken", [b"", b"no gzip", gzip.compress(b"CONFIG_X=y", mtime=0)[:12]])
def test_a_configuration_that_cannot_be_read_says_nothing(broken: bytes, machine: Path) -> None:
    """A file that is cut short is no configuration, and no traceback."""
    (machine / f"{MODULES}/modules.dep").unlink()
    _write(machine, "proc/config.gz", broken)
    assert ["openvswitch"] == [lack.check for lack in _told(machine)]


@pytest.mark.parametrize(
    ("kubernetes", "by_cni", "message"),
    [
        ("v1.34.4", False, ""),
        ("v1.35.0", False, "v1.35.0 does not start on v1"),
        ("v1.36.1", False, "v1.36.1 does not start on v1"),
        ("", False, ""),
        ("v1.34.4", True, "needed by the CNI"),
    ],
)
def test_cgroup_v1_is_judged_by_kubernetes(
    kubernetes: str, by_cni: bool, message: str, machine: Path
) -> None:
    """Kubernetes gave it up in 1.35; a node image of an older one runs, and of an unknown may."""
    (machine / "sys/fs/cgroup/cgroup.controllers").unlink()
    told = _told(machine, HostNeeds(cgroup_v2=by_cni), kubernetes)
    assert bool(message) == bool(told)
    assert all(message in lack.text for lack in told)


def test_low_limits_are_told_with_the_command(machine: Path) -> None:
    """Inotify limits below what kind advises are named with the sysctl that raises them."""
    _write(machine, "proc/sys/fs/inotify/max_user_instances", "128\n")
    key = "fs.inotify.max_user_instances"
    assert (Lack("inotify", f"{key} is 128: sudo sysctl {key}=512"),) == _told(machine)


def test_an_old_kernel(machine: Path) -> None:
    """A kernel that is too old is told apart by numbers, not by letters."""
    (told,) = lacks(NEEDS, root=machine, release="5.9.16")[:1]
    assert told.text.startswith("the kernel is 5.9.16, 5.10 or newer is needed")
