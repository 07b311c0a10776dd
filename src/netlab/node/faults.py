"""Runtimes that forward ports as no container runtime should: one per deliberate fault."""

import asyncio
import errno
import os
import socket
from collections.abc import Mapping
from typing import Any

from netlab.defects import Forwarding
from netlab.node.runtime import LabRuntime, connect

Obj = dict[str, Any]

_DIAL_S = 5.0  # the lab's network answers within milliseconds, or never


class DialsPodIp(LabRuntime):
    """Forwards ports to the pod's address instead of its loopback, from another node.

    From there because what a pod's own node sends to it is not for policies to stop.
    """

    async def dial(self, pod: Obj, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port of the pod's first address; raise OSError."""
        ip, own = self.sandbox(pod).ips[0], pod["spec"]["nodeName"]
        others = [netns for name, netns in self.nodes.items() if name != own]
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        netns = others[0] if others else self.nodes[own]
        try:
            async with asyncio.timeout(_DIAL_S):
                connected = await connect(netns, family, (ip, port))
        except TimeoutError as error:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from error
        return await asyncio.open_connection(sock=connected)


class RefusesPortForward(LabRuntime):
    """Serves no port-forward, as a kubelet without its debugging handlers."""

    def refuses(self, subresource: str) -> str:
        """Refuse one kind of stream in the kubelet's words."""
        return "Debug endpoints are disabled." if subresource == "portforward" else ""


RUNTIMES: Mapping[Forwarding, type[LabRuntime]] = {
    Forwarding.TO_LOOPBACK: LabRuntime,
    Forwarding.TO_POD_IP: DialsPodIp,
    Forwarding.REFUSED: RefusesPortForward,
}
