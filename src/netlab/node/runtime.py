"""What the API's streaming endpoints do to pods: logs, exec, attach, and dialling into one.

And the same with a deliberate fault: runtimes that forward ports as no container runtime should.
Must not know: HTTP, or what decides that a pod runs.
"""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from netlab.node import processes
from netlab.node.container import (
    Container,
    ContainerAttachment,
    ContainerCommand,
    set_terminal_size,
)
from netlab.node.netns import NetNS
from netlab.node.outputs import pipe_reader, pipe_writer
from netlab.node.processes import SpawnError, Stdio
from netlab.node.reaping import Reaper
from netlab.node.sandbox import Sandbox
from netlab.problems import RuntimeRefusal


class Forwarding(Enum):
    """What a kubelet does when a port is to be forwarded."""

    TO_LOOPBACK = "dials loopback inside the pod"
    TO_POD_IP = "dials the pod's address over the network"
    REFUSED = "refuses"


# Probes are exec'ed; what answers them is not. Measured: with equal priority a hundred of them
# at once starve the answering side, and its silence looks like a dropped packet.
# Relative to the lab's own niceness, below which an ordinary user may not set it.
_NICENESS = 10


class CommandSession:
    """A running command: streams, exit status, and the end of it when the client leaves."""

    def __init__(
        self, pid: int, ended: "asyncio.Future[int]", *, terminal: int | None = None
    ) -> None:
        self._pid = pid
        self._ended = ended
        self._terminal = terminal
        ended.add_done_callback(self._close_terminal)
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader = asyncio.StreamReader()
        self.stderr: asyncio.StreamReader | None = None

    async def wait(self) -> int:
        """Return the exit status, 128 + signal for one that was killed."""
        return await asyncio.shield(self._ended)

    def kill(self) -> None:
        """End the command and its process group."""
        if not self._ended.done():
            processes.signal_group(self._pid, signal.SIGKILL)

    def resize(self, rows: int, cols: int) -> None:
        """Tell the terminal its size; without one there is nothing to tell."""
        if self._terminal is not None and not self._ended.done():
            set_terminal_size(self._terminal, (rows, cols))

    @classmethod
    async def with_pipes(
        cls, command: ContainerCommand, sandbox: Sandbox, reaper: Reaper, *, stdin: bool
    ) -> "CommandSession":
        """Start a command with pipes for its output and, if asked for, its input."""
        ours, theirs = _session_pipes(stdin=stdin)
        stdio = Stdio(stdin=theirs[0], stdout=theirs[1], stderr=theirs[2])
        session = _start_session(command, sandbox, reaper, stdio=stdio, ours=ours)
        if stdin:
            session.stdin = await pipe_writer(ours.pop(0))
        session.stdout = await pipe_reader(ours[0])
        session.stderr = await pipe_reader(ours[1])
        return session

    @classmethod
    async def with_terminal(
        cls, command: ContainerCommand, sandbox: Sandbox, reaper: Reaper, *, stdin: bool
    ) -> "CommandSession":
        """Start a command on a terminal of its own."""
        ours, theirs = os.openpty()
        stdio = Stdio(terminal=os.ttyname(theirs))
        try:
            terminal = os.dup(ours)
            ends = [ours, terminal]
            session = _start_session(
                command, sandbox, reaper, stdio=stdio, ours=ends, terminal=terminal
            )
        finally:
            os.close(theirs)
        if stdin:
            session.stdin = await pipe_writer(os.dup(ours))
        session.stdout = await pipe_reader(ours)
        return session

    def _close_terminal(self, _: "asyncio.Future[int]") -> None:
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None


def _session_pipes(*, stdin: bool) -> tuple[list[int], list[int]]:
    """Make pipes; return our ends and theirs, in the order of the standard streams."""
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    ours, theirs = [out_read, err_read], [-1, out_write, err_write]
    if stdin:
        theirs[0], in_write = os.pipe()
        ours.insert(0, in_write)
    return ours, theirs


def _start_session(
    command: ContainerCommand,
    sandbox: Sandbox,
    reaper: Reaper,
    *,
    stdio: Stdio,
    ours: list[int],
    terminal: int | None = None,
) -> CommandSession:
    try:
        with sandbox.entered():
            pid = processes.spawn(command.argv, command.env, stdio, cwd=command.cwd)
    except BaseException:
        for fd in ours:
            os.close(fd)
        raise
    finally:
        for fd in (stdio.stdin, stdio.stdout, stdio.stderr):
            if fd >= 0:
                os.close(fd)
    session = CommandSession(pid, reaper.watch(pid), terminal=terminal)
    os.setpriority(os.PRIO_PGRP, pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
    return session


Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunningPod:
    """A pod that has a sandbox, with its containers by name; without one it has completed.

    `built_in` pods are served by the lab itself: they have a network place but no process.
    """

    sandbox: Sandbox | None
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
        target = self._container(pod, container)
        if not previous:
            return target.log.snapshot()
        if target.previous_log is None:
            name = pod["metadata"]["name"]
            message = f'previous terminated container "{container}" in pod "{name}" not found'
            raise RuntimeRefusal(message)
        return target.previous_log.snapshot()

    def follow(self, pod: Obj, container: str) -> AsyncIterator[bytes]:
        """Yield a container's output from its first kept byte until the container ends."""
        return self._container(pod, container).log.follow()

    async def exec(
        self, pod: Obj, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> CommandSession:
        """Start a command beside a running container; raise RuntimeRefusal."""
        target = self._container(pod, container)
        running = self._pods[pod["metadata"]["uid"]]
        if target.pid is None and not running.built_in:
            raise RuntimeRefusal(f'container "{container}" is not running')
        env = {**target.command.env, "TERM": "xterm"} if tty else target.command.env
        command = ContainerCommand(argv, env, target.command.cwd)
        start = CommandSession.with_terminal if tty else CommandSession.with_pipes
        try:
            return await start(command, self.sandbox(pod), self._reaper, stdin=stdin)
        except (SpawnError, OSError) as error:  # a pod without network among them
            raise RuntimeRefusal(f"exec failed: unable to start process: {error}") from error

    async def attach(self, pod: Obj, container: str, *, stdin: bool) -> ContainerAttachment:
        """Join what a container runs; raise RuntimeRefusal where it does not run."""
        target = self._container(pod, container)
        if target.pid is None or target.outputs is None or target.ended is None:
            raise RuntimeRefusal(f'container "{container}" is not running')
        return await ContainerAttachment.to(target, target.outputs, target.ended, stdin=stdin)

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
        """Return a pod's place on the machine; raise ConnectionError where it has none."""
        running = self._pods.get(pod["metadata"]["uid"])
        if running is None or running.sandbox is None:
            when = "yet" if running is None else "any more"
            raise ConnectionError(f"pod {pod['metadata']['name']} has no network {when}")
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
