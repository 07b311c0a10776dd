"""What the API offers, as clients ask for it before anything else; pure.

The plain lists only: kubectl names aggregated discovery first and takes these as well.
"""

from __future__ import annotations

import platform

from netlab.apiserver import errors, openapi
from netlab.apiserver.objects import Obj
from netlab.apiserver.resources import GROUPS, RESOURCES, Resource

VERSION = "v1.35.0"
"""The Kubernetes release whose behaviour this API follows."""

_HEALTH = frozenset({"healthz", "livez", "readyz"})


def document(path: tuple[str, ...]) -> Obj | str:
    """Return the document at a path; raise ApiError (NotFound)."""
    match path:
        case ("version",):
            return _version()
        case ("api" | "apis" as root, *rest):
            return _offer(root, tuple(rest))
        case ("openapi", *rest):
            return openapi.document(tuple(rest))
        case (name, *_) if name in _HEALTH:
            return "ok"
        case _:
            raise errors.no_such_path()


def _offer(root: str, rest: tuple[str, ...]) -> Obj:
    match (root, *rest):
        case ("api",):
            return {"kind": "APIVersions", "apiVersion": "v1", "versions": ["v1"]}
        case ("api", "v1"):
            return _resources("", "v1")
        case ("apis",):
            groups = [_group(name) for name in GROUPS]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ("apis", group) if group in GROUPS:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
        case ("apis", group, "v1") if group in GROUPS:
            return _resources(group, "v1")
        case _:
            raise errors.no_such_path()


def _version() -> Obj:
    major, minor, _ = VERSION.removeprefix("v").split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"{VERSION}+netlab",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system()}/{platform.machine()}".lower(),
    }


def _group(name: str) -> Obj:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(group: str, version: str) -> Obj:
    offered = [r for r in RESOURCES if (r.group, r.version) == (group, version)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [entry for resource in offered for entry in _entries(resource)],
    }


def _entries(resource: Resource) -> list[Obj]:
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
    below = [
        {
            "name": f"{resource.plural}/{sub.name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        for sub in resource.subresources
    ]
    return [entry, *below]
