"""Three network namespaces in a row, client - router - server, made without root.

The router forwards to each of the server's addresses in its own way: openly, into a black hole,
with an ICMP error, or dropping what comes back. Holders are `cat` processes on a pipe of ours, so
everything is gone when the test process is.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, closing

OPEN, DROPPED, UNREACHABLE, PROHIBITED, REPLY_DROPPED = range(10, 15)
"""The last part of the server's addresses, by what the router does."""

ROOTLESS = ("--user", "--map-root-user")
CLIENT = {"IPv4": "10.91.1.2", "IPv6": "fd91:1::2"}
DEAF = {"IPv4": "10.91.1.3", "IPv6": "fd91:1::3"}
"""The client's other addresses: what is sent to them never comes back through the router."""

GATEWAY = {1: ("10.91.1.1", "fd91:1::1"), 2: ("10.91.2.1", "fd91:2::1")}
ROUTER_SETTINGS = (
    "net/ipv4/ip_forward=1",
    "net/ipv4/conf/all/rp_filter=0",
    "net/ipv6/conf/all/forwarding=1",
    "net/ipv4/icmp_ratelimit=0",
    "net/ipv6/icmp/ratelimit=0",
)


def server_address(number: int, family: str) -> str:
    """Return the server's address that the router treats in that way."""
    return f"10.91.2.{number}" if family == "IPv4" else f"fd91:2::{number:x}"


class Namespace:
    """A network namespace that lives as long as its holder."""

    def __init__(self, enter: Sequence[str], options: Sequence[str]) -> None:
        self._holder = subprocess.Popen(
            [*enter, "unshare", *options, "--net", "sh", "-c", "echo ready; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._holder.stdout
        assert self._holder.stderr
        if self._holder.stdout.readline() != b"ready\n":
            why = self._holder.stderr.read().decode().strip()
            self.close()
            raise PermissionError(why)
        self.pid = self._holder.pid
        self.enter = ("nsenter", "-t", str(self.pid), "--user", "--preserve-credentials", "--net")

    def run(self, *command: str, given: str = "") -> None:
        """Run a command inside; fail with what it said where it fails."""
        done = subprocess.run(
            [*self.enter, *command], check=False, text=True, input=given, capture_output=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def ip(self, *lines: str) -> None:
        """Carry out several commands of iproute2 at once."""
        self.run("ip", "-batch", "-", given="\n".join(lines) + "\n")

    def sysctl(self, *settings: str) -> None:
        """Set values below /proc/sys, each `path=value`."""
        pairs = (setting.partition("=") for setting in settings)
        script = " && ".join(f"echo {value} > /proc/sys/{path}" for path, _, value in pairs)
        self.run("sh", "-c", script)

    def close(self) -> None:
        """End the holder, and with it the namespace."""
        for pipe in (self._holder.stdin, self._holder.stdout, self._holder.stderr):
            if pipe:
                pipe.close()
        self._holder.wait()


class AgentNetwork:
    """The three namespaces, wired."""

    def __init__(self) -> None:
        """Make them; raise OSError where this machine does not let us."""
        for tool in ("unshare", "nsenter", "ip"):
            if not shutil.which(tool):
                raise FileNotFoundError(2, "no such program", tool)
        with ExitStack() as stack:
            self.router = stack.enter_context(closing(Namespace((), ROOTLESS)))
            self.client = stack.enter_context(closing(Namespace(self.router.enter, ())))
            self.server = stack.enter_context(closing(Namespace(self.router.enter, ())))
            self._wire()
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End the namespaces."""
        self._stack.close()

    def _wire(self) -> None:
        self.router.sysctl(*ROUTER_SETTINGS)
        clients = [(CLIENT["IPv4"], CLIENT["IPv6"]), (DEAF["IPv4"], DEAF["IPv6"])]
        servers = [_pair(number) for number in range(OPEN, REPLY_DROPPED + 1)]
        for number, end, addresses in ((1, self.client, clients), (2, self.server, servers)):
            self.router.ip(*_router_leg(number, end.pid, addresses))
            end.ip(*_leg(number, addresses))
        self.client.ip(*_from_deaf(REPLY_DROPPED))
        self.router.ip(
            *_refusals(DROPPED, "blackhole"),
            *_refusals(UNREACHABLE, "unreachable"),
            *_refusals(PROHIBITED, "prohibit"),
            *(f"route add blackhole {address}" for address in DEAF.values()),
        )


def _pair(number: int) -> tuple[str, str]:
    return server_address(number, "IPv4"), server_address(number, "IPv6")


def _mac(number: int, side: int) -> str:
    return f"02:91:00:00:{number:02}:{side:02}"


def _router_leg(number: int, pid: int, addresses: Sequence[tuple[str, str]]) -> list[str]:
    v4, v6 = GATEWAY[number]
    near, far = _mac(number, 1), _mac(number, 2)
    peer = f"peer name eth0 address {far} netns {pid}"
    return [
        f"link add leg{number} address {near} type veth {peer}",
        f"addr add {v4}/24 dev leg{number}",
        f"addr add {v6}/64 dev leg{number} nodad",
        f"link set leg{number} up",
        *(_neighbour(one, far, f"leg{number}") for pair in addresses for one in pair),
    ]


def _leg(number: int, addresses: Sequence[tuple[str, str]]) -> list[str]:
    v4, v6 = GATEWAY[number]
    return [
        "link set lo up",
        *(f"addr add {one}/24 dev eth0" for one, _ in addresses),
        *(f"addr add {one}/64 dev eth0 nodad" for _, one in addresses),
        "link set eth0 up",
        *(_neighbour(one, _mac(number, 1), "eth0") for one in (v4, v6)),
        f"route add default via {v4}",
        f"route add ::/0 via {v6} src {addresses[0][1]}",
    ]


def _neighbour(address: str, mac: str, device: str) -> str:
    """Word a neighbour that is known for good: finding one takes the first packets a second."""
    return f"neigh add {address} lladdr {mac} dev {device} nud permanent"


def _from_deaf(number: int) -> list[str]:
    """Have the client speak to one of the server's addresses from one that hears nothing."""
    to, via = _pair(number), GATEWAY[1]
    return [
        f"route add {to[n]} via {via[n]} src {DEAF[family]}"
        for n, family in enumerate(("IPv4", "IPv6"))
    ]


def _refusals(number: int, how: str) -> list[str]:
    v4, v6 = _pair(number)
    return [f"route add {how} {v4}/32", f"route add {how} {v6}/128"]
