"""What to do about a step that fails, on machines one does not have."""

import errno

import pytest

from netlab.process.preflight import KernelSettings, remedy_for

PLAIN = KernelSettings(
    userns_clone=None, max_user_namespaces=15000, apparmor_restricts=None, in_container=False
)
UBUNTU = KernelSettings(
    userns_clone=1, max_user_namespaces=15000, apparmor_restricts=1, in_container=False
)
DEBIAN_OFF = KernelSettings(
    userns_clone=0, max_user_namespaces=15000, apparmor_restricts=None, in_container=False
)
NONE_ALLOWED = KernelSettings(
    userns_clone=None, max_user_namespaces=0, apparmor_restricts=None, in_container=False
)
CONTAINER = KernelSettings(
    userns_clone=None, max_user_namespaces=15000, apparmor_restricts=1, in_container=True
)


@pytest.mark.parametrize(
    ("step", "number", "machine", "remedy"),
    [
        pytest.param(
            "user namespace",
            errno.EPERM,
            DEBIAN_OFF,
            "sysctl -w kernel.unprivileged_userns_clone=1",
            id="user namespaces switched off on Debian",
        ),
        pytest.param(
            "user namespace",
            errno.ENOSPC,
            NONE_ALLOWED,
            "sysctl -w user.max_user_namespaces=15000",
            id="no user namespaces allowed",
        ),
        pytest.param(
            "network namespace",
            errno.EPERM,
            UBUNTU,
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
            id="AppArmor's restriction on Ubuntu",
        ),
        pytest.param(
            "user namespace", errno.EPERM, CONTAINER, "--cap-add SYS_ADMIN", id="container"
        ),
        pytest.param(
            "nftables", 0, PLAIN, "apt install libnftables1", id="libnftables not installed"
        ),
        pytest.param("network namespace", errno.ENOSPC, PLAIN, "user.max_", id="limit used up"),
        pytest.param("veth", errno.EOPNOTSUPP, PLAIN, "CONFIG_VETH", id="kernel without veth"),
        pytest.param("user namespace", errno.EPERM, PLAIN, "run as root", id="unknown reason"),
    ],
)
def test_the_remedy_fits_the_machine(
    step: str, number: int, machine: KernelSettings, remedy: str
) -> None:
    """Each known cause has one line that tells what to do."""
    assert remedy in remedy_for(step, number, machine)


def test_an_unknown_failure_states_what_is_needed() -> None:
    """Without a known cause the requirements are named."""
    assert "Linux 5.4" in remedy_for("veth", errno.EIO, PLAIN)
