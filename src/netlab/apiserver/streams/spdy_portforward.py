"""Port-forward over SPDY: any number of connections, each an error and a data stream.

The client opens the error stream first; both carry the same request id. Source: KEP-4006 and
pkg/streaming/portforward of the CRI streaming library.
"""

from __future__ import annotations

import asyncio

from netlab.apiserver.objects import Obj
from netlab.apiserver.runtime import Runtime
from netlab.apiserver.streams import portforward
from netlab.apiserver.streams.spdy_session import Bytes, Session, Stream


async def serve_port_forward(runtime: Runtime, pod: Obj, carrier: Bytes) -> None:
    """Serve a client's connections until it leaves; none of them outlives it."""
    session = Session(carrier)
    reading = asyncio.create_task(session.serve())
    connections: set[asyncio.Task[None]] = set()
    waiting: dict[str, Stream] = {}
    try:
        while (stream := await session.accept()) is not None:
            request = stream.headers.get("requestid", "")
            if stream.headers.get("streamtype") == "error":
                waiting[request] = stream
            elif request in waiting:
                pair = _connection(runtime, pod, stream, waiting.pop(request))
                task = asyncio.create_task(pair)
                connections.add(task)
                task.add_done_callback(connections.discard)
    finally:
        tasks = {reading, *connections}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _connection(runtime: Runtime, pod: Obj, data: Stream, complaints: Stream) -> None:
    async def fail(said: str) -> None:
        await complaints.write(said.encode())

    try:
        port = _port(data)
        if port is None:
            await fail(f'"{data.headers.get("port", "")}" is no port')
        else:
            await portforward.forward(runtime, pod, port, data, fail)
        await data.close()
        await complaints.close()
    except ConnectionError:
        return  # the client has gone, and with it the one to tell


def _port(stream: Stream) -> int | None:
    text = stream.headers.get("port", "")
    return int(text) if text.isdigit() and 0 < int(text) < 65536 else None
