"""A lab with a bad network and an API server that hangs, measured with packets and calls."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator

import pytest

from tests.lab.lab_api import Cluster, cluster, ips

DELAY_S, LOSS, STALL_S = 0.1, 0.1, 0.3
DATAGRAMS = 200

# Sends numbered datagrams, and prints after how long each was answered.
MEASURE = """
import json, select, socket, sys, time
host, count = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
s.connect((host, 8080))
sent, took = [], []
while len(sent) < count or select.select([s], [], [], 0.6)[0]:
    if len(sent) < count:
        sent.append(time.monotonic())
        s.send(b"%d" % (len(sent) - 1))
    if select.select([s], [], [], 0.001)[0]:
        number = int(s.recv(100))
        took.append(time.monotonic() - sent[number])
print(json.dumps(sorted(took)))
"""
MIRROR = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", 8080))
while True:
    s.sendto(*s.recvfrom(100))
"""


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a lab in which nothing goes well, with two pods on a node and one on the other."""
    arguments = ("--delay", str(DELAY_S), "--loss", str(LOSS), "--stall", str(STALL_S))
    with cluster(tmp_path_factory.mktemp("bad") / "lab", *arguments) as running:
        for name, node in (("here", 0), ("beside", 0), ("there", 1)):
            container = {"name": "c", "image": "none", "command": ["python3", "-c", MIRROR]}
            running.create(name, {"containers": [container], "nodeName": f"lab-node-{node}"})
            running.ready(name)
        yield running


@pytest.mark.parametrize(("to", "family"), [("beside", 0), ("there", 1)])
def test_packets_are_late_and_get_lost(bad: Cluster, to: str, family: int) -> None:
    """On a node and between nodes alike, in both families, once for every way.

    Of 200 round trips with 10 % of loss each way 38 are expected to fail, give or take 6.
    """
    host = ips(bad.pod(to))[family]
    took = json.loads(bad.run("here", "python3", "-c", MEASURE, host, str(DATAGRAMS)))
    lost = DATAGRAMS - len(took)
    assert 12 <= lost <= 70
    assert DELAY_S <= took[0]
    assert DELAY_S * 1.9 > took[len(took) // 10]  # twice would be a delay too many; busy is slower


def test_the_api_hangs_for_so_long_at_intervals(bad: Cluster) -> None:
    """A call that meets the stall is answered, after it; others are answered at once."""
    end = time.monotonic() + 3 * STALL_S + 0.5
    took = []
    while time.monotonic() < end:
        began = time.monotonic()
        bad.api.list_namespace()
        took.append(time.monotonic() - began)
    assert [t for t in took if t >= STALL_S * 0.9]
    assert statistics.median(took) < STALL_S / 2
