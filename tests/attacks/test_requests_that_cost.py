"""Small requests that make the lab work for minutes or fill the memory: each ends soon, refused."""

from __future__ import annotations

import asyncio
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netlab.http import calls
from netlab.http.streams import spdyframes
from netlab.http.streams.spdysession import MAX_STREAMS, SpdySession
from netlab.objects.limits import MAX_BODY, MAX_HISTORY
from netlab.objects.store import Store
from tests.attacks.labapi import LabApi

SOON_S = 10.0
"""What no request may take on a busy machine; those that are refused take a hundredth."""

MEMORY = 400 * 1024 * 1024

CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
PODS = "/api/v1/namespaces/shop/pods"
JSON_PATCH, MERGE = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
YAML = "application/yaml"


@pytest.fixture
def shop(api: LabApi) -> LabApi:
    """Return a server with a ConfigMap and a pod."""
    body: dict[str, Any] = {"metadata": {"name": "x"}, "data": {"a": "b" * 1000}}
    assert api.ask("POST", CONFIG_MAPS, body).code == 201
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert api.ask("POST", PODS, pod).code == 201
    return api


@contextmanager
def traced_memory() -> Iterator[list[int]]:
    """Yield a list that holds the largest number of bytes in use, when it is over."""
    peak: list[int] = []
    tracemalloc.start()
    try:
        yield peak
    finally:
        peak.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()


def copies(count: int) -> Any:
    """Return a JSON patch that doubles a list with each operation."""
    first = {"op": "add", "path": "/data/l", "value": ["x" * 100]}
    return [first, *({"op": "copy", "from": "/data/l", "path": "/data/l/-"} for _ in range(count))]


def laughs(levels: int, *, merge: bool = False) -> bytes:
    """Return YAML whose aliases stand for ten to the power of `levels` values."""
    lines = ['a0: &a0 {k: "v"}' if merge else 'a0: &a0 ["v"]']
    for level in range(1, levels):
        listed = ",".join([f"*a{level - 1}"] * 10)
        value = f"{{<<: [{listed}], k{level}: v}}" if merge else f"[{listed}]"
        lines.append(f"a{level}: &a{level} {value}")
    return "\n".join(lines).encode()


def text(count: int, unit: str) -> bytes:
    return unit.encode() * count


def keyed(count: int) -> Any:
    items = [{"name": f"c{number}", "image": "i"} for number in range(count)]
    return {"spec": {"containers": items, "$setElementOrder/containers": items}}


def many(count: int) -> list[str]:
    return [f"example.com/f{number}" for number in range(count)]


COSTLY: dict[str, Callable[[], tuple[str, str, Any, str]]] = {
    "copies in a JSON patch": lambda: ("PATCH", f"{CONFIG_MAPS}/x", copies(24), JSON_PATCH),
    "copies of the whole": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x",
        [{"op": "copy", "from": "", "path": "/data/a"}] * 40,
        JSON_PATCH,
    ),
    "operations without end": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x",
        [{"op": "test", "path": "/data/a", "value": "b"}] * 10_001,
        JSON_PATCH,
    ),
    "as many operations as are allowed": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x",
        [{"op": "add", "path": f"/data/k{number}", "value": "v"} for number in range(10_000)],
        JSON_PATCH,
    ),
    "aliases of YAML": lambda: ("POST", CONFIG_MAPS, laughs(9), YAML),
    "aliases of YAML, applied": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x?fieldManager=m",
        laughs(9),
        APPLY,
    ),
    "merged aliases of YAML": lambda: ("POST", CONFIG_MAPS, laughs(9, merge=True), YAML),
    "a long string by aliases": lambda: (
        "POST",
        CONFIG_MAPS,
        b"a: &a " + text(500_000, "x") + b"\nb: [" + text(5_000, "*a,") + b"]",
        YAML,
    ),
    "a number to the base of 60": lambda: (
        "POST",
        CONFIG_MAPS,
        b"a: 1" + text(1_000_000, ":1"),
        YAML,
    ),
    "lists in lists of YAML": lambda: ("POST", CONFIG_MAPS, text(1_000_000, "["), YAML),
    "values of YAML": lambda: ("POST", CONFIG_MAPS, text(700_000, "- a\n"), YAML),
    "lists in lists of JSON": lambda: ("POST", CONFIG_MAPS, text(3_000_000, "["), MERGE),
    "values of JSON": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x",
        b'{"data":[' + text(1_000_000, "1,") + b"1]}",
        MERGE,
    ),
    "an object that is too large": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x",
        {"data": {"b": "x" * 2_000_000}},
        MERGE,
    ),
    "a body that is too large": lambda: ("POST", CONFIG_MAPS, text(MAX_BODY + 1, " "), MERGE),
    "items with keys": lambda: ("PATCH", f"{PODS}/p", keyed(15_000), STRATEGIC),
    "items with keys, applied": lambda: (
        "PATCH",
        f"{PODS}/p?fieldManager=m",
        {"spec": {"containers": keyed(15_000)["spec"]["containers"]}},
        APPLY,
    ),
    "finalizers": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x",
        {"metadata": {"finalizers": many(50_000)}},
        STRATEGIC,
    ),
    "fields that nobody knows": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x",
        {f"unknown{number}": 1 for number in range(90_000)},
        MERGE,
    ),
    "wrong labels": lambda: (
        "PATCH",
        f"{CONFIG_MAPS}/x",
        {"metadata": {"labels": {f"!{number}": "!" * 20 for number in range(40_000)}}},
        MERGE,
    ),
    "a long wrong name": lambda: (
        "POST",
        CONFIG_MAPS,
        {"metadata": {"name": "a-." * 900_000}},
        "application/json",
    ),
    "protobuf fields": lambda: (
        "POST",
        CONFIG_MAPS,
        b"k8s\x00" + text(1_500_000, "\x08\x01"),
        "application/vnd.kubernetes.protobuf",
    ),
}


@pytest.mark.parametrize("attack", COSTLY)
def test_a_write_that_costs(shop: LabApi, attack: str) -> None:
    """It is refused or done in time, and the lab answers on."""
    method, path, body, kind = COSTLY[attack]()
    answer = shop.ask(method, path, body, kind=kind)
    assert answer.code < 500, answer.text[:500]
    assert answer.seconds < SOON_S
    assert shop.ask("GET", f"{CONFIG_MAPS}/x").code == 200


@pytest.mark.parametrize("attack", ["copies in a JSON patch", "aliases of YAML"])
def test_a_write_that_fills_the_memory(shop: LabApi, attack: str) -> None:
    """The bytes that it takes are bounded as well."""
    method, path, body, kind = COSTLY[attack]()
    with traced_memory() as peak:
        shop.ask(method, path, body, kind=kind)
    assert peak[0] < MEMORY


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"{PODS}?labelSelector=" + "a%20in%20(b)," * 15_000, 400),
        ("GET", f"{PODS}?labelSelector=" + "(" * 200_000, 400),
        ("GET", f"{PODS}?labelSelector=a%20in%20(" + "," * 200_000, 400),
        ("GET", f"{PODS}?labelSelector=a%20in%20(" + "b," * 100_000 + "b)", 200),
        ("GET", f"{PODS}?labelSelector=" + "a%20" * 50_000, 400),
        ("GET", f"{PODS}?labelSelector=a" + "%20" * 60_000 + "!", 400),
        ("GET", f"{PODS}?labelSelector=" + "a!=b," * 40_000, 400),
        ("GET", f"{PODS}?fieldSelector=" + "metadata.name!=b," * 10_000, 400),
        ("GET", f"{PODS}?fieldSelector=" + "a" * 200_000, 400),
        ("DELETE", f"{PODS}?labelSelector=" + "a,(" * 60_000, 400),
    ],
    ids=lambda value: str(value)[-6:],
)
def test_a_selector_that_costs(shop: LabApi, method: str, path: str, code: int) -> None:
    """It is read in one go, and has so many terms at most; values of one term are free."""
    answer = shop.ask(method, path)
    assert (code, True) == (answer.code, answer.seconds < SOON_S), answer.seconds


def test_a_body_that_never_ends(shop: LabApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends the half of it is not waited for without end."""
    monkeypatch.setattr(calls, "REQUEST_S", 0.2)
    answer = shop.ask("POST", CONFIG_MAPS, b'{"metadata":', ends=False)
    assert (504, "Timeout") == (answer.code, answer.value["reason"])


def test_what_is_kept_for_late_watches() -> None:
    """The past of a lab is bounded by its bytes, not by the number of events alone."""
    store = Store()
    store.create("configmaps", {"metadata": {"name": "x", "namespace": "n"}})
    kept_sizes = []
    for number in range(200):
        body = {"metadata": {"name": "x", "namespace": "n"}, "data": {"a": f"{number}" * 500_000}}
        store.update("configmaps", body)
        kept_sizes.append(sum(event.size for event in store._history))
    assert max(kept_sizes) <= MAX_HISTORY
    assert store.size < 3_000_000


class Wire:
    """A SPDY connection whose client has said everything."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def write(self, data: bytes) -> None:
        del data


def header_bomb(size: int, *, pairs: int = 1) -> bytes:
    """Return a SYN_STREAM whose headers are `size` zeros when they are unpacked."""
    deflate = zlib.compressobj(zdict=spdyframes.DICTIONARY)
    block = struct.pack(">II", pairs, size) + bytes(size)
    packed = deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)
    body = struct.pack(">IIH", 1, 0, 0) + packed
    return struct.pack(">II", 0x80030001, len(body)) + body


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: header_bomb(500 * 1024 * 1024),
        lambda: header_bomb(1000, pairs=2**31),
        lambda: struct.pack(">II", 0x80030001, 0xFFFFFF) + bytes(2 * 1024 * 1024),
    ],
    ids=["unpacked", "pairs", "frame"],
)
def test_a_bomb_of_spdy_headers(bomb: Callable[[], bytes]) -> None:
    """A block of headers has a size when it is unpacked, and a number of headers."""
    data = bomb()
    with traced_memory() as peak, pytest.raises(spdyframes.BrokenFramesError):
        list(spdyframes.FrameDecoder().feed(data))
    assert peak[0] < 20 * 1024 * 1024


def test_streams_without_end() -> None:
    """A connection has so many streams at most, those included that were reset unseen."""
    encoder = spdyframes.FrameEncoder()
    numbers = range(1, 6 * MAX_STREAMS, 2)
    frames = [
        encoder.encode(frame)
        for number in numbers
        for frame in (spdyframes.SynStream(number), spdyframes.ResetFrame(number))
    ]
    session = SpdySession(Wire(b"".join(frames)))
    asyncio.run(asyncio.wait_for(session.serve(), SOON_S))
    assert session._opened.qsize() <= MAX_STREAMS + 1


def test_data_in_drops_for_streams_that_nobody_reads() -> None:
    """What waits is bounded over all streams, and counting it does not take ever longer."""

    async def scenario() -> None:
        encoder = spdyframes.FrameEncoder()
        numbers = range(1, 200, 2)
        opened = [encoder.encode(spdyframes.SynStream(number)) for number in numbers]
        drop = b"".join(encoder.encode(spdyframes.DataFrame(number, b"x")) for number in numbers)
        large = b"".join(
            encoder.encode(spdyframes.DataFrame(number, bytes(1_000_000))) for number in numbers
        )
        session = SpdySession(Wire(b"".join(opened), drop * 500, large))
        task = asyncio.create_task(session.serve())
        await asyncio.wait({task}, timeout=3)
        assert session._waiting_size < 20 * 1024 * 1024
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(scenario())
