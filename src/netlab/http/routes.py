"""From a method and a path to what is asked for, and what the API offers at which path; pure.

Of discovery the plain lists only: kubectl names aggregated discovery first and takes these as
well. Of OpenAPI as much as kubectl reads before it writes: which kinds a group has, and whether
their writes take `dryRun` and `fieldValidation` (then it leaves validation to the server). There
is no v2: kubectl asks for it as protobuf and goes on without it.
Must not know: who asks, how it is answered.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from netlab.access.attributes import Attributes
from netlab.objects import apierrors
from netlab.objects.kinds import GROUPS, RESOURCES, ServedKind, find_kind
from netlab.objects.obj import Obj

_VERBS_OF_MANY = frozenset({"list", "watch", "deletecollection"})


def attributes_of(where: Route, method: str, path: str, query: Mapping[str, str]) -> Attributes:
    """Return the attributes of a request."""
    if isinstance(where, DiscoveryPath):
        return Attributes(verb=method.lower(), path=path)
    name = where.name or ""
    if not name and where.verb in _VERBS_OF_MANY:
        name = _selected_name(query.get("fieldSelector", ""))
    # A namespace is inside itself: a binding in it may allow to read it.
    inside = where.name if where.resource.plural == "namespaces" else where.namespace
    return Attributes(
        verb=where.verb,
        group=where.resource.group,
        resource=where.resource.plural,
        subresource=where.subresource or "",
        namespace=inside or "",
        name=name,
    )


def _selected_name(selector: str) -> str:
    """Return the one name that a field selector lets through, "" where it lets more."""
    for term in selector.split(","):
        key, _, value = term.replace("==", "=").partition("=")
        if key.strip() == "metadata.name":
            return value.strip()
    return ""


Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]

_BY_METHOD: Mapping[str, tuple[Verb, Verb]] = {
    # method: verb with a name, verb without one
    "GET": ("get", "list"),
    "HEAD": ("get", "list"),
    "PUT": ("update", "update"),
    "PATCH": ("patch", "patch"),
    "DELETE": ("delete", "deletecollection"),
}

PROXY = "proxy"
"""The subresource with a path of its own behind it, which any method may go to."""

_TRUE_TEXTS = frozenset({"true", "1", ""})


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """A request to a resource, an object or a subresource."""

    verb: Verb
    resource: ServedKind
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None


@dataclass(frozen=True, slots=True)
class DiscoveryPath:
    """A request for what the API offers: /version, /api, /apis, one group version, OpenAPI."""

    path: tuple[str, ...]


Route = ResourcePath | DiscoveryPath


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
            return DiscoveryPath(parts)
        case _:
            raise apierrors.no_such_path()


def _resource_path(
    method: str, group: str, version: str, parts: Sequence[str], query: Mapping[str, str]
) -> ResourcePath:
    namespace, rest = _split_namespace(group, version, parts)
    resource = find_kind(group, version, rest[0])
    too_long = len(rest) > 3 and rest[2] != PROXY
    if resource is None or too_long or (namespace and not resource.namespaced):
        raise apierrors.no_such_path()
    name = rest[1] if len(rest) > 1 else None
    subresource = rest[2] if len(rest) > 2 else None
    if resource.namespaced and name and not namespace:
        raise apierrors.no_such_path()
    verb = _verb_of(method, name, subresource, query)
    _check_verb(resource, verb, namespace, name, subresource)
    return ResourcePath(verb, resource, namespace, name, subresource)


def _split_namespace(
    group: str, version: str, parts: Sequence[str]
) -> tuple[str | None, Sequence[str]]:
    inside = len(parts) > 2 and parts[0] == "namespaces"
    # /namespaces/x/status is a subresource of x, /namespaces/x/pods a list in it.
    if inside and find_kind(group, version, parts[2]) is not None:
        return parts[1], parts[2:]
    return None, parts


def _verb_of(
    method: str, name: str | None, subresource: str | None, query: Mapping[str, str]
) -> Verb:
    if method == "POST" and (name is None or subresource):
        return "create"
    if method == "GET" and not subresource and query.get("watch", "false") in _TRUE_TEXTS:
        return "watch"
    if method not in _BY_METHOD:
        raise apierrors.method_not_allowed()
    return _BY_METHOD[method][0 if name else 1]


def _check_verb(
    resource: ServedKind,
    verb: Verb,
    namespace: str | None,
    name: str | None,
    subresource: str | None,
) -> None:
    if subresource is not None:
        offered = resource.subresource(subresource)
        if offered is None:
            raise apierrors.no_such_path()
        if verb not in offered.verbs:
            raise apierrors.method_not_allowed()
        return
    everywhere = resource.namespaced and namespace is None
    needs_name = verb in {"get", "update", "patch", "delete"}
    misplaced = (everywhere and verb not in {"list", "watch"}) or (needs_name and name is None)
    if verb not in resource.verbs or misplaced:
        raise apierrors.method_not_allowed()


_WRITE_OPTIONS = ("dryRun", "fieldManager", "fieldValidation", "force")


def _openapi_document(path: tuple[str, ...]) -> Obj:
    """Return the document below /openapi; raise ApiError (NotFound)."""
    places = {"api/v1": "", **{f"apis/{group}/v1": group for group in GROUPS}}
    if path == ("v3",):
        return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}"} for place in places}}
    place = "/".join(path[1:])
    if path[:1] == ("v3",) and place in places:
        return _openapi_group(places[place])
    raise apierrors.no_such_path()


_OPENAPI_INFO = {"title": "Kubernetes", "version": "v1"}


def _openapi_group(group: str) -> Obj:
    resources = [r for r in RESOURCES if r.group == group]
    paths: Obj = {}
    for resource in resources:
        paths |= _openapi_paths(resource)
    return {
        "openapi": "3.0.0",
        "info": _OPENAPI_INFO,
        "paths": paths,
        "components": {"schemas": {_schema_name(r): _openapi_schema(r) for r in resources}},
    }


def _openapi_paths(resource: ServedKind) -> Obj:
    root = f"/apis/{resource.group}/v1" if resource.group else "/api/v1"
    inside = "/namespaces/{namespace}" if resource.namespaced else ""
    base = f"{root}{inside}/{resource.plural}"
    create = {"post": _openapi_operation(resource, "post")}
    if "patch" not in resource.verbs:
        return {base: create}
    change = {verb: _openapi_operation(resource, verb) for verb in ("put", "patch")}
    return {base: create, base + "/{name}": change}


def _openapi_operation(resource: ServedKind, action: str) -> Obj:
    return {
        "parameters": [{"name": name, "in": "query"} for name in _WRITE_OPTIONS],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(resource),
    }


def _openapi_schema(resource: ServedKind) -> Obj:
    return {"type": "object", "x-kubernetes-group-version-kind": [_gvk(resource)]}


def _schema_name(resource: ServedKind) -> str:
    group = resource.group.partition(".")[0] or "core"
    return f"io.k8s.api.{group}.v1.{resource.kind}"


def _gvk(resource: ServedKind) -> Obj:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


KUBERNETES_VERSION = "v1.35.0"
"""The Kubernetes release whose behaviour this API follows."""

_HEALTH_PATHS = frozenset({"healthz", "livez", "readyz"})


def discovery_document(path: tuple[str, ...]) -> Obj | str:
    """Return the document at a path; raise ApiError (NotFound)."""
    match path:
        case ("version",):
            return _version_document()
        case ("api" | "apis" as root, *rest):
            return _api_document(root, tuple(rest))
        case ("openapi", *rest):
            return _openapi_document(tuple(rest))
        case (name, *_) if name in _HEALTH_PATHS:
            return "ok"
        case _:
            raise apierrors.no_such_path()


def _api_document(root: str, rest: tuple[str, ...]) -> Obj:
    match (root, *rest):
        case ("api",):
            return {"kind": "APIVersions", "apiVersion": "v1", "versions": ["v1"]}
        case ("api", "v1"):
            return _api_resources("", "v1")
        case ("apis",):
            groups = [_api_group(name) for name in GROUPS]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ("apis", group) if group in GROUPS:
            return {"kind": "APIGroup", "apiVersion": "v1", **_api_group(group)}
        case ("apis", group, "v1") if group in GROUPS:
            return _api_resources(group, "v1")
        case _:
            raise apierrors.no_such_path()


def _version_document() -> Obj:
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"{KUBERNETES_VERSION}+netlab",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system()}/{platform.machine()}".lower(),
    }


def _api_group(name: str) -> Obj:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _api_resources(group: str, version: str) -> Obj:
    offered = [r for r in RESOURCES if (r.group, r.version) == (group, version)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [entry for resource in offered for entry in _kind_entries(resource)],
    }


def _kind_entries(resource: ServedKind) -> list[Obj]:
    entry: Obj = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    sub_entries = [
        {
            "name": f"{resource.plural}/{sub.name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        for sub in resource.subresources
    ]
    return [entry, *sub_entries]
