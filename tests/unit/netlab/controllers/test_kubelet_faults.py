"""Faults of the lab inside the kubelet's tasks: each is said, and nobody waits for ever."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netlab.controllers import pods, probes
from netlab.controllers.containers import ContainerKeeper
from netlab.controllers.kubelet import PodWorker
from netlab.controllers.machine import EventRecorder, LabMachine
from netlab.controllers.policies import CompileError
from netlab.node.addressplan import OUTSIDE_NAME
from netlab.node.container import Container
from netlab.objects.obj import Obj
from netlab.objects.store import Store

DEADLINE_S = 5.0
FAULT = "RuntimeError: injected fault"
IPS = ("203.0.113.10", "fd00:203:113::10")


def raise_fault(*_: object, **__: object) -> Any:
    raise RuntimeError("injected fault")


class Place:
    """What a pod has of the machine, as far as its worker looks at it."""

    ips = IPS
    uts_inode = 1

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        yield

    def apply_sysctls(self, settings: dict[str, str]) -> None:
        del settings


class Machine:
    """Everything that a worker needs, with a pod of one container on the host outside."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **container: Any) -> None:
        self.store = Store()
        self.store.create("namespaces", {"metadata": {"name": "default"}})
        self.starts = 0
        self.ended: list[asyncio.Future[int]] = []
        self.removed: list[bool] = []
        self.create = Place
        self.rules: Exception | None = None
        self.machine = LabMachine(
            store=self.store,
            network=cast("Any", SimpleNamespace(outside=None)),
            sandboxes=cast("Any", SimpleNamespace(create=self._create, remove=self._remove)),
            reaper=cast("Any", None),
            sweeper=cast("Any", SimpleNamespace(kill_all=lambda _: None)),
            running={},
            events=EventRecorder(self.store, "kubelet", lambda: "2026-01-01T00:00:00Z"),
            policies=cast("Any", SimpleNamespace(settled=self._settled)),
            built_in={},
            environment={},
        )
        self.pod = self.store.create("pods", self._pod(container))
        monkeypatch.setattr(Container, "start", lambda container, *_: self._start(container))
        monkeypatch.setattr(Container, "kill", lambda _: self.finish(137))
        monkeypatch.setattr(Container, "terminate", lambda _: self.finish(143))

    def finish(self, code: int) -> None:
        """End the container's process, if it runs."""
        for future in self.ended:
            if not future.done():
                future.set_result(code)

    def reasons(self) -> list[str]:
        """Return the reasons of all warnings so far."""
        events = self.store.list("events")
        return [event["reason"] for event in events if event["type"] == "Warning"]

    def messages(self) -> str:
        return "\n".join(event["message"] for event in self.store.list("events"))

    def state(self) -> Obj:
        """Return the state of the container in the pod's status."""
        status = self.store.get("pods", "default", "a").get("status") or {}
        statuses = status.get("containerStatuses") or [{"state": {}}]
        return cast("Obj", statuses[0]["state"])

    def _create(self, *_: object, **__: object) -> Place:
        return self.create()

    def _remove(self, _: object, *, reuse: bool) -> None:
        self.removed.append(reuse)

    async def _settled(self) -> None:
        if self.rules is not None:
            raise self.rules

    def _start(self, container: Container) -> "asyncio.Future[int]":
        self.starts += 1
        container.pid = 1
        container.ended = asyncio.get_running_loop().create_future()
        self.ended.append(container.ended)
        return container.ended

    def _pod(self, container: Obj) -> Obj:
        main = {"name": "main", "command": ["true"], **container}
        spec = {"nodeName": OUTSIDE_NAME, "hostNetwork": True, "containers": [main]}
        return {"metadata": {"name": "a", "namespace": "default"}, "spec": spec}


async def until(claim: Callable[[], bool]) -> None:
    """Wait for a claim to hold, at most for the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not claim():  # noqa: ASYNC110 - the store tells nobody here
            await asyncio.sleep(0)


def drive(machine: Machine, scenario: Callable[[PodWorker], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario on the machine's pod, and end the pod in bounded time."""

    async def run() -> None:
        worker = PodWorker(machine.machine, machine.pod)
        await scenario(worker)
        async with asyncio.timeout(DEADLINE_S):
            await worker.end(0)

    asyncio.run(run())


def test_a_fault_in_making_the_sandbox_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The pod's status, its events and the lab's log have the fault."""
    machine = Machine(monkeypatch)
    monkeypatch.setattr(machine, "create", raise_fault)

    async def scenario(_: PodWorker) -> None:
        await until(lambda: FAULT in str(machine.state()))
        assert ["FailedSync"] == machine.reasons()

    with caplog.at_level(logging.ERROR):
        drive(machine, scenario)
    assert "the life of pod default/a died" in caplog.text


def test_without_rules_a_pod_starts_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that cannot be worked out do not keep a pod from running; its events name them."""
    machine = Machine(monkeypatch)
    machine.rules = CompileError("injected fault")

    async def scenario(_: PodWorker) -> None:
        await until(lambda: "running" in machine.state())
        assert ["NetworkNotReady"] == machine.reasons()
        assert "injected fault" in machine.messages()

    drive(machine, scenario)


def test_a_fault_in_starting_a_container_is_a_failed_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and the container is started again as after any failed start."""
    machine = Machine(monkeypatch)
    start, faults = Container.start, iter([True, False])

    def start_at_second_try(*arguments: Any) -> Any:
        return raise_fault() if next(faults) else start(*arguments)

    monkeypatch.setattr(Container, "start", start_at_second_try)

    async def scenario(_: PodWorker) -> None:
        await until(lambda: "running" in machine.state())
        assert ["Failed"] == machine.reasons()
        assert FAULT in machine.messages()

    with caplog.at_level(logging.ERROR):
        drive(machine, scenario)
    assert "container main of pod default/a cannot be run" in caplog.text


def test_a_fault_while_a_container_runs_ends_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second copy is started beside a first that nobody looks after."""
    machine = Machine(monkeypatch)
    start_probing, faults = ContainerKeeper._start_probing, iter([True, False])

    def probing_at_second_try(*arguments: Any) -> Any:
        return raise_fault() if next(faults) else start_probing(*arguments)

    monkeypatch.setattr(ContainerKeeper, "_start_probing", probing_at_second_try)

    async def scenario(_: PodWorker) -> None:
        await until(lambda: machine.starts == 2)
        assert [True, False] == [future.done() for future in machine.ended]

    drive(machine, scenario)


def test_a_fault_in_a_probe_is_said_and_probing_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A container is not left unready for ever because one probe broke off."""
    machine = Machine(monkeypatch, readinessProbe={"tcpSocket": {"port": 80}})
    answers = iter([False, True])

    async def passes(*_: object) -> bool:
        return next(answers) or raise_fault()

    monkeypatch.setattr(probes, "passes", passes)
    monkeypatch.setattr("netlab.controllers.containers._PROBE_AGAIN_S", 0)

    async def scenario(_: PodWorker) -> None:
        await until(lambda: _is_ready(machine))
        assert ["ProbeError"] == machine.reasons()

    with caplog.at_level(logging.ERROR):
        drive(machine, scenario)
    assert "container main of pod default/a cannot be probed" in caplog.text


def test_a_pod_that_has_completed_gives_its_place_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status goes on naming the address; the containers stay for whoever asks for logs."""
    machine = Machine(monkeypatch)
    machine.pod["spec"]["restartPolicy"] = "OnFailure"

    async def scenario(worker: PodWorker) -> None:
        await until(lambda: "running" in machine.state())
        machine.finish(0)
        await until(lambda: bool(machine.removed))
        status = machine.store.get("pods", "default", "a")["status"]
        running = machine.machine.running[worker.uid]
        assert ("Succeeded", IPS[0]) == (status["phase"], status["podIP"])
        assert (None, ["main"]) == (running.sandbox, list(running.containers))

    drive(machine, scenario)
    assert ([True], {}) == (machine.removed, machine.machine.running)


def test_a_grace_can_be_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that does not listen is killed at the end of the shortest grace, and says so."""
    machine = Machine(monkeypatch)
    monkeypatch.setattr(Container, "terminate", lambda _: None)

    async def scenario(worker: PodWorker) -> None:
        await until(lambda: "running" in machine.state())
        ending = worker.end(3600)
        for _ in range(5):
            await asyncio.sleep(0)
        assert not machine.removed
        worker.end(7200)
        worker.end(0.01)
        async with asyncio.timeout(DEADLINE_S):
            await ending
        assert machine.state()["terminated"]["signal"] == 9

    drive(machine, scenario)
    assert [False] == machine.removed


def test_a_fault_in_ending_a_pod_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The end comes in bounded time, and the pod's place on the machine is given up."""
    machine = Machine(monkeypatch)
    monkeypatch.setattr(Container, "terminate", raise_fault)

    async def scenario(_: PodWorker) -> None:
        await until(lambda: "running" in machine.state())

    with caplog.at_level(logging.ERROR):
        drive(machine, scenario)
    assert "the containers of pod default/a did not end as they should" in caplog.text
    assert (1, {}) == (len(machine.removed), machine.machine.running)


def test_a_fault_with_one_pod_is_said_of_it_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pod that cannot be scheduled gets an event; the next one runs."""
    machine = Machine(monkeypatch)
    choose_node = pods.choose_node

    def choose(pod: Obj, *rest: Any) -> str:
        return raise_fault() if pod["metadata"]["name"] == "boom" else choose_node(pod, *rest)

    monkeypatch.setattr(pods, "choose_node", choose)

    async def run() -> None:
        recorder = EventRecorder(machine.store, "default-scheduler", lambda: "")
        pods.PodController(machine.machine, recorder)
        machine.store.create("nodes", {"metadata": {"name": OUTSIDE_NAME}, "spec": {}})
        boom = {**machine.pod, "metadata": {"name": "boom", "namespace": "default"}}
        machine.store.create("pods", boom)
        await until(lambda: "running" in machine.state() and "FailedSync" in machine.reasons())
        assert FAULT in machine.messages()
        machine.store.delete("pods", "default", "a")
        await until(lambda: bool(machine.removed))

    asyncio.run(run())


def _is_ready(machine: Machine) -> bool:
    status = machine.store.get("pods", "default", "a").get("status") or {}
    return any(s["ready"] for s in status.get("containerStatuses") or [])
