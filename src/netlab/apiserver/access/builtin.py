"""The roles and bindings that a cluster has from its start.

Rules of the upstream defaults, for the kinds that this API has. Source: the bootstrap policy in
plugin/pkg/auth/authorizer/rbac of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Sequence

from netlab.apiserver.access.identity import AUTHENTICATED, MASTERS, UNAUTHENTICATED
from netlab.apiserver.access.rbac import GROUP
from netlab.apiserver.objects import Obj

_AGGREGATE = f"{GROUP}/aggregate-to-"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")

_DOORS = ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy")


def cluster_roles() -> list[Obj]:
    """Return the built-in ClusterRoles; those that aggregate are filled by their controller."""
    everything = _rule(("*",), "*", "*")
    return [
        _role("cluster-admin", [everything, {"nonResourceURLs": ["*"], "verbs": ["*"]}]),
        _aggregating("admin", of="admin"),
        _aggregating("edit", of="edit", to="admin"),
        _aggregating("view", of="view", to="edit"),
        _role("system:aggregate-to-admin", _admin_rules(), to="admin"),
        _role("system:aggregate-to-edit", _edit_rules(), to="edit"),
        _role("system:aggregate-to-view", _view_rules(), to="view"),
        _role("system:basic-user", _basic_rules()),
        _role("system:discovery", [_urls("/api", "/apis", "/openapi", "/version", *_HEALTH)]),
        _role("system:public-info-viewer", [{"nonResourceURLs": [*_INFO], "verbs": ["get"]}]),
    ]


def cluster_role_bindings() -> list[Obj]:
    """Return the built-in ClusterRoleBindings."""
    return [
        _binding("cluster-admin", MASTERS),
        _binding("system:basic-user", AUTHENTICATED),
        _binding("system:discovery", AUTHENTICATED),
        _binding("system:public-info-viewer", AUTHENTICATED, UNAUTHENTICATED),
    ]


_HEALTH = ("/healthz", "/livez", "/readyz")
_INFO = (*_HEALTH, "/version", "/version/")


def _admin_rules() -> list[Obj]:
    return [
        _rule(("create",), "authorization.k8s.io", "localsubjectaccessreviews"),
        _rule((*_READ, *_WRITE), GROUP, "rolebindings", "roles"),
    ]


def _edit_rules() -> list[Obj]:
    return [
        _rule(_READ, "", *_DOORS, "secrets", "services/proxy"),
        _rule(("impersonate",), "", "serviceaccounts"),
        _rule(_WRITE, "", "pods", *_DOORS),
        _rule(("create",), "", "pods/eviction"),
        _rule(_WRITE, "", "configmaps", "events", "secrets", "serviceaccounts"),
        _rule(_WRITE, "", "services", "services/proxy"),
        _rule(("create",), "", "serviceaccounts/token"),
        _rule(_WRITE, "networking.k8s.io", "ingresses", "networkpolicies"),
    ]


def _view_rules() -> list[Obj]:
    return [
        _rule(_READ, "", "configmaps", "endpoints", "pods", "serviceaccounts", "services"),
        _rule(_READ, "", "services/status", "events", "limitranges", "namespaces/status"),
        _rule(_READ, "", "pods/log", "pods/status", "resourcequotas", "resourcequotas/status"),
        _rule(_READ, "", "namespaces"),
        _rule(_READ, "discovery.k8s.io", "endpointslices"),
        _rule(_READ, "networking.k8s.io", "ingresses", "networkpolicies"),
    ]


def _basic_rules() -> list[Obj]:
    reviews = ("selfsubjectaccessreviews", "selfsubjectrulesreviews")
    return [
        _rule(("create",), "authorization.k8s.io", *reviews),
        _rule(("create",), "authentication.k8s.io", "selfsubjectreviews"),
    ]


def _rule(verbs: Sequence[str], group: str, *resources: str) -> Obj:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _urls(*roots: str) -> Obj:
    below = [root + more for root in roots for more in ("", "/*")]
    return {"nonResourceURLs": below, "verbs": ["get"]}


def _role(name: str, rules: Sequence[Obj], *, to: str = "") -> Obj:
    labels = {**_LABELS, **({_AGGREGATE + to: "true"} if to else {})}
    return {"metadata": {"name": name, "labels": labels}, "rules": list(rules)}


def _aggregating(name: str, *, of: str, to: str = "") -> Obj:
    selector = {"matchLabels": {_AGGREGATE + of: "true"}}
    return {
        **_role(name, [], to=to),
        "aggregationRule": {"clusterRoleSelectors": [selector]},
    }


def _binding(role: str, *groups: str) -> Obj:
    return {
        "metadata": {"name": role, "labels": _LABELS},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in groups],
    }
