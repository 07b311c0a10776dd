"""Probes: ask a container whether it has started, is ready, is alive, as its node's kubelet does.

TCP and HTTP come from the node's own address, which policies do not filter.
Must not know: what follows from the answer.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netlab.node.netns import NetNS
from netlab.objects.obj import Obj

ExecCommand = Callable[[Sequence[str]], Awaitable[int]]

# Until a container is ready for the first time it is asked this often: readiness then costs
# milliseconds instead of a period. Many that wait share one budget of probes per second, so that
# asking does not keep the containers from starting.
_EAGER_S = 0.05
_EAGER_BUDGET_PER_S = 400


@dataclass(frozen=True, slots=True)
class ProbedContainer:
    """Where and how a container is asked."""

    node: NetNS
    ip: str
    ports: Mapping[Any, int]  # named container ports
    run: ExecCommand


@dataclass(slots=True)
class EagerBudget:
    """How many containers wait for their first success; sets the pause between their probes."""

    waiting: int = 0

    def pause_s(self) -> float:
        return max(_EAGER_S, self.waiting / _EAGER_BUDGET_PER_S)


async def passes(probe: Obj, target: ProbedContainer) -> bool:
    """Make one probe; a refusal, a wrong answer and a timeout are all a no."""
    try:
        async with asyncio.timeout(probe.get("timeoutSeconds", 1)):
            return await _probe_once(probe, target)
    except (OSError, TimeoutError, ValueError):
        return False


async def has_started(probe: Obj, target: ProbedContainer, budget: EagerBudget) -> bool:
    """Probe until the first success; tell whether it came before the probe's patience ended."""
    limit_s = probe.get("failureThreshold", 3) * probe.get("periodSeconds", 10)
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    try:
        async with asyncio.timeout(limit_s):
            await _first_success(probe, target, budget)
    except TimeoutError:
        return False
    return True


async def watch(
    probe: Obj, target: ProbedContainer, tell: Callable[[bool], None], budget: EagerBudget
) -> None:
    """Probe for ever and tell each change of mind, starting from "not ready"."""
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    await _first_success(probe, target, budget)
    tell(True)
    ready, failures = True, 0
    while True:
        await asyncio.sleep(probe.get("periodSeconds", 10))
        passed = await passes(probe, target)
        failures = 0 if passed else failures + 1
        now_ready = failures < probe.get("failureThreshold", 3) if ready else passed
        if now_ready is not ready:
            ready = now_ready
            tell(ready)


async def until_dead(probe: Obj, target: ProbedContainer) -> None:
    """Probe until as many in a row have failed as the probe puts up with."""
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    failures = 0
    while failures < probe.get("failureThreshold", 3):
        await asyncio.sleep(probe.get("periodSeconds", 10))
        failures = 0 if await passes(probe, target) else failures + 1


async def _first_success(probe: Obj, target: ProbedContainer, budget: EagerBudget) -> None:
    budget.waiting += 1
    try:
        while not await passes(probe, target):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(budget.pause_s())
    finally:
        budget.waiting -= 1


async def _probe_once(probe: Obj, target: ProbedContainer) -> bool:
    if "exec" in probe:
        return await target.run(probe["exec"]["command"]) == 0
    if "tcpSocket" in probe:
        with await _connected_socket(probe["tcpSocket"], target):
            return True
    return await _http_ok(probe["httpGet"], target)


async def _http_ok(request: Obj, target: ProbedContainer) -> bool:
    """Make a GET request; any status from 200 to 399 is a yes."""
    reader, writer = await asyncio.open_connection(sock=await _connected_socket(request, target))
    try:
        host = request.get("host") or target.ip
        path = request.get("path") or "/"
        headers = {h["name"]: h["value"] for h in request.get("httpHeaders") or []}
        head = {"Host": host, "User-Agent": "kube-probe/lab", "Connection": "close", **headers}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        status = (await reader.readline()).split()
        return len(status) > 1 and 200 <= int(status[1]) < 400
    finally:
        writer.close()


async def _connected_socket(action: Obj, target: ProbedContainer) -> socket.socket:
    port = int(target.ports.get(action["port"], action["port"]))
    ip = action.get("host") or target.ip
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with target.node:
        sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (ip, port))
    except BaseException:
        sock.close()
        raise
    return sock
