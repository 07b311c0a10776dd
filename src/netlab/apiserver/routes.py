"""From a method and a path to what is asked for; pure.

Must not know: who asks, how it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from netlab.apiserver import errors
from netlab.apiserver.resources import GROUPS, Resource, find

Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]

_BY_METHOD: Mapping[str, tuple[Verb, Verb]] = {
    # method: verb with a name, verb without one
    "GET": ("get", "list"),
    "HEAD": ("get", "list"),
    "PUT": ("update", "update"),
    "PATCH": ("patch", "patch"),
    "DELETE": ("delete", "deletecollection"),
}

STREAMS = frozenset({"attach", "exec", "portforward"})
"""Subresources that one connects to, by GET (WebSocket) or POST (SPDY)."""

PROXY = "proxy"
"""The subresource with a path of its own behind it, which any method may go to."""

_TRUE = frozenset({"true", "1", ""})


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """A request to a resource, an object or a subresource."""

    verb: Verb
    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """A request for what the API offers: /version, /api, /apis, one group version, OpenAPI."""

    path: tuple[str, ...]


Route = ResourcePath | Discovery


def route(method: str, path: str, query: Mapping[str, str]) -> Route:
    """Return what a request asks for.

    Raises ApiError: NotFound for a path that leads nowhere, MethodNotAllowed for a verb that the
    resource does not have.
    """
    parts = tuple(part for part in path.split("/") if part)
    match parts:
        case ("api", "v1", _, *_):
            return _resource_path(method, "", "v1", parts[2:], query)
        case ("apis", group, version, _, *_) if group in GROUPS:
            return _resource_path(method, group, version, parts[3:], query)
        case _ if method in {"GET", "HEAD"}:
            return Discovery(parts)
        case _:
            raise errors.no_such_path()


def _resource_path(
    method: str, group: str, version: str, parts: Sequence[str], query: Mapping[str, str]
) -> ResourcePath:
    namespace, rest = _split_namespace(group, version, parts)
    resource = find(group, version, rest[0])
    too_long = len(rest) > 3 and rest[2] != PROXY
    if resource is None or too_long or (namespace and not resource.namespaced):
        raise errors.no_such_path()
    name = rest[1] if len(rest) > 1 else None
    subresource = rest[2] if len(rest) > 2 else None
    if resource.namespaced and name and not namespace:
        raise errors.no_such_path()
    verb = _verb(method, name, subresource, query)
    _check_verb(resource, verb, namespace, name, subresource)
    return ResourcePath(verb, resource, namespace, name, subresource)


def _split_namespace(
    group: str, version: str, parts: Sequence[str]
) -> tuple[str | None, Sequence[str]]:
    inside = len(parts) > 2 and parts[0] == "namespaces"
    # /namespaces/x/status is a subresource of x, /namespaces/x/pods a list in it.
    if inside and find(group, version, parts[2]) is not None:
        return parts[1], parts[2:]
    return None, parts


def _verb(method: str, name: str | None, subresource: str | None, query: Mapping[str, str]) -> Verb:
    if method == "POST" and (name is None or subresource):
        return "create"
    if method == "GET" and not subresource and query.get("watch", "false") in _TRUE:
        return "watch"
    if method not in _BY_METHOD:
        raise errors.method_not_allowed()
    return _BY_METHOD[method][0 if name else 1]


def _check_verb(
    resource: Resource,
    verb: Verb,
    namespace: str | None,
    name: str | None,
    subresource: str | None,
) -> None:
    if subresource is not None:
        offered = resource.subresource(subresource)
        if offered is None:
            raise errors.no_such_path()
        if verb not in offered.verbs:
            raise errors.method_not_allowed()
        return
    everywhere = resource.namespaced and namespace is None
    needs_name = verb in {"get", "update", "patch", "delete"}
    misplaced = (everywhere and verb not in {"list", "watch"}) or (needs_name and name is None)
    if verb not in resource.verbs or misplaced:
        raise errors.method_not_allowed()
