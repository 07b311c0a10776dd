"""A pod's place on the machine: network, host name and file view, and how to be in it.

Must not know: containers, or what runs inside.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from netlab.node import syscalls
from netlab.node.mounts import MountViews
from netlab.node.netns import create_uts, current, write_sysctls
from netlab.node.network import Network, NetworkAttachment


@dataclass(slots=True)
class Sandbox:
    """Namespaces of one pod, held by descriptors."""

    attachment: NetworkAttachment
    uts: int
    uts_inode: int
    views: MountViews
    resolv_conf: str

    @property
    def ips(self) -> tuple[str, ...]:
        return self.attachment.ips

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Put the calling thread in all of the pod's namespaces; no await inside."""
        home = current("uts")
        with self.attachment.netns, self.views.entered(self.resolv_conf):
            syscalls.setns(self.uts, syscalls.CLONE_NEWUTS)
            try:
                yield
            finally:
                syscalls.setns(home, syscalls.CLONE_NEWUTS)
                os.close(home)

    def apply_sysctls(self, settings: dict[str, str]) -> None:
        """Set net.* sysctls of the pod; raise OSError."""
        with self.attachment.netns:
            write_sysctls(settings)


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """Makes and removes sandboxes."""

    network: Network
    views: MountViews

    def create(self, node: str, *, hostname: str, host_network: bool, resolv_conf: str) -> Sandbox:
        """Make a pod's place on a node; raise OSError or PoolExhaustedError."""
        attachment = self.network.attach(node, host_network=host_network)
        try:
            uts = create_uts(hostname)
        except OSError:
            self.network.detach(attachment)
            raise
        inode = os.fstat(uts).st_ino
        return Sandbox(attachment, uts, inode, self.views, resolv_conf)

    def forget_view(self, resolv_conf: str) -> None:
        """Let a file view go that no new pod will ask for."""
        self.views.close(resolv_conf)

    def remove(self, sandbox: Sandbox, *, reuse: bool = False) -> None:
        """Let the namespaces go; nothing of the pod may be running any more.

        `reuse` has the node's next pod take over the address.
        """
        os.close(sandbox.uts)
        self.network.detach(sandbox.attachment, reuse=reuse)
