"""Keeps one container running: start, probe, wait, and start again if the policy says so.

Must not know: the pod's other containers, or how the status is written.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from netproof.lab.apiserver.store import now
from netproof.lab.controllers import podstatus, probes
from netproof.lab.controllers.machine import Machine
from netproof.lab.controllers.podspec import SpecError
from netproof.lab.controllers.podstatus import ContainerState
from netproof.lab.node import process
from netproof.lab.node.container import Command, Container
from netproof.lab.node.process import SpawnError, Stdio
from netproof.lab.node.sandbox import Sandbox

Obj = dict[str, Any]

_BACK_OFF_CAP_S = 60.0  # the kubelet's five minutes are too long for a test bed
_STABLE_S = 60.0  # a container that ran this long is restarted at once again
_START_ERROR_CODE = 128  # what a kubelet reports for a command that could not be started


def back_off_s(failures: int) -> float:
    """Return the pause before a restart: none before the first, then 0.5 s doubling."""
    return 0.0 if failures <= 1 else min(0.5 * 2.0 ** min(failures - 2, 16), _BACK_OFF_CAP_S)


def restarts(policy: str, code: int) -> bool:
    """Tell whether a container with this exit status is started again."""
    return policy == "Always" or (policy == "OnFailure" and code != 0)


@dataclass(slots=True, kw_only=True)
class Keeper:
    """One container and what it takes to run it.

    `command` raises SpecError where the lab cannot give what the spec asks for. `started` is
    told the container before its first start, `publish` is called after each change of state.
    """

    machine: Machine
    pod: Obj
    spec: Obj
    state: ContainerState
    sandbox: Sandbox
    restart: str
    command: Callable[[], Command]
    started: Callable[[Container], None]
    publish: Callable[[], None]

    async def run(self) -> None:
        """Run the container until it has ended for good."""
        try:
            container = Container(self.state.name, self.command())
        except SpecError as error:
            self._wait_because(error.reason, error.message)
            return
        self.started(container)
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            code = await self._run_once(container)
            if not restarts(self.restart, code):
                self.publish()
                return
            if asyncio.get_running_loop().time() - began > _STABLE_S:
                failures = 0
            failures += 1
            await self._back_off(back_off_s(failures))

    async def _run_once(self, container: Container) -> int:
        """Start the container, wait for its end and return its exit status."""
        container_id, started = f"lab://{self.pod['metadata']['uid']}/{container.starts}", now()
        try:
            ended = container.start(self.sandbox, self.machine.reaper)
        except SpawnError as error:
            self._failed_to_start(str(error), started)
            return _START_ERROR_CODE
        self.state.container_id = container_id
        self.state.state = podstatus.running(started)
        probe = self._start_probe()
        self.publish()
        self._record("Started", f"Started container {self.state.name}")
        try:
            code = await asyncio.shield(ended)
        finally:
            if probe is not None:
                probe.cancel()
        self.state.passed_probe = False
        self.state.state = podstatus.terminated(
            code, started=started, finished=now(), container_id=container_id
        )
        return code

    async def _back_off(self, delay_s: float) -> None:
        """Wait before the next start, and say so meanwhile."""
        ended = self.state.state
        self.state.last_state = ended
        self.state.restarts += 1
        if not delay_s:
            return
        name = self.state.name
        if ended["terminated"]["reason"] == "StartError":
            self.state.state = podstatus.waiting(
                "RunContainerError", ended["terminated"]["message"]
            )
        else:
            message = f"back-off {delay_s:g}s restarting failed container={name}"
            self.state.state = podstatus.waiting("CrashLoopBackOff", message)
            self._record("BackOff", f"Back-off restarting failed container {name}", warning=True)
        self.publish()
        await asyncio.sleep(delay_s)

    def _failed_to_start(self, message: str, started: str) -> None:
        ended = podstatus.terminated(
            _START_ERROR_CODE, started=started, finished=now(), container_id=""
        )
        ended["terminated"].update(reason="StartError", message=message)
        self.state.state = ended
        self._record("Failed", f"Error: failed to start container: {message}", warning=True)

    def _wait_because(self, reason: str, message: str) -> None:
        self.state.state = podstatus.waiting(reason, message)
        self.publish()
        self._record("Failed", f"Error: {message}", warning=True)

    def _start_probe(self) -> "asyncio.Task[None] | None":
        """Begin to probe; a container without a probe is ready as soon as it runs."""
        probe = self.spec.get("readinessProbe")
        self.state.passed_probe = not probe
        if not probe:
            return None
        target = probes.Target(
            node=self.machine.host_netns(self.pod["spec"]["nodeName"]),
            ip=self.sandbox.ips[0],
            ports={p["name"]: p["containerPort"] for p in self._ports() if p.get("name")},
            run=self._run_probe_command,
        )
        return asyncio.create_task(probes.watch(probe, target, self._hear, self.machine.budget))

    def _ports(self) -> Sequence[Obj]:
        return self.spec.get("ports") or []

    def _hear(self, ready: bool) -> None:
        self.state.passed_probe = ready
        self.publish()

    async def _run_probe_command(self, argv: Sequence[str]) -> int:
        command = self.command()
        with self.sandbox.entered():
            try:
                pid = process.spawn(argv, command.env, Stdio(), cwd=command.cwd)
            except SpawnError:
                return _START_ERROR_CODE
        ended = self.machine.reaper.watch(pid)
        try:
            return await asyncio.shield(ended)
        finally:
            if not ended.done():
                process.signal_group(pid, signal.SIGKILL)

    def _record(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.machine.events.record(self.pod, reason, message, warning=warning)
