"""As much of OpenAPI as kubectl reads before it writes; pure.

kubectl looks for two things: which kinds a group has, and whether their writes take `dryRun` and
`fieldValidation` (then it leaves validation to the server). The schemas are open objects. There is
no v2: kubectl asks for it as protobuf and goes on without it.
"""

from __future__ import annotations

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj
from netlab.apiserver.resources import GROUPS, RESOURCES, Resource

_OPTIONS = ("dryRun", "fieldManager", "fieldValidation", "force")


def document(path: tuple[str, ...]) -> Obj:
    """Return the document below /openapi; raise ApiError (NotFound)."""
    places = {"api/v1": "", **{f"apis/{group}/v1": group for group in GROUPS}}
    if path == ("v3",):
        return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}"} for place in places}}
    place = "/".join(path[1:])
    if path[:1] == ("v3",) and place in places:
        return _group(places[place])
    raise errors.no_such_path()


_INFO = {"title": "Kubernetes", "version": "v1"}


def _group(group: str) -> Obj:
    resources = [r for r in RESOURCES if r.group == group]
    paths: Obj = {}
    for resource in resources:
        paths |= _paths(resource)
    return {
        "openapi": "3.0.0",
        "info": _INFO,
        "paths": paths,
        "components": {"schemas": {_schema_name(r): _schema(r) for r in resources}},
    }


def _paths(resource: Resource) -> Obj:
    root = f"/apis/{resource.group}/v1" if resource.group else "/api/v1"
    inside = "/namespaces/{namespace}" if resource.namespaced else ""
    base = f"{root}{inside}/{resource.plural}"
    create = {"post": _operation(resource, "post")}
    if "patch" not in resource.verbs:
        return {base: create}
    change = {verb: _operation(resource, verb) for verb in ("put", "patch")}
    return {base: create, base + "/{name}": change}


def _operation(resource: Resource, action: str) -> Obj:
    return {
        "parameters": [{"name": name, "in": "query"} for name in _OPTIONS],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(resource),
    }


def _schema(resource: Resource) -> Obj:
    return {"type": "object", "x-kubernetes-group-version-kind": [_gvk(resource)]}


def _schema_name(resource: Resource) -> str:
    group = resource.group.partition(".")[0] or "core"
    return f"io.k8s.api.{group}.v1.{resource.kind}"


def _gvk(resource: Resource) -> Obj:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}
