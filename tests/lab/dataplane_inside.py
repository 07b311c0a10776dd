"""A program that is a small cluster network: nodes, pods that answer, an outside host, probes.

Run by `dataplane_bench.Bench` as a process of its own, because it unshares. One JSON command per
line in, one JSON answer per line out. There is no API here: objects come as they are.
"""

import contextlib
import json
import os
import selectors
import socket
import sys
import time
from functools import partial
from typing import Any

from netlab.dataplane.clusterstate import ClusterView, NodeInfo
from netlab.dataplane.compiler import DenyMethod, OpenConnectionFate, PlaneOptions
from netlab.dataplane.nft import Nft, NftError, TableLoader
from netlab.dataplane.planes import Dataplane, make_dataplane
from netlab.node import syscalls
from netlab.node.addressplan import OUTSIDE_IPS
from netlab.node.netns import NetNS
from netlab.node.network import Network
from netlab.process import usernamespace

_PACE = 32  # probes begun between two looks at the sockets: a full backlog would look like a drop


class Host:
    """A place with a name, a namespace and sockets that answer with that name."""

    def __init__(self, name: str, netns: NetNS, selector: selectors.DefaultSelector) -> None:
        self.name = name
        self.netns = netns
        self._selector = selector
        self.received: set[str] = set()

    def serve(self, ports: list[int]) -> None:
        with self.netns:
            for port in ports:
                self._listen(port, socket.SOCK_STREAM, self._accept)
                self._listen(port, socket.SOCK_DGRAM, self._answer)

    def _listen(self, port: int, kind: socket.SocketKind, handler: Any) -> None:
        sock = socket.socket(socket.AF_INET6, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            sock.listen(512)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, handler)

    def _accept(self, listener: socket.socket) -> None:
        connection, peer = listener.accept()
        with contextlib.suppress(OSError):
            connection.send(f"{self.name} {peer[0].removeprefix('::ffff:')}".encode())
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, self._echo)

    def _echo(self, connection: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = connection.recv(100)
        if data:
            connection.send(data)
        else:
            self._selector.unregister(connection)
            connection.close()

    def _answer(self, sock: socket.socket) -> None:
        nonce, peer = sock.recvfrom(100)
        self.received.add(nonce.decode())
        with contextlib.suppress(OSError):
            sock.sendto(f"{self.name} {peer[0].removeprefix('::ffff:')}".encode(), peer)


class Probe:
    """One attempt; `result` is what came of it: "<who> <our address there>", dropped, refused."""

    def __init__(self, spec: dict[str, Any], number: int) -> None:
        self.spec = spec
        self.nonce = f"nonce {number}"
        self.result = ""
        self.sock: socket.socket | None = None

    def start(self, host: Host) -> None:
        ip, port, udp = self.spec["ip"], self.spec["port"], self.spec["protocol"] == "UDP"
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        with host.netns:
            self.sock = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self.sock.setblocking(False)
        try:
            self.sock.connect((ip, port))
            if udp:
                self.sock.send(self.nonce.encode())
        except BlockingIOError:
            pass
        except OSError:
            self.result = "refused"

    def read(self, sock: socket.socket) -> None:
        try:
            self.result = sock.recv(100).decode() or "refused"
        except OSError:
            self.result = "refused"


class Cluster:
    """The network, its rules, and the commands."""

    def __init__(self, nodes: int, pods: dict[str, int], ports: list[int], sndbuf: int) -> None:
        network = Network.build(nodes)
        names = list(network.nodes)
        self.selector = selectors.DefaultSelector()
        self.infos = tuple(NodeInfo(n.name, n.addresses.ips) for n in network.nodes.values())
        self.hosts = {n: Host(n, network.nodes[n].netns, self.selector) for n in names}
        self.hosts["outside"] = Host("outside", network.outside, self.selector)
        self.addresses: dict[str, Any] = {info.name: info.ips for info in self.infos}
        self.addresses["outside"] = OUTSIDE_IPS
        for pod, index in pods.items():
            place = network.attach(names[index], host_network=False)
            self.hosts[pod] = Host(pod, place.netns, self.selector)
            self.addresses[pod] = place.ips
        for host in self.hosts.values():
            host.serve(ports)
        self.nfts = []
        for name in names:
            with network.nodes[name].netns:
                self.nfts.append(Nft(send_buffer=sndbuf))
        self.loaders = {name: TableLoader(nft) for name, nft in zip(names, self.nfts, strict=True)}
        self.plane: Dataplane = make_dataplane("enforcing", [])
        self.probes = 0
        self.held: dict[str, socket.socket] = {}

    def plan(self, name: str, defects: list[str], deny: str, established: str) -> None:
        """Choose a dataplane for what follows."""
        self.plane = make_dataplane(
            name, defects, PlaneOptions(DenyMethod(deny), OpenConnectionFate(established))
        )

    def apply(self, objects: dict[str, list[Any]]) -> float:
        """Put objects in force on every node; return the milliseconds it took."""
        start = time.perf_counter()
        view = ClusterView(
            **{kind: tuple(found) for kind, found in objects.items()}, nodes=self.infos
        )
        for node, loader in self.loaders.items():
            loader.load(self.plane.policy_table(view, node))
            loader.load(self.plane.service_table(view, node))
        return (time.perf_counter() - start) * 1000

    def probe(self, specs: list[dict[str, Any]], timeout_s: float) -> list[list[Any]]:
        """Try flows at once; return what each saw, and whether its UDP request arrived."""
        probes = []
        for spec in specs:
            self.probes += 1
            probe = Probe(spec, self.probes)
            probe.start(self.hosts[spec["source"]])
            probes.append(probe)
            if not probe.result and probe.sock:
                self.selector.register(
                    probe.sock, selectors.EVENT_READ, partial(self._collect, probe)
                )
            if len(probes) % _PACE == 0:
                self._look(0)
        deadline = time.monotonic() + timeout_s
        while any(not probe.result for probe in probes) and time.monotonic() < deadline:
            self._look(deadline - time.monotonic())
        arrived = set().union(*(host.received for host in self.hosts.values()))
        for probe in probes:
            self._close(probe)
        return [[probe.result or "dropped", probe.nonce in arrived] for probe in probes]

    def command(self, text: str) -> str:
        """Run nftables commands on the first node; return what they print or what is wrong."""
        try:
            return self.nfts[0].run(text)
        except NftError as error:
            return str(error)

    def hold(self, name: str, source: str, ip: str, port: int, udp: bool) -> str:
        """Connect a socket, keep it, and return what came over it first."""
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        with self.hosts[source].netns:
            sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind)
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect((ip, port))
        self.held[name] = sock
        return self.say(name, "first") if udp else self._read(sock)

    def say(self, name: str, word: str) -> str:
        """Send a word over a connection that is kept; return its echo, or dropped."""
        self.held[name].send(word.encode())
        return self._read(self.held[name])

    def _read(self, sock: socket.socket) -> str:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            self._look(0.01)
            with contextlib.suppress(BlockingIOError):
                return sock.recv(100).decode()
        return "dropped"

    def _collect(self, probe: Probe, sock: socket.socket) -> None:
        probe.read(sock)
        self.selector.unregister(sock)  # what is read once stays readable when it is at its end

    def _look(self, timeout_s: float) -> None:
        while events := self.selector.select(max(0.0, timeout_s)):
            for key, _ in events:
                key.data(key.fileobj)
            timeout_s = 0

    def _close(self, probe: Probe) -> None:
        if probe.sock is None:
            return
        with contextlib.suppress(KeyError):
            self.selector.unregister(probe.sock)
        # A reset, so that no port stays in TIME_WAIT; nothing is on its way any more.
        linger = b"\1\0\0\0\0\0\0\0"
        with contextlib.suppress(OSError):
            probe.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        probe.sock.close()


def main() -> None:
    """Read the layout, then commands, until the other side closes the pipe."""
    usernamespace.enter_user_namespace()
    syscalls.unshare(syscalls.CLONE_NEWNET)
    cluster = Cluster(**json.loads(sys.stdin.readline()))
    _say(cluster.addresses)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        _say(getattr(cluster, command)(**arguments))
    os._exit(0)


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
