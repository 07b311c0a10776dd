"""One pod's life on its node: sandbox, init containers, containers, end.

Must not know: how the pod got its node, or what else runs there.
"""

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import replace

from netlab import tasks
from netlab.controllers import podspec, podstatus
from netlab.controllers.containers import ContainerKeeper
from netlab.controllers.machine import BuiltInPod, LabMachine
from netlab.controllers.podspec import SpecError
from netlab.controllers.podstatus import ContainerState, PodState
from netlab.controllers.policies import CompileError
from netlab.dataplane.nft import NftError
from netlab.node.addressplan import OUTSIDE_NAME, PoolExhaustedError
from netlab.node.container import Container, ContainerCommand
from netlab.node.mounts import HOST_RESOLV, cluster_resolv_conf
from netlab.node.runtime import RunningPod
from netlab.node.sandbox import Sandbox
from netlab.objects.obj import ENDED, Obj
from netlab.objects.store import now

log = logging.getLogger(__name__)

_KILL_S = 10.0  # a killed process ends at once, unless the kernel itself hangs in it


class PodWorker:
    """Brings one pod to life, keeps it alive, and ends it."""

    def __init__(self, machine: LabMachine, pod: Obj) -> None:
        self._machine = machine
        self._pod = pod
        self._sandbox: Sandbox | None = None
        self._containers: dict[str, Container] = {}
        self._state = PodState(
            start_time=now(),
            host_ips=machine.host_ips(pod["spec"]["nodeName"]),
            init=[_state_of(spec) for spec in podspec.containers(pod, "initContainers")],
            main=[_state_of(spec) for spec in podspec.containers(pod)],
            restart_policy=pod["spec"].get("restartPolicy", "Always"),
        )
        self._ephemeral: dict[str, asyncio.Task[None]] = {}
        self._is_up = False
        self._until = math.inf
        self._shortened = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._life = tasks.start(self._live(), f"the life of pod {self._label}", self._fail)

    @property
    def uid(self) -> str:
        return str(self._pod["metadata"]["uid"])

    @property
    def _label(self) -> str:
        return "/".join(self._key)

    def update(self, pod: Obj) -> None:
        """Take note of a change of the pod: ephemeral containers may have been added."""
        self._pod = pod
        self._start_ephemeral()

    def end(self, grace_s: float) -> "asyncio.Task[None]":
        """Begin to end the pod, or hurry an end that has begun; the task is done when it is.

        A grace that was given can be made shorter, and no longer.
        """
        until = asyncio.get_running_loop().time() + grace_s
        if until < self._until:
            self._until = until
            self._shortened.set()
        if self._ending is None:
            self._ending = tasks.start(self._end(), f"the end of pod {self._label}")
        return self._ending

    async def _live(self) -> None:
        try:
            sandbox = self._make_sandbox()
        except (SpecError, OSError, PoolExhaustedError) as error:
            self._cannot_start(str(error))
            return
        self._state.ips = sandbox.ips
        self._machine.running[self.uid] = RunningPod(
            sandbox, self._containers, built_in=self._key in self._machine.built_in
        )
        self._publish()
        await self._wait_for_rules()
        self._is_up = True
        self._start_ephemeral()
        if self._key in self._machine.built_in:
            await self._run_built_in(self._machine.built_in[self._key], sandbox)
            return
        if await self._run_init_containers(sandbox):
            await self._run_containers(sandbox)
        if podstatus.phase_of(self._state) in ENDED:
            await self._complete()

    async def _wait_for_rules(self) -> None:
        """Wait until the policies that select the pod hold for its address: it must not run before.

        Where the rules cannot be applied it runs nevertheless, as on a node whose network plugin
        has trouble with a policy; the node's status says so, and here the pod's events do.
        """
        try:
            await self._machine.policies.settled()
        except (NftError, CompileError) as error:
            message = f"the pod starts without the rules for its address: {error}"
            self._machine.events.record(self._pod, "NetworkNotReady", message, warning=True)

    def _fail(self, error: Exception) -> None:
        """Say of a pod that it is not run any more because of a fault of the lab."""
        message = f"the lab cannot run this pod: {tasks.describe(error)}"
        for state in (*self._state.init, *self._state.main):
            if "waiting" in state.state:
                state.state = podstatus.waiting("ContainerCreating", message)
        self._machine.events.record(self._pod, "FailedSync", message, warning=True)
        self._publish()

    @property
    def _key(self) -> tuple[str, str]:
        return self._pod["metadata"]["namespace"], self._pod["metadata"]["name"]

    def _make_sandbox(self) -> Sandbox:
        pod, spec = self._pod, self._pod["spec"]
        host_network = podspec.uses_host_network(pod)
        if spec["nodeName"] == OUTSIDE_NAME and not host_network:
            message = f"pods on node {OUTSIDE_NAME} need `hostNetwork: true`: it has no pod network"
            raise SpecError("FailedCreatePodSandBox", message)
        settings = podspec.sysctls(pod)
        cluster_dns = podspec.uses_cluster_dns(pod)
        self._sandbox = self._machine.sandboxes.create(
            spec["nodeName"],
            hostname=podspec.hostname(pod),
            host_network=host_network,
            resolv_conf=cluster_resolv_conf(self._key[0]) if cluster_dns else HOST_RESOLV,
        )
        self._sandbox.apply_sysctls(settings)
        return self._sandbox

    def _cannot_start(self, message: str) -> None:
        for state in (*self._state.init, *self._state.main):
            state.state = podstatus.waiting("ContainerCreating", message)
        self._publish()
        self._machine.events.record(self._pod, "FailedCreatePodSandBox", message, warning=True)

    async def _run_built_in(self, start: BuiltInPod, sandbox: Sandbox) -> None:
        for state in self._state.main:
            self._containers[state.name] = Container(
                state.name, ContainerCommand((), self._environment({}))
            )
        await start(sandbox)
        for state in self._state.main:
            state.state = podstatus.running(now())
            state.has_started = state.passed_probe = True
        self._publish()

    async def _run_init_containers(self, sandbox: Sandbox) -> bool:
        """Run them one after the other; tell whether all succeeded."""
        specs = podspec.containers(self._pod, "initContainers")
        for spec, state in zip(specs, self._state.init, strict=True):
            restart = "Never" if self._state.restart_policy == "Never" else "OnFailure"
            await self._keeper(spec, state, sandbox, restart).run()
            if state.exit_code != 0:
                return False
        return True

    async def _run_containers(self, sandbox: Sandbox) -> None:
        specs = podspec.containers(self._pod)
        restart = self._state.restart_policy
        async with asyncio.TaskGroup() as group:
            for spec, state in zip(specs, self._state.main, strict=True):
                group.create_task(self._keeper(spec, state, sandbox, restart).run())

    async def _complete(self) -> None:
        """Give the network up of a pod that has ended for good, as a kubelet stops its sandbox.

        The object stays, and its status goes on naming an address that may soon be another pod's;
        so do the containers, for whoever asks what they wrote.
        """
        await tasks.end(*self._ephemeral.values())
        running = self._machine.running[self.uid]
        self._machine.running[self.uid] = replace(running, sandbox=None)
        self._leave_place(reuse=True)

    def _leave_place(self, *, reuse: bool = False) -> None:
        """Kill what is left of the pod and give its place on the machine up, if it has one."""
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            self._machine.sweeper.kill_all(sandbox.uts_inode)
            self._machine.sandboxes.remove(sandbox, reuse=reuse)

    def _start_ephemeral(self) -> None:
        """Start the ephemeral containers that have not been started; each runs once."""
        sandbox = self._sandbox
        is_over = podstatus.phase_of(self._state) in ENDED
        if not self._is_up or sandbox is None or self._ending is not None or is_over:
            return
        for spec in podspec.containers(self._pod, "ephemeralContainers"):
            if spec["name"] not in self._ephemeral:
                state = _state_of(spec)
                self._state.ephemeral.append(state)
                work = self._keeper(spec, state, sandbox, "Never").run()
                label = f"ephemeral container {spec['name']} of pod {self._label}"
                self._ephemeral[spec["name"]] = tasks.start(work, label, self._fail)

    def _keeper(
        self, spec: Obj, state: ContainerState, sandbox: Sandbox, restart: str
    ) -> ContainerKeeper:
        return ContainerKeeper(
            machine=self._machine,
            pod=self._pod,
            spec=spec,
            state=state,
            sandbox=sandbox,
            restart=restart,
            command=lambda: self._command(spec),
            started=lambda container: self._containers.__setitem__(state.name, container),
            publish=self._publish,
        )

    def _command(self, spec: Obj) -> ContainerCommand:
        """Return what a container runs; raise SpecError."""
        podspec.check(self._pod, spec)
        env = self._environment(spec)
        return ContainerCommand(podspec.arguments(spec, env), env, spec.get("workingDir") or "/")

    def _environment(self, spec: Obj) -> dict[str, str]:
        ips, host_ips = tuple(self._state.ips), tuple(self._state.host_ips)
        base = self._machine.environment
        return podspec.environment(self._pod, spec, base=base, ips=ips, host_ips=host_ips)

    def _publish(self) -> None:
        """Write the status; a pod that was deleted meanwhile has none any more."""
        namespace, name = self._key
        current = self._machine.store.find("pods", namespace, name)
        if current is not None and current["metadata"]["uid"] == self.uid:
            status = podstatus.status_of(self._state, current.get("status") or {}, now())
            new = {**current, "status": status}
            self._machine.store.update("pods", new, subresource="status")

    async def _end(self) -> None:
        """End the pod; whatever goes wrong, what is left of it is killed and its place given up."""
        try:
            await self._end_containers()
        except Exception:
            log.exception("the containers of pod %s did not end as they should", self._label)
        self._machine.running.pop(self.uid, None)
        self._leave_place()

    async def _end_containers(self) -> None:
        await tasks.end(self._life, *self._ephemeral.values())
        ended = [c.ended for c in self._containers.values() if c.ended and not c.ended.done()]
        if ended:
            for container in self._containers.values():
                container.terminate()
            await self._wait_for(ended)
            for container in self._containers.values():
                container.kill()
            _, alive = await asyncio.wait(ended, timeout=_KILL_S)
            if alive:
                log.error("pod %s: %d processes outlive their kill", self._label, len(alive))
            self._publish_ends()

    async def _wait_for(self, ended: "Sequence[asyncio.Future[int]]") -> None:
        """Wait until all have ended or the grace period is over, however it is shortened."""
        loop = asyncio.get_running_loop()
        all_ended = asyncio.create_task(_all_of(ended))
        while not all_ended.done() and (left_s := self._until - loop.time()) > 0:
            self._shortened.clear()
            shortened = asyncio.create_task(self._shortened.wait())
            both = {shortened, all_ended}
            await asyncio.wait(both, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            shortened.cancel()
        all_ended.cancel()

    def _publish_ends(self) -> None:
        """Say how the containers ended, as the last that is heard of a pod that was deleted."""
        for state in self._state.main:
            ended = self._containers[state.name].ended if state.is_running else None
            if ended is not None and ended.done():
                state.state = podstatus.terminated(
                    ended.result(),
                    started=state.state["running"]["startedAt"],
                    finished=now(),
                    container_id=state.container_id,
                )
        self._publish()


async def _all_of(futures: "Sequence[asyncio.Future[int]]") -> bool:
    await asyncio.wait(futures)
    return True


def _state_of(spec: Obj) -> ContainerState:
    return ContainerState(name=spec["name"], image=spec.get("image", ""))
