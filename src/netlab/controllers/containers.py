"""Keeps one container running: start, probe, wait, and start again if the policy says so.

Must not know: the pod's other containers, or how the status is written.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netlab import tasks
from netlab.controllers import podspec, podstatus, probes
from netlab.controllers.machine import LabMachine
from netlab.controllers.podspec import SpecError
from netlab.controllers.podstatus import ContainerState
from netlab.node import processes
from netlab.node.container import Container, ContainerCommand
from netlab.node.processes import SpawnError, Stdio
from netlab.node.sandbox import Sandbox
from netlab.objects.obj import Obj
from netlab.objects.store import now

log = logging.getLogger(__name__)

_BACK_OFF_CAP_S = 60.0  # the kubelet's five minutes are too long for a test bed
_STABLE_S = 60.0  # a container that ran this long is restarted at once again
_PROBE_AGAIN_S = 1.0
_START_ERROR_CODE = 128  # what a kubelet reports for a command that could not be started


def back_off_s(failures: int) -> float:
    """Return the pause before a restart: none before the first, then 0.5 s doubling."""
    return 0.0 if failures <= 1 else min(0.5 * 2.0 ** min(failures - 2, 16), _BACK_OFF_CAP_S)


def is_restarted(policy: str, code: int) -> bool:
    """Tell whether a container with this exit status is started again."""
    return policy == "Always" or (policy == "OnFailure" and code != 0)


@dataclass(slots=True, kw_only=True)
class ContainerKeeper:
    """One container and what it takes to run it.

    `command` raises SpecError where the lab cannot give what the spec asks for. `started` is
    told the container before its first start, `publish` is called after each change of state.
    """

    machine: LabMachine
    pod: Obj
    spec: Obj
    state: ContainerState
    sandbox: Sandbox
    restart: str
    command: Callable[[], ContainerCommand]
    started: Callable[[Container], None]
    publish: Callable[[], None]

    async def run(self) -> None:
        """Run the container until it has ended for good."""
        try:
            container = Container(self.state.name, self.command(), podspec.console(self.spec))
        except SpecError as error:
            self._wait_because(error.reason, error.message)
            return
        except Exception as error:
            log.exception("%s cannot be made", self._label)
            self._wait_because("CreateContainerError", tasks.describe(error))
            return
        self.started(container)
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            code = await self._run_safely(container)
            if not is_restarted(self.restart, code):
                self.publish()
                return
            if asyncio.get_running_loop().time() - began > _STABLE_S:
                failures = 0
            failures += 1
            await self._back_off(back_off_s(failures))

    async def _run_safely(self, container: Container) -> int:
        """Run the container once; a fault of the lab in it is a failed start like others."""
        try:
            return await self._run_once(container)
        except Exception as error:
            log.exception("%s cannot be run", self._label)
            container.kill()
            self._failed_to_start(tasks.describe(error), now())
            return _START_ERROR_CODE

    async def _run_once(self, container: Container) -> int:
        """Start the container, wait for its end and return its exit status."""
        name, uid = self.state.name, self.pod["metadata"]["uid"]
        container_id, started = f"lab://{uid}/{name}/{container.starts}", now()
        try:
            ended = container.start(self.sandbox, self.machine.reaper)
        except SpawnError as error:
            self._failed_to_start(str(error), started)
            return _START_ERROR_CODE
        self.state.container_id = container_id
        self.state.state = podstatus.running(started)
        probing = self._start_probing(container)
        self.publish()
        self._record("Started", f"Started container {self.state.name}")
        try:
            code = await asyncio.shield(ended)
        finally:
            if probing is not None:
                probing.cancel()
        self.state.has_started = self.state.passed_probe = False
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

    def _start_probing(self, container: Container) -> "asyncio.Task[None] | None":
        """Begin to probe; a container without probes has started and is ready as it runs."""
        self.state.has_started = not self.spec.get("startupProbe")
        self.state.passed_probe = self.state.has_started and not self.spec.get("readinessProbe")
        if not any(self.spec.get(kind) for kind in podspec.PROBES):
            return None
        target = probes.ProbedContainer(
            node=self.machine.host_netns(self.pod["spec"]["nodeName"]),
            ip=self.sandbox.ips[0],
            ports={p["name"]: p["containerPort"] for p in self._ports() if p.get("name")},
            run=self._run_probe_command,
        )
        return tasks.start(self._probe_on(container, target), f"the probing of {self._label}")

    async def _probe_on(self, container: Container, target: probes.ProbedContainer) -> None:
        """Probe a run of the container; begin again where a fault of the lab breaks it off."""
        while True:
            try:
                await self._probe(container, target)
            except Exception as error:
                log.exception("%s cannot be probed", self._label)
                message = f"the lab cannot probe the container: {tasks.describe(error)}"
                self._record("ProbeError", message, warning=True)
                await asyncio.sleep(_PROBE_AGAIN_S)
            else:
                return

    async def _probe(self, container: Container, target: probes.ProbedContainer) -> None:
        """Probe a run of the container until it ends; the other probes wait for the first."""
        startup, budget = self.spec.get("startupProbe"), self.machine.budget
        if startup:
            if not await probes.has_started(startup, target, budget):
                await self._restart(container, "startup", startup)
                return
            self.state.has_started = True
            self._set_ready(not self.spec.get("readinessProbe"))
        readiness, liveness = self.spec.get("readinessProbe"), self.spec.get("livenessProbe")
        async with asyncio.TaskGroup() as group:
            if readiness:
                group.create_task(probes.watch(readiness, target, self._set_ready, budget))
            if liveness:
                group.create_task(self._keep_alive(container, liveness, target))

    async def _keep_alive(
        self, container: Container, probe: Obj, target: probes.ProbedContainer
    ) -> None:
        await probes.until_dead(probe, target)
        await self._restart(container, "liveness", probe)

    async def _restart(self, container: Container, which: str, probe: Obj) -> None:
        """End a run of the container that a probe has given up; its end brings the next one."""
        name = self.state.name
        self._record("Unhealthy", f"{which.capitalize()} probe failed", warning=True)
        self._record("Killing", f"Container {name} failed {which} probe, will be restarted")
        own_s = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
        container.terminate()
        # The end of the container ends this task as well; only a stubborn one gets to the kill.
        await asyncio.sleep(probe.get("terminationGracePeriodSeconds", own_s))
        container.kill()

    def _ports(self) -> Sequence[Obj]:
        return self.spec.get("ports") or []

    def _set_ready(self, ready: bool) -> None:
        self.state.passed_probe = ready
        self.publish()

    async def _run_probe_command(self, argv: Sequence[str]) -> int:
        command = self.command()
        with self.sandbox.entered():
            try:
                pid = processes.spawn(argv, command.env, Stdio(), cwd=command.cwd)
            except SpawnError:
                return _START_ERROR_CODE
        ended = self.machine.reaper.watch(pid)
        try:
            return await asyncio.shield(ended)
        finally:
            if not ended.done():
                processes.signal_group(pid, signal.SIGKILL)

    @property
    def _label(self) -> str:
        meta = self.pod["metadata"]
        return f"container {self.state.name} of pod {meta['namespace']}/{meta['name']}"

    def _record(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.machine.events.record(self.pod, reason, message, warning=warning)
