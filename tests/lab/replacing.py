"""A program that replaces a table over and over, while another floods an address that it denies.

Run in network and user namespaces of its own; prints how many packets were sent and got through.
"""

import json
import socket
import subprocess
import sys

from netlab.dataplane import addresses, rulesets
from netlab.dataplane.addresses import NftFamily
from netlab.dataplane.nft import Nft, TableLoader
from netlab.dataplane.rulesets import NamedSets, NftChain, NftTable

DENIED = [f"127.0.0.{n}" for n in (2, 3, 4, 9)]
PORT = 4000
FLOOD = f"""
import socket, sys, time
s, end, n = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), time.time() + float(sys.argv[1]), 0
while time.time() < end:
    for _ in range(100):
        try:
            n += 1
            s.sendto(b"x", ("127.0.0.3", {PORT}))
        except PermissionError:
            pass
print(n)
"""


def table(number: int) -> NftTable:
    """Return a table that denies the same as any other, and differs in what it allows."""
    sets = NamedSets()
    pods = addresses.of_ips(map(addresses.parse_ip, DENIED)).of(NftFamily.V4)
    other = addresses.parse_ip(f"10.0.0.{number}")
    rules = (
        f"ip daddr {other} accept",
        f"{rulesets.match_addresses(sets, NftFamily.V4, 'daddr', pods)} counter drop",
    )
    hook = "type filter hook input priority filter; policy accept"
    return NftTable("replaced", sets.all(), (NftChain("input", rules, hook),))


def main(seconds: float) -> None:
    """Replace the table for some seconds and print what the flood came to."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.bind(("127.0.0.3", PORT))
    here.setblocking(False)
    loader = TableLoader(Nft())
    loader.load(table(1))
    command = [sys.executable, "-c", FLOOD, str(seconds)]
    changes = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as flood:
        while flood.poll() is None:
            changes += 1
            loader.load(table(changes % 2))
        sent = int(flood.communicate()[0])
    print(json.dumps({"sent": sent, "changes": changes, "through": _arrived(here)}))


def _arrived(here: socket.socket) -> int:
    count = 0
    while True:
        try:
            here.recv(16)
        except BlockingIOError:
            return count
        count += 1


if __name__ == "__main__":
    main(float(sys.argv[1]))
