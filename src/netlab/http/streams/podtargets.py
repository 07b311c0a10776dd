"""What a request into a pod is about: pod, container, command, ports; and pods/log.

Raises ApiError in the API server's words, before a connection is upgraded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from netlab.http.podruntime import PodRuntime
from netlab.objects import apierrors
from netlab.objects.limits import whole_number
from netlab.objects.obj import ENDED, Obj, at
from netlab.problems import RuntimeRefusal


class QueryParameters(Protocol):
    """A query whose parameters may occur more than once."""

    def get(self, key: str, default: str, /) -> str:
        """Return the first value."""

    def getall(self, key: str, default: Sequence[str], /) -> Sequence[str]:
        """Return all values."""


@dataclass(frozen=True, slots=True)
class ExecTarget:
    """A command for a container and the streams that its client wants.

    Without a command it is the container's own that the client wants to be attached to.
    """

    pod: Obj
    container: str
    argv: tuple[str, ...]
    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool


_TRUE_TEXTS = frozenset({"true", "1"})


def exec_target(pod: Obj, query: QueryParameters) -> ExecTarget:
    """Return what an exec request asks for."""
    argv = tuple(query.getall("command", ()))
    if not argv:
        raise apierrors.bad_request("you must specify at least 1 of command")
    return _command_target(pod, query, argv)


def attach_target(pod: Obj, query: QueryParameters) -> ExecTarget:
    """Return what an attach request asks for."""
    return _command_target(pod, query, ())


def _command_target(pod: Obj, query: QueryParameters, argv: tuple[str, ...]) -> ExecTarget:
    wants = {name: is_true(query.get(name, "")) for name in ("stdin", "stdout", "stderr", "tty")}
    if not (wants["stdin"] or wants["stdout"] or wants["stderr"]):
        raise apierrors.bad_request("you must specify at least 1 of stdin, stdout, stderr")
    check_running(pod)
    if wants["tty"]:
        wants["stderr"] = False  # a terminal has one output
    return ExecTarget(pod, container_of(pod, query.get("container", "")), argv, **wants)


def ports_of(query: QueryParameters) -> tuple[int, ...]:
    """Return the ports that a port-forward over a plain WebSocket names."""
    texts = [
        text for ports_text in query.getall("ports", ()) for text in ports_text.split(",") if text
    ]
    for text in texts:
        if not whole_number(text, 65535):
            raise apierrors.bad_request(f'unable to parse "{text[:40]}" as a port')
    if not texts:
        raise apierrors.bad_request('query parameter "ports" is required')
    return tuple(int(text) for text in texts)


def listed(lines: Iterable[str]) -> list[str]:
    """Return what a client lists in headers, with commas and spaces as it likes."""
    return [word for line in lines for part in line.split(",") if (word := part.strip())]


def container_of(pod: Obj, asked_name: str) -> str:
    """Return the container that is meant: the one named, or the only one."""
    spec = pod.get("spec") or {}
    names = [str(container["name"]) for container in spec.get("containers") or []]
    hidden = [str(container["name"]) for container in spec.get("initContainers") or []]
    ephemeral = [str(container["name"]) for container in spec.get("ephemeralContainers") or []]
    pod_name = pod["metadata"]["name"]
    if asked_name:
        if asked_name in (*names, *hidden, *ephemeral):
            return asked_name
        raise apierrors.bad_request(f"container {asked_name} is not valid for pod {pod_name}")
    if len(names) == 1:
        return names[0]
    also = f" or one of the init containers: [{' '.join(hidden)}]" if hidden else ""
    why = (
        f"a container name must be specified for pod {pod_name}, "
        f"choose one of: [{' '.join(names)}]{also}"
    )
    raise apierrors.bad_request(why)


def check_running(pod: Obj) -> None:
    """Raise ApiError where a pod has no node yet or has ended."""
    name = pod["metadata"]["name"]
    if not at(pod, "spec", "nodeName"):
        raise apierrors.bad_request(f"pod {name} does not have a host assigned")
    phase = at(pod, "status", "phase")
    if phase in ENDED:
        why = f"cannot exec into a container in a completed pod; current phase is {phase}"
        raise apierrors.bad_request(why)


def is_true(text: str) -> bool:
    """Read a boolean query parameter."""
    return text.lower() in _TRUE_TEXTS


def plain_parameters(query: Mapping[str, Sequence[str]]) -> QueryParameters:
    """Return a Query over a mapping of lists, as urllib.parse makes it."""
    return _PlainParameters(query)


class _PlainParameters:
    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    def get(self, key: str, default: str, /) -> str:
        values = self._values.get(key)
        return values[0] if values else default

    def getall(self, key: str, default: Sequence[str], /) -> Sequence[str]:
        return self._values.get(key, default)


_LOG_HEADERS = {"Content-Type": "text/plain"}


async def serve_log(
    request: web.BaseRequest, runtime: PodRuntime, pod: Obj, query: Mapping[str, str]
) -> web.StreamResponse:
    """Answer with a container's log; sinceSeconds and timestamps are taken and do nothing."""
    container = container_of(pod, query.get("container", ""))
    tail_lines, limit = _log_limit(query, "tailLines"), _log_limit(query, "limitBytes")
    previous = is_true(query.get("previous", ""))
    _check_started(pod, container)
    try:
        whole = runtime.log(pod, container, previous=previous)
    except RuntimeRefusal as refusal:
        raise apierrors.bad_request(str(refusal)) from refusal
    if previous or not is_true(query.get("follow", "")):
        return web.Response(body=last_lines(whole, tail_lines, limit), headers=_LOG_HEADERS)
    skip = len(whole) - len(last_lines(whole, tail_lines, None))
    return await _follow_log(request, runtime, (pod, container), skip=skip)


def last_lines(log: bytes, tail_lines: int | None, limit_bytes: int | None) -> bytes:
    """Return the last lines of a log, and of those the first bytes; None is no limit."""
    if tail_lines is not None:
        lines = log.splitlines(keepends=True)
        log = b"".join(lines[len(lines) - tail_lines :]) if tail_lines < len(lines) else log
        log = log if tail_lines else b""
    return log if limit_bytes is None else log[:limit_bytes]


async def _follow_log(
    request: web.BaseRequest, runtime: PodRuntime, whose: tuple[Obj, str], *, skip: int
) -> web.StreamResponse:
    response = web.StreamResponse(headers=_LOG_HEADERS)
    response.enable_chunked_encoding()
    await response.prepare(request)
    async for data in runtime.follow(*whose):
        new, skip = data[skip:], max(0, skip - len(data))
        if new:
            await response.write(new)
    await response.write_eof()
    return response


def _check_started(pod: Obj, container: str) -> None:
    statuses = at(pod, "status", "containerStatuses") or []
    own_status: Obj = next((s for s in statuses if s.get("name") == container), {})
    waiting = at(own_status, "state", "waiting")
    if at(pod, "spec", "nodeName") and (waiting is None or own_status.get("restartCount")):
        return
    name = pod["metadata"]["name"]
    reason = (waiting or {}).get("reason") or "ContainerCreating"
    if reason in {"ContainerCreating", "PodInitializing"}:
        message = f'container "{container}" in pod "{name}" is waiting to start: {reason}'
    else:
        message = (
            f'container "{container}" in pod "{name}" is waiting to start: '
            f"{(waiting or {}).get('message') or reason}"
        )
    raise apierrors.bad_request(message)


def _log_limit(query: Mapping[str, str], key: str) -> int | None:
    text = query.get(key)
    if not text:
        return None
    number = whole_number(text)
    if number is None:
        why = f"{key}: Invalid value: {text[:40]}: must be greater than or equal to 0"
        raise apierrors.bad_request(why)
    return number
