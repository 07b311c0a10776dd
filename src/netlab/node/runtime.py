"""What the API's streaming endpoints do to pods: logs, exec, attach, and dialling into one.

Must not know: HTTP, or what decides that a pod runs.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netlab.apiserver.runtime import RuntimeRefusal
from netlab.node.attachment import Attachment
from netlab.node.container import Command, Container
from netlab.node.netns import NetNS
from netlab.node.process import Reaper, SpawnError
from netlab.node.sandbox import Sandbox
from netlab.node.session import Session

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunningPod:
    """A pod that has a sandbox, with its containers by name.

    `built_in` pods are served by the lab itself: they have a network place but no process.
    """

    sandbox: Sandbox
    containers: Mapping[str, Container]
    built_in: bool = False


class LabRuntime:
    """Acts on the pods that run, found by the uid of their object."""

    def __init__(
        self, pods: Mapping[str, RunningPod], reaper: Reaper, nodes: Mapping[str, NetNS]
    ) -> None:
        self._pods = pods
        self._reaper = reaper
        self.nodes = nodes

    def log(self, pod: Obj, container: str, *, previous: bool) -> bytes:
        """Return what a container wrote, or wrote before it was last restarted."""
        found = self._container(pod, container)
        if not previous:
            return found.log.snapshot()
        if found.previous_log is None:
            name = pod["metadata"]["name"]
            message = f'previous terminated container "{container}" in pod "{name}" not found'
            raise RuntimeRefusal(message)
        return found.previous_log.snapshot()

    def follow(self, pod: Obj, container: str) -> AsyncIterator[bytes]:
        """Yield a container's output from its first kept byte until the container ends."""
        return self._container(pod, container).log.follow()

    async def exec(
        self, pod: Obj, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> Session:
        """Start a command beside a running container; raise RuntimeRefusal."""
        found = self._container(pod, container)
        running = self._pods[pod["metadata"]["uid"]]
        if found.pid is None and not running.built_in:
            raise RuntimeRefusal(f'container "{container}" is not running')
        env = {**found.command.env, "TERM": "xterm"} if tty else found.command.env
        command = Command(argv, env, found.command.cwd)
        start = Session.with_terminal if tty else Session.with_pipes
        try:
            return await start(command, running.sandbox, self._reaper, stdin=stdin)
        except (SpawnError, OSError) as error:
            raise RuntimeRefusal(f"exec failed: unable to start process: {error}") from error

    async def attach(self, pod: Obj, container: str, *, stdin: bool) -> Attachment:
        """Join what a container runs; raise RuntimeRefusal where it does not run."""
        found = self._container(pod, container)
        if found.pid is None or found.outputs is None or found.ended is None:
            raise RuntimeRefusal(f'container "{container}" is not running')
        return await Attachment.to(found, found.outputs, found.ended, stdin=stdin)

    def refuses(self, subresource: str) -> str:  # noqa: ARG002 - a sound kubelet serves all
        """Return "": every kind of stream is served."""
        return ""

    def node_socket(self, family: socket.AddressFamily) -> socket.socket:
        """Return a TCP socket on the API server's node: the first, as in small clusters."""
        return _socket_in(next(iter(self.nodes.values())), family)

    async def dial(self, pod: Obj, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port on the pod's own loopback, IPv4 first, as containerd does.

        Raises OSError when nothing listens there or the pod has no network.
        """
        netns = self.sandbox(pod).attachment.netns
        try:
            connected = await connect(netns, socket.AF_INET, ("127.0.0.1", port))
        except ConnectionRefusedError:
            connected = await connect(netns, socket.AF_INET6, ("::1", port))
        return await asyncio.open_connection(sock=connected)

    def sandbox(self, pod: Obj) -> Sandbox:
        """Return a pod's place on the machine; raise ConnectionError where it has none yet."""
        running = self._pods.get(pod["metadata"]["uid"])
        if running is None:
            raise ConnectionError(f"pod {pod['metadata']['name']} has no network yet")
        return running.sandbox

    def _container(self, pod: Obj, name: str) -> Container:
        meta = pod["metadata"]
        running = self._pods.get(meta["uid"])
        if running is None or name not in running.containers:
            where = f"{meta.get('namespace', '')}/{meta['name']}"
            raise RuntimeRefusal(f'container "{name}" in pod "{where}" is waiting to start')
        return running.containers[name]


async def connect(
    netns: NetNS, family: socket.AddressFamily, address: tuple[str, int]
) -> socket.socket:
    """Connect from inside a namespace; raise OSError."""
    sock = _socket_in(netns, family)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _socket_in(netns: NetNS, family: socket.AddressFamily) -> socket.socket:
    with netns:
        return socket.socket(family, socket.SOCK_STREAM)
