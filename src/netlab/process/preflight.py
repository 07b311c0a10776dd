"""Can a lab run here? Each thing it needs of the machine, tried for real in a throw-away child.

The steps build on each other, so the first that fails is the one to mend. What an errno means on
which machine is a pure function, so that machines one does not have can be tested as well.
Must not know: how the lab is started afterwards.
"""

import errno
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from netlab.dataplane.nft import Nft, NftError
from netlab.node import mounts, rtnetlink, syscalls
from netlab.node.netns import NetNS, write_sysctls
from netlab.problems import StartError
from netlab.process import usernamespace


@dataclass(frozen=True, slots=True)
class KernelSettings:
    """What the kernel's settings say about namespaces; None where there is no such setting."""

    userns_clone: int | None
    max_user_namespaces: int | None
    apparmor_restricts: int | None
    in_container: bool

    @classmethod
    def look(cls) -> "KernelSettings":
        """Read the settings of this machine."""
        container_marks = ("/.dockerenv", "/run/.containerenv")
        return cls(
            userns_clone=_setting("kernel/unprivileged_userns_clone"),
            max_user_namespaces=_setting("user/max_user_namespaces"),
            apparmor_restricts=_setting("kernel/apparmor_restrict_unprivileged_userns"),
            in_container=any(Path(mark).exists() for mark in container_marks),
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step: passed, failed with an errno and a message, or not tried."""

    step: str
    passed: bool
    tried: bool = True
    number: int = 0
    message: str = ""


def require() -> None:
    """Raise StartError for the first thing this machine lacks; about 20 ms when all is well."""
    for result in check():
        if not result.passed:
            remedy = remedy_for(result.step, result.number, KernelSettings.look())
            raise StartError(result.step, result.message, remedy)


def explain(step: str, error: OSError) -> StartError:
    """Turn an error that came up after the checks into one with a remedy."""
    return StartError(step, str(error), remedy_for(step, error.errno or 0, KernelSettings.look()))


def check() -> list[StepResult]:
    """Try every step in a forked child, which takes all it made along when it ends."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _try_steps(write)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stream:
        results = [StepResult(**json.loads(line)) for line in stream]
    _, status = os.waitpid(child, 0)
    untried = list(_STEPS)[len(results) :]
    if untried and all(result.passed for result in results):
        code = os.waitstatus_to_exitcode(status)
        lost = StepResult(untried.pop(0), passed=False, message=f"the check ended with code {code}")
        results.append(lost)
    return results + [StepResult(step, passed=False, tried=False) for step in untried]


def remedy_for(step: str, number: int, machine: KernelSettings) -> str:
    """Tell in one line what to do about a step that failed with an errno on a machine."""
    answers = (rule(step, number, machine) for rule in _RULES)
    general = "the lab needs Linux 5.4 or later with namespaces, veth and nftables"
    return next((answer for answer in answers if answer), f"see the message; {general}")


def _library_remedy(step: str, _: int, __: KernelSettings) -> str:
    if step != "nftables":
        return ""
    return (
        "install libnftables (Debian, Ubuntu: apt install libnftables1; Fedora: dnf install "
        "nftables-libs), or name the library in NETPROOF_LIBNFTABLES"
    )


def _setting_remedy(_: str, __: int, machine: KernelSettings) -> str:
    if machine.userns_clone == 0:
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1, or run as root"
    if machine.max_user_namespaces == 0:
        return "sudo sysctl -w user.max_user_namespaces=15000 (user namespaces are off: 0)"
    return ""


def _limit_remedy(_: str, number: int, __: KernelSettings) -> str:
    if number not in {errno.ENOSPC, errno.EUSERS}:
        return ""
    return "raise the limits user.max_*_namespaces (sysctl), or end what uses them up"


def _forbidden_remedy(_: str, number: int, machine: KernelSettings) -> str:
    if number not in {errno.EPERM, errno.EACCES}:
        return ""
    if machine.in_container:
        return (
            "the container forbids it: start it with --privileged, or with --cap-add SYS_ADMIN "
            "--cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt "
            "apparmor=unconfined --security-opt systempaths=unconfined"
        )
    if machine.apparmor_restricts:
        return (
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu 23.10 and "
            "later switch it on), or run as root"
        )
    return "run as root, or ask for user namespaces; a security module or seccomp forbids it"


def _kernel_remedy(step: str, number: int, _: KernelSettings) -> str:
    if number not in {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENODEV}:
        return ""
    return f"the kernel was built without it: use one with {_KERNEL_OPTIONS[step]}"


# In this order: what the machine's settings say is surer than what an errno suggests.
_RULES = (_library_remedy, _setting_remedy, _limit_remedy, _forbidden_remedy, _kernel_remedy)


def _setting(name: str) -> int | None:
    try:
        return int(Path("/proc/sys", name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _try_steps(write: int) -> None:
    """Run the steps in order, one line of JSON each, and end this process."""
    syscalls.die_with_parent(signal.SIGKILL)
    os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
    for result in _step_results():
        line = {name: getattr(result, name) for name in StepResult.__slots__}
        os.write(write, json.dumps(line).encode() + b"\n")
        if not result.passed:
            break
    os._exit(0)


def _step_results() -> Iterator[StepResult]:
    for step, attempt in _STEPS.items():
        try:
            attempt()
        except NftError as error:
            yield StepResult(step, passed=False, message=str(error))
        except OSError as error:
            number = error.errno or 0
            yield StepResult(step, passed=False, number=number, message=_error_text(error))
        else:
            yield StepResult(step, passed=True)


def _error_text(error: OSError) -> str:
    return f"{error.strerror or error} ({errno.errorcode.get(error.errno or 0, 'no errno')})"


def _network_namespace() -> None:
    syscalls.unshare(syscalls.CLONE_NEWNET | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC)


def _process_namespace() -> None:
    """Make a pid namespace and mounts, which only its first process can do with a /proc."""
    syscalls.unshare(syscalls.CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        os._exit(_furnish())
    _, status = os.waitpid(child, 0)
    number = os.waitstatus_to_exitcode(status)
    if number:
        raise OSError(abs(number), f"mount in a new namespace: {os.strerror(abs(number))}")


def _furnish() -> int:
    try:
        mounts.enter_lab_mounts()
        usernamespace.become_pod_user()
        with mounts.MountViews().entered(mounts.HOST_RESOLV):
            pass
    except OSError as error:
        return error.errno or 1
    return 0


def _sysctl() -> None:
    with NetNS.create():
        write_sysctls({"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"})


def _veth() -> None:
    netns = NetNS.create()
    peer = rtnetlink.VethPeer("eth0", 2, b"\x02\0\0\0\0\2", netns.fd)
    with rtnetlink.RtNetlink() as netlink:
        netlink.send([rtnetlink.veth("veth0", 100, b"\x02\0\0\0\0\1", peer=peer)])
        netlink.send([rtnetlink.link_up(100)])


def _nftables() -> None:
    nft = Nft()
    nft.run("add table inet netproof_preflight")
    nft.close()


_STEPS: dict[str, Callable[[], None]] = {
    "user namespace": usernamespace.enter_user_namespace,
    "network namespace": _network_namespace,
    "process and mount namespace": _process_namespace,
    "sysctl": _sysctl,
    "veth": _veth,
    "nftables": _nftables,
}

_KERNEL_OPTIONS = {
    "namespaces": "CONFIG_USER_NS, CONFIG_PID_NS, CONFIG_NET_NS, CONFIG_UTS_NS and CONFIG_IPC_NS",
    "user namespace": "CONFIG_USER_NS",
    "network namespace": "CONFIG_NET_NS, CONFIG_UTS_NS and CONFIG_IPC_NS",
    "process and mount namespace": "CONFIG_PID_NS and CONFIG_TMPFS",
    "sysctl": "CONFIG_IPV6",
    "veth": "CONFIG_VETH",
}
