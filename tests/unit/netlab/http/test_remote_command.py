"""Exec over SPDY: which streams a client has to open, and what it hears on them."""

from __future__ import annotations

import asyncio
import errno
import json
import selectors
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from netlab.http.streams import portforwarding, remotecommand
from netlab.http.streams.front import StreamWire
from netlab.http.streams.podstreams import negotiated
from netlab.http.streams.podtargets import ExecTarget
from netlab.http.streams.spdyframes import DataFrame, SynStream
from netlab.objects.apierrors import ApiError
from tests.unit.netlab.http.test_spdy_session import Peer

POD = {"metadata": {"name": "a", "namespace": "default", "uid": "1"}}
OUTPUT = b"done\r\n"


class Clockwork(asyncio.SelectorEventLoop):
    """A loop whose time passes only while there is nothing else to do."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        super().__init__(_Idler(self))

    def time(self) -> float:
        return self.elapsed_s


class _Idler(selectors.DefaultSelector):
    def __init__(self, loop: Clockwork) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits, and nothing will come"
        ready = super().select(0)
        self._loop.elapsed_s += 0 if ready else timeout
        return ready


class Command:
    """A command that writes a line, and ends as it is told to."""

    def __init__(self, code: int, *, tty: bool) -> None:
        self.stdin = None
        self.stdout = _output(OUTPUT)
        self.stderr = None if tty else _output(b"")
        self.sizes: list[tuple[int, int]] = []
        self._code = code

    async def wait(self) -> int:
        return self._code

    def kill(self) -> None:
        """Do nothing: it has ended."""

    def resize(self, rows: int, cols: int) -> None:
        self.sizes.append((rows, cols))


def _output(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


class Runtime:
    """Runs commands that do not run, and remembers them."""

    def __init__(self, code: int = 0) -> None:
        self.started: list[Command] = []
        self._code = code

    async def exec(
        self, pod: object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> Command:
        del pod, container, argv, stdin
        self.started.append(Command(self._code, tty=tty))
        return self.started[-1]


def asked(**wants: bool) -> ExecTarget:
    """Return a request for output, as the lab reads it: with a terminal there is no stderr."""
    tty = wants.get("tty", False)
    return ExecTarget(POD, "c", ("true",), stdin=False, stdout=True, stderr=not tty, tty=tty)


def heard(
    runtime: Any, target: ExecTarget, opened: Sequence[str], protocol: str = "v4.channel.k8s.io"
) -> tuple[Mapping[str, bytes], float]:
    """Open streams as a client does; return what came on each of them, and when all was over."""

    async def main() -> tuple[Mapping[str, bytes], float]:
        peer = Peer()
        peer.send(*(SynStream(2 * n + 1, {"streamtype": kind}) for n, kind in enumerate(opened)))
        version = remotecommand.SPDY_PROTOCOLS[protocol]
        await remotecommand.serve_spdy_exec(runtime, target, peer, version)
        texts = dict.fromkeys(opened, b"")
        for frame in peer.got:
            if isinstance(frame, DataFrame):
                texts[opened[frame.stream // 2]] += frame.data
        return texts, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=Clockwork) as runner:
        return runner.run(main())


def test_streams_are_counted_not_called_by_name() -> None:
    """A terminal asked for in the address, and none at the client: cyclonus does that."""
    texts, _ = heard(Runtime(), asked(tty=True), ("error", "stdout", "stderr"))
    assert (texts["stdout"], texts["stderr"]) == (OUTPUT, b"")
    assert json.loads(texts["error"])["status"] == "Success"


@pytest.mark.parametrize("opened", [("error", "stdout"), ("error", "stdout", "nonsense"), ()])
def test_too_few_streams_are_waited_for(opened: tuple[str, ...]) -> None:
    """Not the command but the reason comes after half a minute, where there is a stream for it."""
    runtime = Runtime()
    texts, elapsed_s = heard(runtime, asked(tty=True), opened)
    assert runtime.started == []
    assert elapsed_s == pytest.approx(30.0)
    if opened:
        status = json.loads(texts["error"])
        assert (status["status"], status["code"]) == ("Failure", 500)
        assert "timed out waiting for client to create streams" in status["message"]


@pytest.mark.parametrize("protocol", ["v2.channel.k8s.io", "channel.k8s.io", ""])
def test_a_terminal_had_no_sizes_at_first(protocol: str) -> None:
    """Before version 3 a client opens no stream for them, and success was no word."""
    texts, _ = heard(Runtime(), asked(tty=True), ("error", "stdout"), protocol)
    assert texts == {"error": b"", "stdout": OUTPUT}


def test_a_failure_was_told_in_words_before_version_4() -> None:
    """Since then it is a Status, with the exit status in it."""
    opened = ("error", "stdout", "stderr")
    texts, _ = heard(Runtime(code=3), asked(), opened, "v3.channel.k8s.io")
    assert texts["error"] == b"command terminated with non-zero exit code: exit status 3"
    texts, _ = heard(Runtime(code=3), asked(), opened)
    assert json.loads(texts["error"])["details"]["causes"] == [
        {"reason": "ExitCode", "message": "3"}
    ]


def test_only_streams_that_are_missing_are_told_as_missing() -> None:
    """A time-out of something else, the kernel's for one, comes under its own name."""

    class Slow(Runtime):
        async def exec(self, *_: object, **__: object) -> Command:
            raise TimeoutError(errno.ETIMEDOUT, "injected fault")

    with pytest.raises(TimeoutError, match="injected fault"):
        heard(Slow(), asked(), ("error", "stdout", "stderr"))


def test_a_client_that_the_kernel_gave_up_has_left() -> None:
    """Keep-alives that nobody answered end a connection by ETIMEDOUT, which is no ConnectionError.

    Who reads and who writes it hears what a carrier promises.
    """

    class Lost:
        async def read(self, _: int) -> bytes:
            raise TimeoutError(errno.ETIMEDOUT, "injected fault")

        async def drain(self) -> None:
            await self.read(0)

        def write(self, data: bytes) -> None:
            del data

        def is_closing(self) -> bool:
            return False

    async def main(wire: StreamWire) -> None:
        with pytest.raises(ConnectionError, match="injected fault"):
            await wire.read()
        with pytest.raises(ConnectionError, match="injected fault"):
            await wire.write(b"")

    lost: Any = Lost()
    asyncio.run(main(StreamWire(lost, lost)))


def test_output_without_a_stream_is_lost() -> None:
    """The count is right and stdout is not among them: the command runs all the same."""
    texts, _ = heard(Runtime(), asked(tty=True), ("error", "stderr", "resize"))
    assert json.loads(texts["error"])["status"] == "Success"


def test_the_clients_first_choice_is_taken() -> None:
    """Of what both know; a client that offers nothing is an old one."""
    served = ("v4", "v3")
    assert negotiated(["v5", "v3", "v4"], served) == "v3"
    assert negotiated([], served) == ""
    with pytest.raises(ApiError, match=r"client supports \[v6 v5\], server accepts \[v4 v3\]"):
        negotiated(["v6", "v5"], served)


def forwarded(
    *streams: tuple[int, Mapping[str, str]], runtime: Any
) -> tuple[dict[int, bytes], float]:
    """Open the streams of a port-forward; return what came on each, and when."""

    async def main() -> tuple[dict[int, bytes], float]:
        peer, texts = Peer(), {number: b"" for number, _ in streams}
        peer.send(*(SynStream(number, headers) for number, headers in streams))
        serving = asyncio.create_task(portforwarding.serve_spdy_port_forward(runtime, POD, peer))
        await asyncio.sleep(60)
        peer.leave()
        await serving
        for frame in peer.got:
            if isinstance(frame, DataFrame):
                texts[frame.stream] += frame.data
        return texts, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=Clockwork) as runner:
        return runner.run(main())


class Refusing:
    """Nobody listens anywhere."""

    async def dial(self, pod: object, port: int) -> Any:
        del pod
        raise OSError(f"nobody at {port}")


ERROR, DATA = {"streamtype": "error", "port": "80"}, {"streamtype": "data", "port": "80"}
ONE = {"requestid": "1"}


@pytest.mark.parametrize(
    ("opened", "complaints"),
    [
        (((1, ERROR | ONE), (3, DATA | ONE)), 1),
        (((1, DATA | ONE), (3, ERROR | ONE)), 3),
        (((1, ERROR), (3, DATA)), 1),
    ],
    ids=["error first", "data first", "no request id"],
)
def test_two_streams_make_a_forwarded_connection(
    opened: tuple[tuple[int, Mapping[str, str]], ...], complaints: int
) -> None:
    """In whichever order they come, and by their numbers where an old client names no request."""
    texts, _ = forwarded(*opened, runtime=Refusing())
    assert b"error forwarding port 80 to pod a" in texts[complaints]


def test_half_a_forwarded_connection_is_waited_for() -> None:
    """After half a minute the client hears that the other stream did not come."""
    texts, _ = forwarded((1, ERROR | ONE), runtime=None)
    assert texts == {1: b"timed out waiting for streams"}
