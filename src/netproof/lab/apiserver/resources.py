"""The kinds this API serves, as a table; every other module looks kinds up here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ALL_VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)


@dataclass(frozen=True, slots=True)
class Subresource:
    """A path below an object, such as pods/log, with its verbs."""

    name: str
    kind: str
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind: its names, its place in the API and what may be done with it."""

    plural: str
    kind: str
    namespaced: bool = True
    group: str = ""
    version: str = "v1"
    short_names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name in messages: the plural, with the group where there is one."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def subresource(self, name: str) -> Subresource | None:
        """Return the subresource of a name, None where the kind has no such."""
        return next((sub for sub in self.subresources if sub.name == name), None)


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, ("get", "patch", "update"))


_POD_SUBRESOURCES = (
    Subresource("exec", "PodExecOptions", ("create", "get")),
    Subresource("log", "Pod", ("get",)),
    Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
    _status("Pod"),
)

RESOURCES: tuple[Resource, ...] = (
    Resource("configmaps", "ConfigMap", short_names=("cm",)),
    Resource("events", "Event", short_names=("ev",)),
    Resource(
        "namespaces",
        "Namespace",
        namespaced=False,
        short_names=("ns",),
        # The API server offers no deletecollection of namespaces.
        verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
        subresources=(_status("Namespace"),),
    ),
    Resource(
        "nodes", "Node", namespaced=False, short_names=("no",), subresources=(_status("Node"),)
    ),
    Resource(
        "pods",
        "Pod",
        short_names=("po",),
        subresources=_POD_SUBRESOURCES,
        categories=("all",),
    ),
    Resource("serviceaccounts", "ServiceAccount", short_names=("sa",)),
    Resource(
        "services",
        "Service",
        short_names=("svc",),
        subresources=(_status("Service"),),
        categories=("all",),
    ),
    Resource("endpointslices", "EndpointSlice", group="discovery.k8s.io"),
    Resource(
        "networkpolicies", "NetworkPolicy", group="networking.k8s.io", short_names=("netpol",)
    ),
    Resource(
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        namespaced=False,
        group="authorization.k8s.io",
        verbs=("create",),
    ),
)

BY_PLURAL: Mapping[str, Resource] = {resource.plural: resource for resource in RESOURCES}

STORED: tuple[Resource, ...] = tuple(r for r in RESOURCES if "list" in r.verbs)
"""Kinds with objects in the store; an access review is an answer, not an object."""

GROUPS: tuple[str, ...] = tuple(dict.fromkeys(r.group for r in RESOURCES if r.group))


def find(group: str, version: str, plural: str) -> Resource | None:
    """Return the resource at a place in the API, None where there is none."""
    resource = BY_PLURAL.get(plural)
    if resource is None or (resource.group, resource.version) != (group, version):
        return None
    return resource
