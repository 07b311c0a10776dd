"""The test's end of `dataplane_inside`: starts it, and speaks of pods and flows instead of JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.unit.netlab.dataplane.objects import pod

Obj = dict[str, Any]

_ROOT = Path(__file__).parents[2]


class Flow(NamedTuple):
    """From a host, by name, to an address."""

    source: str
    ip: str
    port: int
    protocol: str = "TCP"


class Seen(NamedTuple):
    """What a probe saw: "<who> <source address there>", dropped or refused; and the far end."""

    result: str
    request_arrived: bool

    @property
    def who(self) -> str:
        """Who answered, or that nobody did."""
        return self.result.partition(" ")[0]

    @property
    def as_whom(self) -> str:
        """The address that the one who answered saw."""
        return self.result.partition(" ")[2]


@dataclass
class Bench:
    """A cluster network with pods that answer on some ports; use it as a context."""

    pods: dict[str, int]  # name -> number of its node
    ports: tuple[int, ...] = (80, 81, 8080)
    nodes: int = 2
    send_buffer: int = 8 << 20
    addresses: dict[str, list[str]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        path = os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.dataplane_inside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        layout = {"nodes": self.nodes, "pods": self.pods, "ports": self.ports}
        self.addresses = self._exchange({**layout, "sndbuf": self.send_buffer})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def plan(
        self,
        name: str = "enforcing",
        *,
        defects: Iterable[str] = (),
        deny: str = "drop",
        established: str = "kept",
    ) -> None:
        """Choose a dataplane for what follows."""
        self._call("plan", name=name, defects=list(defects), deny=deny, established=established)

    def apply(self, objects: dict[str, list[Obj]]) -> float:
        """Put objects in force; return the milliseconds it took."""
        return float(self._call("apply", objects=objects))

    def probe(self, flows: Iterable[Flow], *, timeout_s: float = 0.4) -> list[Seen]:
        """Try flows at once; return what each saw."""
        specs = [flow._asdict() for flow in flows]
        return [Seen(*one) for one in self._call("probe", specs=specs, timeout_s=timeout_s)]

    def who(self, source: str, ip: str, port: int = 80, protocol: str = "TCP") -> str:
        """Try one flow; return who answered, dropped or refused."""
        return self.probe([Flow(source, ip, port, protocol)])[0].who

    def command(self, text: str) -> str:
        """Run nftables commands on the first node; return what they print or what is wrong."""
        return str(self._call("command", text=text))

    def hold(self, name: str, source: str, ip: str, port: int, *, udp: bool = False) -> str:
        """Connect a socket and keep it; return what came over it first."""
        return str(self._call("hold", name=name, source=source, ip=ip, port=port, udp=udp))

    def say(self, name: str, word: str) -> str:
        """Send a word over a kept connection; return its echo, or dropped."""
        return str(self._call("say", name=name, word=word))

    def pod(self, name: str, *, namespace: str = "default", **more: Any) -> Obj:
        """Return the object of a pod of the bench; see the function `pod`."""
        node = f"lab-node-{self.pods[name]}"
        return pod(name, namespace=namespace, node=node, ips=self.addresses[name], **more)

    def _call(self, command: str, **arguments: Any) -> Any:
        return self._exchange([command, arguments])

    def _exchange(self, message: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the bench died; its traceback is on stderr"
        return json.loads(line)
