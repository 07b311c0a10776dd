"""What the API server fills in where an object or an update says nothing.

Each function changes the decoded copy it is given, before validation. Sources: pkg/apis/*/v1
defaults.go and the create and update strategies in kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable

from netlab.objects.kinds import RBAC_GROUP, ServedKind
from netlab.objects.obj import Obj, clone
from netlab.objects.servicekind import carry_over_addresses

EVICTION_S = 300
"""How long a pod stays on a node that is not ready (DefaultTolerationSeconds admission)."""


def apply_defaults(resource: ServedKind, obj: Obj) -> None:
    """Fill in an object's defaults, for creation and update alike."""
    obj.setdefault("apiVersion", resource.api_version)
    obj.setdefault("kind", resource.kind)
    default = _DEFAULTS.get(resource.plural)
    if default:
        default(obj)


def prepare_new(resource: ServedKind, obj: Obj) -> None:
    """Set what a client may not choose for a new object: status, generation, server's metadata."""
    meta = obj["metadata"]
    for key in ("uid", "resourceVersion", "creationTimestamp", "selfLink", "managedFields"):
        meta.pop(key, None)
    meta.pop("deletionTimestamp", None)
    meta.pop("deletionGracePeriodSeconds", None)
    # Nodes register with their status (pkg/registry/core/node strategy).
    status = _NEW_STATUS.get(resource.plural)
    if status is not None:
        obj["status"] = status()
    if resource.plural in WITH_GENERATION:
        meta["generation"] = 1


WITH_GENERATION = frozenset({"networkpolicies", "endpointslices", "pods"})


def _namespace(obj: Obj) -> None:
    meta = obj["metadata"]
    labels = meta.setdefault("labels", {})
    if name := meta.get("name"):
        labels.setdefault(NAME_LABEL, name)
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])


def _network_policy(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
        for port in rule.get("ports") or []:
            port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        # Egress only where rules are given: `egress: []` alone isolates nothing.
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _pod(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    defaults: Obj = {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "enableServiceLinks": True,
        "securityContext": {},
        "serviceAccountName": account,
        "serviceAccount": account,
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "tolerations": _tolerations(),
    }
    for key, value in defaults.items():
        spec.setdefault(key, value)
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(kind) or []:
            _container(container, host_network=bool(spec.get("hostNetwork")))


def _container(container: Obj, *, host_network: bool) -> None:
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition(":")[2]
    latest = "@" not in image and tag in {"", "latest"}
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])


def _tolerations() -> list[Obj]:
    return [
        {
            "key": f"node.kubernetes.io/{trouble}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": EVICTION_S,
        }
        for trouble in ("not-ready", "unreachable")
    ]


def _service(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)


def _endpoint_slice(obj: Obj) -> None:
    obj.setdefault("endpoints", [])
    for port in obj.get("ports") or []:
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _role(obj: Obj) -> None:
    obj.setdefault("rules", [])


def _binding(obj: Obj) -> None:
    obj.setdefault("roleRef", {}).setdefault("apiGroup", RBAC_GROUP)
    for subject in obj.get("subjects") or []:
        if subject.get("kind") in {"User", "Group"} and not subject.get("apiGroup"):
            subject["apiGroup"] = RBAC_GROUP


_DEFAULTS: dict[str, Callable[[Obj], None]] = {
    "clusterrolebindings": _binding,
    "clusterroles": _role,
    "endpointslices": _endpoint_slice,
    "namespaces": _namespace,
    "networkpolicies": _network_policy,
    "pods": _pod,
    "rolebindings": _binding,
    "roles": _role,
    "services": _service,
}

_NEW_STATUS: dict[str, Callable[[], Obj]] = {
    "namespaces": lambda: {"phase": "Active"},
    "pods": lambda: {"phase": "Pending", "qosClass": "BestEffort"},
    "resourcequotas": dict,
    "services": lambda: {"loadBalancer": {}},
}


def carry_over(resource: ServedKind, new: Obj, old: Obj) -> None:
    """Change an update in place: give it what it may leave out or may not change."""
    before, meta = old["metadata"], new["metadata"]
    for key in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if key in before and not meta.get(key):
            meta[key] = before[key]
    if "managedFields" in before and "managedFields" not in meta:
        meta["managedFields"] = before["managedFields"]
    if meta.get("managedFields") == [{}]:
        meta["managedFields"] = []  # how clients take away what a server put there
    meta["resourceVersion"] = before["resourceVersion"]
    if "status" in old:
        new["status"] = old["status"]
    if resource.plural == "services":
        carry_over_addresses(new.setdefault("spec", {}), old.get("spec") or {})
    if resource.plural in WITH_GENERATION:
        changed = _defaulted(resource, new).get("spec") != old.get("spec")
        meta["generation"] = before.get("generation", 1) + (1 if changed else 0)


def _defaulted(resource: ServedKind, obj: Obj) -> Obj:
    copy: Obj = clone(obj)
    apply_defaults(resource, copy)
    return copy


NAME_LABEL = "kubernetes.io/metadata.name"
