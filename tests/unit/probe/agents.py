"""Real agents as processes of this machine, and streams to them over pipes."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from netproof.model.flow import Endpoint
from netproof.model.workload import Port
from netproof.probe.agentcommand import relay_command, serve_command
from netproof.probe.channel import Channel
from netproof.probe.identity import control_name
from netproof.probe.messages import agent_key, sealed_request

READY_S = 30.0
SECRET = "the run's own"


def packets_received(sock: socket.socket) -> int:
    """Return how many packets a TCP connection got (tcpi_segs_in of linux/tcp.h)."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int.from_bytes(info[140:144], sys.byteorder)


class PipeStream:
    """A command's standard streams, with the manners that `channel.Stream` asks for."""

    def __init__(self, command: Sequence[str], prefix: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    def send(self, data: bytes) -> None:
        try:
            _pipe(self.process.stdin).write(data)
        except OSError as error:
            raise EOFError(str(error)) from error

    def receive(self, timeout_s: float) -> bytes:
        out = _pipe(self.process.stdout)
        poll = select.poll()
        poll.register(out, select.POLLIN)
        if not poll.poll(timeout_s * 1000):
            return b""
        data = os.read(out.fileno(), 1 << 18)
        if not data:
            raise EOFError(_pipe(self.process.stderr).read().decode().strip())
        return data

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            _pipe(pipe).close()


class PipeOpener:
    """Runs commands on this machine, or in the network namespace of a source, and counts them."""

    def __init__(self, prefixes: dict[str, Sequence[str]] | None = None) -> None:
        self.opened: list[PipeStream] = []
        self._prefixes = prefixes or {}

    def open(self, source: Endpoint, command: Sequence[str]) -> PipeStream:
        self.opened.append(PipeStream(command, self._prefixes.get(source.name, ())))
        return self.opened[-1]

    def close(self) -> None:
        """End all that was opened."""
        for stream in self.opened:
            stream.close()


@dataclass
class Agent:
    """A running agent; `ports` are the ones it got, by (protocol, family)."""

    identity: str
    process: subprocess.Popen[bytes]
    ports: dict[tuple[str, str], int] = field(default_factory=dict)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Agents:
    """Agents of one instance; all of them end with the block."""

    def __init__(self) -> None:
        self.instance = uuid.uuid4().hex[:12]
        self.running: list[Agent] = []

    def __enter__(self) -> Agents:
        return self

    def __exit__(self, *_: object) -> None:
        for agent in self.running:
            agent.kill()
            if agent.process.stdout:
                agent.process.stdout.close()

    def launch(
        self,
        identity: str,
        ports: Sequence[Port],
        listen: Sequence[str] = (),
        prefix: Sequence[str] = (),
        changed: Callable[[str], str] = str,
    ) -> Agent:
        """Start an agent without waiting for it; `changed` changes the words of its command."""
        command = [*map(changed, serve_command(identity, ports, self.instance, SECRET, listen))]
        process = subprocess.Popen(
            [*prefix, sys.executable, *command[1:]], stdout=subprocess.PIPE, bufsize=0
        )
        self.running.append(Agent(identity, process))
        return self.running[-1]

    def wait(self, agent: Agent) -> Agent:
        """Return the agent once it has said that it is ready."""
        out = _pipe(agent.process.stdout)
        poll = select.poll()
        poll.register(out, select.POLLIN)
        assert poll.poll(READY_S * 1000)
        assert os.read(out.fileno(), 4096).startswith(b"netproof-agent ready")
        return agent

    def start(
        self,
        identity: str,
        ports: Sequence[Port] = (),
        listen: Sequence[str] = ("127.0.0.1",),
        changed: Callable[[str], str] = str,
    ) -> Agent:
        """Start an agent, wait for it and learn its ports."""
        agent = self.wait(self.launch(identity, ports, listen, changed=changed))
        for number, protocol, family in self.hello(identity)["serving"]:
            agent.ports[protocol, family] = number
        return agent

    def hello(self, identity: str) -> dict[str, Any]:
        """Return what an agent says of itself."""
        return self.ask(identity, {"op": "hello"}, lambda _: True)[0]

    def ask(
        self,
        identity: str,
        request: Mapping[str, object],
        is_last: Callable[[Mapping[str, Any]], bool],
    ) -> list[dict[str, Any]]:
        """Return an agent's answers to one request, over a relay for it alone."""
        replies: list[dict[str, Any]] = []

        def take(reply: Mapping[str, Any]) -> bool:
            replies.append(dict(reply))
            return is_last(reply)

        channel = self.channel(identity)
        try:
            channel.ask(request, dict, take, deadline_s=READY_S)
        finally:
            channel.close()
        return replies

    def sealed(self, identity: str, session: str, *requests: bytes) -> bytes:
        """Return requests as an agent takes them."""
        key = agent_key(SECRET, identity, self.instance)
        return b"".join(sealed_request(one, key, session) for one in requests)

    def dialled(self, identity: str) -> socket.socket:
        """Return a connection to an agent's control socket."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(f"\0{control_name(identity, self.instance)}")
        sock.settimeout(READY_S)
        return sock

    def channel(self, identity: str, opener: PipeOpener | None = None) -> Channel:
        """Return a channel to an agent, over a relay of its own."""
        command = relay_command(identity, self.instance)
        key = agent_key(SECRET, identity, self.instance)
        return Channel(opener or PipeOpener(), Endpoint.pod(identity), command, key)


@contextmanager
def answering_udp(answer: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """Answer datagrams until the block ends; yield the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                try:
                    data, peer = sock.recvfrom(2000)
                except TimeoutError:
                    continue
                reply = answer(data)
                if reply is not None:
                    sock.sendto(reply, peer)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            over.set()
            thread.join()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
