"""A lab with 100 agents, a process each, against a bare `ip -batch` that wires 100 namespaces."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.ratio import Ratio

PODS = 100
ROUNDS = 3
NAME = "bench-startup"


def run() -> Ratio:
    """Measure both in turn, so that noise meets both."""
    floors, ours = [], []
    for _ in range(ROUNDS):
        floors.append(_timed(_bare()))
        ours.append(_timed([*_netproof(), "up", "--name", NAME, "--agents", str(PODS)]))
        subprocess.run([*_netproof(), "down", "--name", NAME], check=True, capture_output=True)
    note = f"{PODS} pods Ready"
    return Ratio("lab up", statistics.median(ours), statistics.median(floors), 10.0, note)


def _netproof() -> list[str]:
    return [
        sys.executable,
        "-c",
        "import netproof.front.cli as c; raise SystemExit(c.main())",
        "lab",
    ]


def _timed(command: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began


def _bare() -> list[str]:
    """Return a command that wires the namespaces, inside namespaces of its own.

    Each pod is wired as the lab wires it: an address, a gateway and a route back in both families,
    and permanent neighbours.
    """
    outer = "\n".join(line for n in range(PODS) for line in _outside(n))
    inner = "\n".join(
        f"ip -n n{n} -batch - <<'E'\n" + "\n".join(_inside(n)) + "\nE" for n in range(PODS)
    )
    script = f"mount -t tmpfs none /run\nip -batch - <<'E'\n{outer}\nE\n{inner}\n"
    return ["unshare", "--map-root-user", "--net", "--mount", "sh", "-ec", script]


def _outside(n: int) -> list[str]:
    mac = f"02:00:00:00:00:{n:02x}"
    return [
        f"netns add n{n}",
        f"link add v{n} type veth peer name eth0 address {mac} netns n{n}",
        f"link set v{n} address 02:00:00:00:01:00 up",
        f"neigh add 10.9.0.{n + 1} lladdr {mac} dev v{n} nud permanent",
        f"neigh add fd00:9::{n + 1:x} lladdr {mac} dev v{n} nud permanent",
        f"route add 10.9.0.{n + 1}/32 dev v{n}",
        f"route add fd00:9::{n + 1:x}/128 dev v{n}",
    ]


def _inside(n: int) -> list[str]:
    gateway = "lladdr 02:00:00:00:01:00 dev eth0 nud permanent"
    return [
        "link set lo up",
        "link set eth0 up",
        f"addr add 10.9.0.{n + 1}/32 dev eth0",
        f"addr add fd00:9::{n + 1:x}/128 dev eth0 nodad",
        f"neigh add 169.254.1.1 {gateway}",
        f"neigh add fe80::1 {gateway}",
        "route add 169.254.1.1 dev eth0",
        "route add default via 169.254.1.1",
        "route add default via fe80::1 dev eth0",
    ]
