"""What an exec, attach, log or port-forward request is about: pod, container, command.

Raises ApiError in the API server's words, before a connection is upgraded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj, at


class Query(Protocol):
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


_ENDED = frozenset({"Succeeded", "Failed"})
_TRUE = frozenset({"true", "1"})


def exec_target(pod: Obj, query: Query) -> ExecTarget:
    """Return what an exec request asks for."""
    argv = tuple(query.getall("command", ()))
    if not argv:
        raise errors.bad_request("you must specify at least 1 of command")
    return _target(pod, query, argv)


def attach_target(pod: Obj, query: Query) -> ExecTarget:
    """Return what an attach request asks for."""
    return _target(pod, query, ())


def _target(pod: Obj, query: Query, argv: tuple[str, ...]) -> ExecTarget:
    wants = {name: flag(query.get(name, "")) for name in ("stdin", "stdout", "stderr", "tty")}
    if not (wants["stdin"] or wants["stdout"] or wants["stderr"]):
        raise errors.bad_request("you must specify at least 1 of stdin, stdout, stderr")
    check_running(pod)
    if wants["tty"]:
        wants["stderr"] = False  # a terminal has one output
    return ExecTarget(pod, container_of(pod, query.get("container", "")), argv, **wants)


def ports_of(query: Query) -> tuple[int, ...]:
    """Return the ports that a port-forward over a plain WebSocket names."""
    texts = [text for given in query.getall("ports", ()) for text in given.split(",") if text]
    for text in texts:
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            raise errors.bad_request(f'unable to parse "{text}" as a port')
    if not texts:
        raise errors.bad_request('query parameter "ports" is required')
    return tuple(int(text) for text in texts)


def container_of(pod: Obj, wanted: str) -> str:
    """Return the container that is meant: the one named, or the only one."""
    spec = pod.get("spec") or {}
    names = [str(container["name"]) for container in spec.get("containers") or []]
    hidden = [str(container["name"]) for container in spec.get("initContainers") or []]
    ephemeral = [str(container["name"]) for container in spec.get("ephemeralContainers") or []]
    pod_name = pod["metadata"]["name"]
    if wanted:
        if wanted in (*names, *hidden, *ephemeral):
            return wanted
        raise errors.bad_request(f"container {wanted} is not valid for pod {pod_name}")
    if len(names) == 1:
        return names[0]
    also = f" or one of the init containers: [{' '.join(hidden)}]" if hidden else ""
    why = (
        f"a container name must be specified for pod {pod_name}, "
        f"choose one of: [{' '.join(names)}]{also}"
    )
    raise errors.bad_request(why)


def check_running(pod: Obj) -> None:
    """Raise ApiError where a pod has no node yet or has ended."""
    name = pod["metadata"]["name"]
    if not at(pod, "spec", "nodeName"):
        raise errors.bad_request(f"pod {name} does not have a host assigned")
    phase = at(pod, "status", "phase")
    if phase in _ENDED:
        why = f"cannot exec into a container in a completed pod; current phase is {phase}"
        raise errors.bad_request(why)


def flag(text: str) -> bool:
    """Read a boolean query parameter."""
    return text.lower() in _TRUE


def plain(query: Mapping[str, Sequence[str]]) -> Query:
    """Return a Query over a mapping of lists, as urllib.parse makes it."""
    return _Plain(query)


class _Plain:
    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    def get(self, key: str, default: str, /) -> str:
        found = self._values.get(key)
        return found[0] if found else default

    def getall(self, key: str, default: Sequence[str], /) -> Sequence[str]:
        return self._values.get(key, default)
