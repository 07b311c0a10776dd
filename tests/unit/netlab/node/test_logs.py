"""The bounded log of a container and those who follow it."""

import asyncio

from netlab.node.outputs import LogBuffer


def test_the_log_keeps_what_was_written() -> None:
    """Everything within the limit can be read back."""
    log = LogBuffer()
    log.append(b"one\n")
    log.append(b"two\n")
    assert log.snapshot() == b"one\ntwo\n"


def test_old_output_goes_when_the_limit_is_passed() -> None:
    """Past the limit the oldest chunks are dropped."""
    log = LogBuffer(limit=4)
    for chunk in (b"aaa", b"bbb", b"ccc"):
        log.append(chunk)
    assert log.snapshot() == b"ccc"


def test_a_follower_gets_old_and_new_output_and_the_end() -> None:
    """A follower sees what was there, what comes, and stops when the log is closed."""

    async def follow() -> bytes:
        log = LogBuffer()
        log.append(b"old ")
        received = b""
        async for chunk in log.follow():
            received += chunk
            if chunk == b"old ":
                asyncio.get_running_loop().call_soon(log.append, b"new")
                asyncio.get_running_loop().call_soon(log.close)
        return received

    assert asyncio.run(follow()) == b"old new"


def test_a_slow_follower_skips_what_was_dropped() -> None:
    """A follower who was overtaken goes on with the oldest byte that is left."""

    async def follow() -> list[bytes]:
        log = LogBuffer(limit=3)
        log.append(b"abc")
        reader = log.follow()
        first = await anext(reader)
        log.append(b"def")
        log.append(b"ghi")
        log.close()
        return [first, *[chunk async for chunk in reader]]

    assert asyncio.run(follow()) == [b"abc", b"ghi"]
