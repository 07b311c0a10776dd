"""The kinds this API serves, as a table; every other module looks kinds up here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RBAC_GROUP = "rbac.authorization.k8s.io"

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
class ServedKind:
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


def _proxy(kind: str) -> Subresource:
    return Subresource("proxy", kind, ("create", "delete", "get", "patch", "update"))


_POD_SUBRESOURCES = (
    Subresource("attach", "PodAttachOptions", ("create", "get")),
    Subresource("ephemeralcontainers", "Pod", ("get", "patch", "update")),
    Subresource("exec", "PodExecOptions", ("create", "get")),
    Subresource("log", "Pod", ("get",)),
    Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
    _proxy("PodProxyOptions"),
    _status("Pod"),
)

_TOKEN = Subresource("token", "TokenRequest", ("create",))


def _question(plural: str, kind: str, group: str, *, namespaced: bool = False) -> ServedKind:
    return ServedKind(plural, kind, namespaced=namespaced, group=group, verbs=("create",))


def _rbac_kind(plural: str, kind: str, *, namespaced: bool) -> ServedKind:
    return ServedKind(plural, kind, namespaced=namespaced, group=RBAC_GROUP)


_AUTHORIZATION = "authorization.k8s.io"

RESOURCES: tuple[ServedKind, ...] = (
    ServedKind("configmaps", "ConfigMap", short_names=("cm",)),
    ServedKind("events", "Event", short_names=("ev",)),
    ServedKind(
        "namespaces",
        "Namespace",
        namespaced=False,
        short_names=("ns",),
        # The API server offers no deletecollection of namespaces.
        verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
        subresources=(_status("Namespace"),),
    ),
    ServedKind(
        "nodes",
        "Node",
        namespaced=False,
        short_names=("no",),
        subresources=(_proxy("NodeProxyOptions"), _status("Node")),
    ),
    ServedKind(
        "pods",
        "Pod",
        short_names=("po",),
        subresources=_POD_SUBRESOURCES,
        categories=("all",),
    ),
    ServedKind(
        "resourcequotas",
        "ResourceQuota",
        short_names=("quota",),
        subresources=(_status("ResourceQuota"),),
    ),
    ServedKind("serviceaccounts", "ServiceAccount", short_names=("sa",), subresources=(_TOKEN,)),
    ServedKind(
        "services",
        "Service",
        short_names=("svc",),
        subresources=(_proxy("ServiceProxyOptions"), _status("Service")),
        categories=("all",),
    ),
    ServedKind("endpointslices", "EndpointSlice", group="discovery.k8s.io"),
    ServedKind(
        "networkpolicies", "NetworkPolicy", group="networking.k8s.io", short_names=("netpol",)
    ),
    _question("selfsubjectreviews", "SelfSubjectReview", "authentication.k8s.io"),
    _question("selfsubjectaccessreviews", "SelfSubjectAccessReview", _AUTHORIZATION),
    _question("selfsubjectrulesreviews", "SelfSubjectRulesReview", _AUTHORIZATION),
    _question("subjectaccessreviews", "SubjectAccessReview", _AUTHORIZATION),
    _question(
        "localsubjectaccessreviews", "LocalSubjectAccessReview", _AUTHORIZATION, namespaced=True
    ),
    _rbac_kind("clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    _rbac_kind("clusterroles", "ClusterRole", namespaced=False),
    _rbac_kind("rolebindings", "RoleBinding", namespaced=True),
    _rbac_kind("roles", "Role", namespaced=True),
)

BY_PLURAL: Mapping[str, ServedKind] = {resource.plural: resource for resource in RESOURCES}

STORED: tuple[ServedKind, ...] = tuple(r for r in RESOURCES if "list" in r.verbs)
"""Kinds with objects in the store; an access review is an answer, not an object."""

GROUPS: tuple[str, ...] = tuple(dict.fromkeys(r.group for r in RESOURCES if r.group))


def find_kind(group: str, version: str, plural: str) -> ServedKind | None:
    """Return the resource at a place in the API, None where there is none."""
    resource = BY_PLURAL.get(plural)
    if resource is None or (resource.group, resource.version) != (group, version):
        return None
    return resource


STREAMS = frozenset({"attach", "exec", "portforward"})
"""Subresources that one connects to, by GET (WebSocket) or POST (SPDY)."""
