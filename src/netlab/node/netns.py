"""Network and UTS namespaces that exist only as descriptors.

No name under /run/netns: when the last descriptor and process are gone, so is the namespace.
Must not know: addresses, pods, policies.
"""

import os
from typing import Self

from netlab.node import syscalls


class NetNS:
    """A network namespace; ``with ns:`` puts the calling thread inside.

    There must be no await inside the block: the whole event loop is in there with you.
    Blocks may nest; each one returns to the namespace it came from.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._came_from: list[int] = []

    @classmethod
    def create(cls) -> "NetNS":
        """Make a new, empty network namespace; the thread stays where it is."""
        home = current("net")
        try:
            syscalls.unshare(syscalls.CLONE_NEWNET)
            fd = current("net")
            syscalls.setns(home, syscalls.CLONE_NEWNET)
        finally:
            os.close(home)
        return cls(fd)

    @classmethod
    def of_this_thread(cls) -> "NetNS":
        """Wrap the namespace that the calling thread is in."""
        return cls(current("net"))

    def __enter__(self) -> Self:
        home = current("net")
        try:
            syscalls.setns(self.fd, syscalls.CLONE_NEWNET)
        except OSError:
            os.close(home)
            raise
        self._came_from.append(home)
        return self

    def __exit__(self, *_: object) -> None:
        home = self._came_from.pop()
        syscalls.setns(home, syscalls.CLONE_NEWNET)
        os.close(home)

    def close(self) -> None:
        """Give the descriptor up; the kernel dismantles the namespace when nobody is inside."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def current(kind: str) -> int:
    """Open the calling thread's namespace of a kind: net, uts or mnt."""
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


def create_uts(hostname: str) -> int:
    """Make a UTS namespace with a host name and return its descriptor."""
    home = current("uts")
    try:
        syscalls.unshare(syscalls.CLONE_NEWUTS)
        syscalls.sethostname(hostname)
        fd = current("uts")
        syscalls.setns(home, syscalls.CLONE_NEWUTS)
    finally:
        os.close(home)
    return fd


def write_sysctls(settings: dict[str, str]) -> None:
    """Set sysctls (dotted names) of the namespace the calling thread is in.

    Raises OSError; its message names the sysctl.
    """
    for name, value in settings.items():
        path = "/proc/sys/" + name.replace(".", "/")
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, value.encode())
            finally:
                os.close(fd)
        except OSError as error:
            raise OSError(error.errno, f"sysctl {name}={value}: {error.strerror}") from error
