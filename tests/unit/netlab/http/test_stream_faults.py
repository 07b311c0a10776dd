"""Faults of the lab inside a client's streams: the client hears of them and does not wait."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netlab.http.streams.portforwarding import serve_spdy_port_forward
from netlab.http.streams.spdyframes import DataFrame, FrameDecoder, FrameEncoder, SynStream

POD = {"metadata": {"name": "a", "namespace": "default", "uid": "1"}}
DEADLINE_S = 5.0


class Carrier:
    """A client that opens one forwarded connection and waits for its end."""

    def __init__(self) -> None:
        self._encoder, self._decoder = FrameEncoder(), FrameDecoder()
        heads = [("error", 1), ("data", 3)]
        self._opening = b"".join(
            self._encoder.encode(
                SynStream(number, {"streamtype": kind, "port": "80", "requestid": "0"})
            )
            for kind, number in heads
        )
        self.text = b""
        self._ended: set[int] = set()
        self._is_over = asyncio.Event()

    async def read(self) -> bytes:
        opening, self._opening = self._opening, b""
        if not opening:
            await self._is_over.wait()
        return opening

    async def write(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if isinstance(frame, DataFrame):
                self.text += frame.data
                self._ended |= {frame.stream} if frame.fin else set()
        if self._ended == {1, 3}:
            self._is_over.set()


def test_a_forwarded_connection_that_dies_is_told_and_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A fault in dialling is no reason for the client to wait on an open stream."""

    async def dial(*_: object) -> None:
        raise RuntimeError("injected fault")

    async def run() -> bytes:
        carrier = Carrier()
        runtime = cast("Any", SimpleNamespace(dial=dial))
        async with asyncio.timeout(DEADLINE_S):
            await serve_spdy_port_forward(runtime, POD, carrier)
        return carrier.text

    with caplog.at_level(logging.ERROR):
        told = asyncio.run(run())
    assert told == b"error forwarding port: RuntimeError: injected fault"
    assert "a forwarded connection of pod a died" in caplog.text
