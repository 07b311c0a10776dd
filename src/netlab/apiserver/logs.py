"""Container logs over HTTP: pods/log, whole, its end, or followed."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj, at
from netlab.apiserver.runtime import Runtime, RuntimeRefusal
from netlab.apiserver.streams.target import container_of, flag

_HEADERS = {"Content-Type": "text/plain"}


async def serve(
    request: web.BaseRequest, runtime: Runtime, pod: Obj, query: Mapping[str, str]
) -> web.StreamResponse:
    """Answer with a container's log; sinceSeconds and timestamps are taken and do nothing."""
    container = container_of(pod, query.get("container", ""))
    tail_lines, limit = _number(query, "tailLines"), _number(query, "limitBytes")
    previous = flag(query.get("previous", ""))
    _check_started(pod, container)
    try:
        whole = runtime.log(pod, container, previous=previous)
    except RuntimeRefusal as refusal:
        raise errors.bad_request(str(refusal)) from refusal
    if previous or not flag(query.get("follow", "")):
        return web.Response(body=cut(whole, tail_lines, limit), headers=_HEADERS)
    skip = len(whole) - len(cut(whole, tail_lines, None))
    return await _follow(request, runtime, (pod, container), skip=skip)


def cut(log: bytes, tail_lines: int | None, limit_bytes: int | None) -> bytes:
    """Return the last lines of a log, and of those the first bytes; None is no limit."""
    if tail_lines is not None:
        lines = log.splitlines(keepends=True)
        log = b"".join(lines[len(lines) - tail_lines :]) if tail_lines < len(lines) else log
        log = log if tail_lines else b""
    return log if limit_bytes is None else log[:limit_bytes]


async def _follow(
    request: web.BaseRequest, runtime: Runtime, whose: tuple[Obj, str], *, skip: int
) -> web.StreamResponse:
    response = web.StreamResponse(headers=_HEADERS)
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
    mine: Obj = next((s for s in statuses if s.get("name") == container), {})
    waiting = at(mine, "state", "waiting")
    if at(pod, "spec", "nodeName") and (waiting is None or mine.get("restartCount")):
        return
    name = pod["metadata"]["name"]
    reason = (waiting or {}).get("reason") or "ContainerCreating"
    if reason in {"ContainerCreating", "PodInitializing"}:
        said = f'container "{container}" in pod "{name}" is waiting to start: {reason}'
    else:
        said = (
            f'container "{container}" in pod "{name}" is waiting to start: '
            f"{(waiting or {}).get('message') or reason}"
        )
    raise errors.bad_request(said)


def _number(query: Mapping[str, str], key: str) -> int | None:
    text = query.get(key)
    if not text:
        return None
    if not text.isdigit():
        why = f"{key}: Invalid value: {text}: must be greater than or equal to 0"
        raise errors.bad_request(why)
    return int(text)
