"""ClusterRoles: those that a cluster has from its start, and those made of others by label.

Rules of the upstream defaults, for the kinds that this API has. Sources: the bootstrap policy in
plugin/pkg/auth/authorizer/rbac and pkg/controller/clusterroleaggregation of kubernetes/kubernetes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from netlab.access.users import AUTHENTICATED, MASTERS, UNAUTHENTICATED
from netlab.objects.kinds import BY_PLURAL, RBAC_GROUP
from netlab.objects.obj import Obj, at, labels_of
from netlab.objects.registry import Registry
from netlab.objects.selectors import matches_labels
from netlab.objects.store import Store, StoreEvent

_AGGREGATE = f"{RBAC_GROUP}/aggregate-to-"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")

_POD_STREAMS = ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy")


def cluster_roles() -> list[Obj]:
    """Return the built-in ClusterRoles; those that aggregate are filled by their controller."""
    everything = _policy_rule(("*",), "*", "*")
    return [
        _cluster_role("cluster-admin", [everything, {"nonResourceURLs": ["*"], "verbs": ["*"]}]),
        _aggregating("admin", of="admin"),
        _aggregating("edit", of="edit", to="admin"),
        _aggregating("view", of="view", to="edit"),
        _cluster_role("system:aggregate-to-admin", _admin_rules(), to="admin"),
        _cluster_role("system:aggregate-to-edit", _edit_rules(), to="edit"),
        _cluster_role("system:aggregate-to-view", _view_rules(), to="view"),
        _cluster_role("system:basic-user", _basic_rules()),
        _cluster_role(
            "system:discovery", [_url_rule("/api", "/apis", "/openapi", "/version", *_HEALTH_URLS)]
        ),
        _cluster_role(
            "system:public-info-viewer", [{"nonResourceURLs": [*_PUBLIC_URLS], "verbs": ["get"]}]
        ),
    ]


def cluster_role_bindings() -> list[Obj]:
    """Return the built-in ClusterRoleBindings."""
    return [
        _cluster_role_binding("cluster-admin", MASTERS),
        _cluster_role_binding("system:basic-user", AUTHENTICATED),
        _cluster_role_binding("system:discovery", AUTHENTICATED),
        _cluster_role_binding("system:public-info-viewer", AUTHENTICATED, UNAUTHENTICATED),
    ]


_HEALTH_URLS = ("/healthz", "/livez", "/readyz")
_PUBLIC_URLS = (*_HEALTH_URLS, "/version", "/version/")


def _admin_rules() -> list[Obj]:
    return [
        _policy_rule(("create",), "authorization.k8s.io", "localsubjectaccessreviews"),
        _policy_rule((*_READ, *_WRITE), RBAC_GROUP, "rolebindings", "roles"),
    ]


def _edit_rules() -> list[Obj]:
    return [
        _policy_rule(_READ, "", *_POD_STREAMS, "secrets", "services/proxy"),
        _policy_rule(("impersonate",), "", "serviceaccounts"),
        _policy_rule(_WRITE, "", "pods", *_POD_STREAMS),
        _policy_rule(("create",), "", "pods/eviction"),
        _policy_rule(_WRITE, "", "configmaps", "events", "secrets", "serviceaccounts"),
        _policy_rule(_WRITE, "", "services", "services/proxy"),
        _policy_rule(("create",), "", "serviceaccounts/token"),
        _policy_rule(_WRITE, "networking.k8s.io", "ingresses", "networkpolicies"),
    ]


def _view_rules() -> list[Obj]:
    return [
        _policy_rule(_READ, "", "configmaps", "endpoints", "pods", "serviceaccounts", "services"),
        _policy_rule(_READ, "", "services/status", "events", "limitranges", "namespaces/status"),
        _policy_rule(
            _READ, "", "pods/log", "pods/status", "resourcequotas", "resourcequotas/status"
        ),
        _policy_rule(_READ, "", "namespaces"),
        _policy_rule(_READ, "discovery.k8s.io", "endpointslices"),
        _policy_rule(_READ, "networking.k8s.io", "ingresses", "networkpolicies"),
    ]


def _basic_rules() -> list[Obj]:
    reviews = ("selfsubjectaccessreviews", "selfsubjectrulesreviews")
    return [
        _policy_rule(("create",), "authorization.k8s.io", *reviews),
        _policy_rule(("create",), "authentication.k8s.io", "selfsubjectreviews"),
    ]


def _policy_rule(verbs: Sequence[str], group: str, *resources: str) -> Obj:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _url_rule(*roots: str) -> Obj:
    urls = [root + more for root in roots for more in ("", "/*")]
    return {"nonResourceURLs": urls, "verbs": ["get"]}


def _cluster_role(name: str, rules: Sequence[Obj], *, to: str = "") -> Obj:
    labels = {**_LABELS, **({_AGGREGATE + to: "true"} if to else {})}
    return {"metadata": {"name": name, "labels": labels}, "rules": list(rules)}


def _aggregating(name: str, *, of: str, to: str = "") -> Obj:
    selector = {"matchLabels": {_AGGREGATE + of: "true"}}
    return {
        **_cluster_role(name, [], to=to),
        "aggregationRule": {"clusterRoleSelectors": [selector]},
    }


def _cluster_role_binding(role: str, *groups: str) -> Obj:
    return {
        "metadata": {"name": role, "labels": _LABELS},
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": group} for group in groups],
    }


class ClusterRoleController:
    """Acts on every change of a ClusterRole, within the change's own commit."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._store = store

    def start(self) -> Callable[[], None]:
        """Begin to act; return the undoing."""
        return self._store.subscribe("clusterroles", self._on_role)

    def _on_role(self, event: StoreEvent) -> None:
        del event  # whichever role changed, any other may be made of it
        roles = self._store.list("clusterroles")
        for role in roles:
            selectors = at(role, "aggregationRule", "clusterRoleSelectors")
            if selectors is None:
                continue
            rules = _aggregated_rules(roles, role, selectors)
            if rules != (role.get("rules") or []):
                self._store.update("clusterroles", {**role, "rules": rules})


def create_built_in(registry: Registry) -> None:
    """Create the roles and bindings that a cluster has from its start."""
    for role in cluster_roles():
        registry.create(BY_PLURAL["clusterroles"], None, role)
    for binding in cluster_role_bindings():
        registry.create(BY_PLURAL["clusterrolebindings"], None, binding)


def _aggregated_rules(roles: list[Obj], whole: Obj, selectors: list[Obj]) -> list[Obj]:
    """Return the rules of all selected roles, each rule once, in the order of the roles' names."""
    rules: dict[str, Obj] = {}  # by their text: comparing each with each would take minutes
    for role in roles:
        if role["metadata"]["name"] == whole["metadata"]["name"]:
            continue
        if any(matches_labels(selector, labels_of(role)) for selector in selectors):
            for rule in role.get("rules") or []:
                rules.setdefault(json.dumps(rule, sort_keys=True), rule)
    return list(rules.values())
