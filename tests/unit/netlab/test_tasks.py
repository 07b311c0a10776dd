"""Background tasks: whose death is said, and whose end is none."""

import asyncio
import logging

import pytest

from netlab import tasks


async def _die(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


def test_a_death_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """What a task raises is on the log, and with whoever started it."""
    deaths: list[Exception] = []
    fault = RuntimeError("injected fault")

    async def run() -> None:
        task = tasks.start(_die(fault), "the test's task", deaths.append)
        await asyncio.wait({task})
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert [fault] == deaths
    assert "the test's task died" in caplog.text


@pytest.mark.parametrize(
    ("error", "is_said"),
    [
        (ConnectionResetError("gone"), False),
        (ExceptionGroup("all", [ConnectionResetError("a"), BrokenPipeError("b")]), False),
        (ExceptionGroup("one of two", [ConnectionResetError("a"), TypeError("b")]), True),
        (TypeError("injected fault"), True),
    ],
    ids=["a-connection-that-is-gone", "several", "several-and-a-fault", "a-fault"],
)
def test_only_faults_are_said_at_the_end(
    caplog: pytest.LogCaptureFixture, error: Exception, *, is_said: bool
) -> None:
    """Tasks that are ended with their connection say nothing unless they died of something else."""

    async def run() -> None:
        task = asyncio.create_task(_die(error), name="a pump")
        await asyncio.wait({task})
        await tasks.end(task)

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert is_said == ("a pump died" in caplog.text)


def test_a_cancelled_task_has_not_died(caplog: pytest.LogCaptureFixture) -> None:
    """To be ended is no fault."""
    deaths: list[Exception] = []

    async def run() -> None:
        await tasks.end(tasks.start(asyncio.sleep(60), "a sleeper", deaths.append))

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert ([], "") == (deaths, caplog.text)


def test_a_group_of_one_is_described_as_the_one() -> None:
    """A task group wraps what its tasks raise; the reader wants the fault."""
    group = ExceptionGroup("unhandled", [ValueError("injected fault")])
    assert "ValueError: injected fault" == tasks.describe(group)
