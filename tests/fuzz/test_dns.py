"""DNS messages of whatever bytes: to the lab's server, and to the agent that asked one."""

from __future__ import annotations

import asyncio
import struct
from ipaddress import ip_address

import pytest
from hypothesis import strategies as st

from netlab.controllers.dns import ClusterDns
from netlab.objects.registry import Registry
from netlab.objects.store import Store
from netproof.probe import agent
from tests.fuzz.rounds import attack_for

LABELS = [b"x", b"shop", b"svc", b"pod", b"cluster", b"local", b"\xff", b"a" * 63]
NAME = st.lists(st.sampled_from(LABELS), max_size=12).map(
    lambda labels: b"".join(bytes([len(one)]) + one for one in labels) + b"\0"
)
KIND = st.sampled_from([b"\0\1\0\1", b"\0\x1c\0\1", b"\0\1\0\xff", b"", b"\0"])
HEAD = st.sampled_from([b"\0\1\1\0\0\1\0\0\0\0\0\0", b"\0\1\1\0\0\1\0\0\0\0\0\1", b"\0" * 12])
REST = st.sampled_from([b"", b"\0\0\x29\xff\xff", b"\0\0\x29\0\0"]) | st.binary(max_size=20)
QUERIES = st.tuples(HEAD, NAME, KIND, REST).map(b"".join) | st.binary(max_size=80)
TOO_LONG = b"\0\1\1\0\0\1\0\0\0\0\0\0" + (b"\x3f" + b"a" * 63) * 1023 + b"\0\0\1\0\1"


@pytest.fixture
def names() -> ClusterDns:
    """Return the DNS of a cluster with a Service, a headless one and a pod."""
    store = Store()
    for plural, body in (
        ("namespaces", {"metadata": {"name": "shop"}}),
        ("services", {"metadata": SHOP, "spec": {"clusterIPs": ["10.96.0.9", "fd00::9"]}}),
        ("pods", {"metadata": SHOP, "status": {"podIPs": [{"ip": "10.244.0.2"}]}}),
    ):
        store.create(plural, body)
    return ClusterDns(store, Registry(store))


SHOP = {"name": "x", "namespace": "shop"}


def test_the_labs_server(names: ClusterDns, failures: list[str]) -> None:
    """What is no query gets no answer; what is one gets a message that a client can read."""

    def attack(data: bytes) -> None:
        for udp in (True, False):
            said = names.answer(data, udp=udp)
            assert said is None or (said[:2] == data[:2] and len(said) < 2**16)

    attack_for(QUERIES, attack, known=[TOO_LONG])
    assert failures == []


class _Written:
    """Takes what a server writes."""

    def __init__(self) -> None:
        self.closed = False

    def write(self, data: bytes) -> None:
        assert int.from_bytes(data[:2], "big") == len(data) - 2

    async def drain(self) -> None:
        """Have it all taken."""

    def close(self) -> None:
        self.closed = True


def test_the_labs_server_by_tcp(names: ClusterDns, failures: list[str]) -> None:
    """Any number of framed messages, lengths that are wrong, and an end anywhere."""
    framed = QUERIES.map(lambda data: len(data).to_bytes(2, "big") + data)

    async def conversation(pieces: list[bytes]) -> None:
        reader, writer = asyncio.StreamReader(), _Written()
        for piece in pieces:
            reader.feed_data(piece)
        reader.feed_eof()
        await names._serve_stream(reader, writer)  # type: ignore[arg-type]
        assert writer.closed

    def attack(pieces: list[bytes]) -> None:
        asyncio.run(conversation(pieces))

    attack_for(st.lists(framed | st.binary(max_size=9), max_size=5), attack)
    assert failures == []


MESSAGE = agent.question("web.shop.svc.cluster.local.", 1)
POINTED = st.sampled_from([b"\xc0\x0c", b"\xc0\xff", b"\xff", b"\x3fa", b"\1a\0", b"\0"])
RECORD = st.builds(
    lambda name, kind, length, data: name + struct.pack("!2HIH", kind, 1, 5, length) + data,
    POINTED,
    st.sampled_from([1, 28, 5, 41]),
    st.sampled_from([0, 4, 16, 65535]),
    st.binary(max_size=20),
)
REPLIES = st.one_of(
    st.builds(
        lambda flags, count, records: (
            MESSAGE[:2]
            + struct.pack("!5H", flags, 1, count, 0, 0)
            + MESSAGE[12:]
            + b"".join(records)
        ),
        st.sampled_from([0x8180, 0x8183, 0x8182, 0x8380, 0x0100, 0]) | st.integers(0, 65535),
        st.sampled_from([0, 1, 2, 65535]),
        st.lists(RECORD, max_size=4),
    ),
    st.binary(max_size=120),
)


def test_the_agents_reading() -> None:
    """A reply is addresses and a code, an error of ours, or not yet whole; nothing else."""

    def attack(data: bytes) -> None:
        for whole in (True, False):
            said = agent.answer(data, MESSAGE, whole)
            if said is None:
                assert not whole
                continue
            code, found = said
            if code == agent.ERROR:
                assert found
                continue
            assert code in range(16)
            assert all(ip_address(one) for one in found)
            outcome, _ = agent.judged(code, found, ["10.96.0.9"])
            assert outcome in (agent.CONNECTED, agent.ERROR)

    attack_for(REPLIES, attack, known=[b"", MESSAGE, MESSAGE[:12] + b"\xc0\x0c" * 9])


def test_the_agents_questions() -> None:
    """A name of any form is asked for, or refused in a way that ends that probe alone."""

    def attack(name: str) -> None:
        try:
            asked = agent.question(name, 28)
        except (ValueError, UnicodeError):
            return
        assert asked[2:4] == b"\1\0"

    attack_for(st.text(max_size=80) | st.sampled_from(["a" * 300, "\ud800", "." * 99]), attack)
