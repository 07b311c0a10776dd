"""The fields of each kind, as tables for `schema`.

Deep where the lab reads the fields or people write them by hand (policies, services, containers);
elsewhere a subtree is kept as it comes. Source: k8s.io/api types.
"""

from __future__ import annotations

from netlab.objects.schema import INT32, INT64, Anything, JsonType, ListOf, MapOf, Scalar, Struct

STR = Scalar("string", (str,))
BOOL = Scalar("bool", (bool,))
I32 = Scalar("int32", (int,), INT32)
I64 = Scalar("int64", (int,), INT64)
INT_OR_STR = Scalar("intstr.IntOrString", (int, str), INT32)
ANY = Anything()
OBJECT = Anything("map[string]interface {}", dict)
OBJECTS = ListOf(OBJECT)
STRINGS = ListOf(STR)
LABELS = MapOf(STR)


def _each(type_: JsonType, names: str) -> dict[str, JsonType]:
    return dict.fromkeys(names.split(), type_)


OWNER = Struct(
    "v1.OwnerReference",
    _each(STR, "apiVersion kind name uid") | _each(BOOL, "controller blockOwnerDeletion"),
)
_MANAGED = Struct(
    "v1.ManagedFieldsEntry",
    _each(STR, "manager operation apiVersion time fieldsType subresource") | {"fieldsV1": ANY},
)
META = Struct(
    "v1.ObjectMeta",
    _each(STR, "name generateName namespace selfLink uid resourceVersion")
    | _each(STR, "creationTimestamp deletionTimestamp")
    | _each(I64, "generation deletionGracePeriodSeconds")
    | {
        "labels": LABELS,
        "annotations": LABELS,
        "finalizers": STRINGS,
        "ownerReferences": ListOf(OWNER),
        "managedFields": ListOf(_MANAGED),
    },
)


def _kind(name: str, **parts: JsonType) -> Struct:
    head: dict[str, JsonType] = {"apiVersion": STR, "kind": STR, "metadata": META}
    return Struct(f"v1.{name}", head | parts)


_REQUIREMENT = Struct(
    "v1.LabelSelectorRequirement", {"key": STR, "operator": STR, "values": STRINGS}
)
SELECTOR = Struct(
    "v1.LabelSelector", {"matchLabels": LABELS, "matchExpressions": ListOf(_REQUIREMENT)}
)

_POLICY_PORT = Struct("v1.NetworkPolicyPort", {"protocol": STR, "port": INT_OR_STR, "endPort": I32})
_PEER = Struct(
    "v1.NetworkPolicyPeer",
    {
        "podSelector": SELECTOR,
        "namespaceSelector": SELECTOR,
        "ipBlock": Struct("v1.IPBlock", {"cidr": STR, "except": STRINGS}),
    },
)
_INGRESS = Struct(
    "v1.NetworkPolicyIngressRule", {"ports": ListOf(_POLICY_PORT), "from": ListOf(_PEER)}
)
_EGRESS = Struct("v1.NetworkPolicyEgressRule", {"ports": ListOf(_POLICY_PORT), "to": ListOf(_PEER)})
_POLICY_SPEC = Struct(
    "v1.NetworkPolicySpec",
    {
        "podSelector": SELECTOR,
        "ingress": ListOf(_INGRESS),
        "egress": ListOf(_EGRESS),
        "policyTypes": STRINGS,
    },
)

_CONTAINER_PORT = Struct(
    "v1.ContainerPort", _each(STR, "name protocol hostIP") | _each(I32, "containerPort hostPort")
)
_CONTAINER = Struct(
    "v1.Container",
    _each(STR, "name image workingDir imagePullPolicy restartPolicy")
    | _each(STR, "terminationMessagePath terminationMessagePolicy")
    | _each(STRINGS, "command args")
    | _each(BOOL, "stdin stdinOnce tty")
    | _each(OBJECTS, "envFrom volumeMounts volumeDevices resizePolicy restartPolicyRules")
    | _each(OBJECT, "resources livenessProbe readinessProbe startupProbe lifecycle")
    | _each(OBJECT, "securityContext")
    | {
        "ports": ListOf(_CONTAINER_PORT),
        "env": ListOf(Struct("v1.EnvVar", {"name": STR, "value": STR, "valueFrom": OBJECT})),
    },
)
_EPHEMERAL = Struct("v1.EphemeralContainer", {**_CONTAINER.fields, "targetContainerName": STR})
_POD_SPEC = Struct(
    "v1.PodSpec",
    _each(STR, "restartPolicy dnsPolicy serviceAccountName serviceAccount nodeName hostname")
    | _each(STR, "subdomain schedulerName priorityClassName runtimeClassName preemptionPolicy")
    | _each(STR, "hostnameOverride")
    | _each(BOOL, "automountServiceAccountToken hostNetwork hostPID hostIPC hostUsers")
    | _each(BOOL, "shareProcessNamespace setHostnameAsFQDN enableServiceLinks")
    | _each(I64, "terminationGracePeriodSeconds activeDeadlineSeconds")
    | _each(OBJECT, "securityContext affinity dnsConfig overhead os resources workloadRef")
    | _each(OBJECTS, "volumes imagePullSecrets tolerations hostAliases readinessGates")
    | _each(OBJECTS, "topologySpreadConstraints schedulingGates resourceClaims")
    | {
        "containers": ListOf(_CONTAINER),
        "initContainers": ListOf(_CONTAINER),
        "ephemeralContainers": ListOf(_EPHEMERAL),
        "nodeSelector": LABELS,
        "priority": I32,
    },
)

_SERVICE_PORT = Struct(
    "v1.ServicePort",
    _each(STR, "name protocol appProtocol")
    | {"port": I32, "nodePort": I32, "targetPort": INT_OR_STR},
)
_SERVICE_SPEC = Struct(
    "v1.ServiceSpec",
    _each(STR, "clusterIP type sessionAffinity loadBalancerIP externalName loadBalancerClass")
    | _each(STR, "externalTrafficPolicy internalTrafficPolicy ipFamilyPolicy trafficDistribution")
    | _each(STRINGS, "clusterIPs externalIPs loadBalancerSourceRanges ipFamilies")
    | _each(BOOL, "publishNotReadyAddresses allocateLoadBalancerNodePorts")
    | {
        "ports": ListOf(_SERVICE_PORT),
        "selector": LABELS,
        "healthCheckNodePort": I32,
        "sessionAffinityConfig": OBJECT,
    },
)

_ENDPOINT = Struct(
    "v1.Endpoint",
    _each(STR, "hostname nodeName zone")
    | {
        "addresses": STRINGS,
        "conditions": Struct("v1.EndpointConditions", _each(BOOL, "ready serving terminating")),
        "targetRef": OBJECT,
        "hints": OBJECT,
        "deprecatedTopology": LABELS,
    },
)
_ENDPOINT_PORT = Struct("v1.EndpointPort", _each(STR, "name protocol appProtocol") | {"port": I32})

_NODE_SPEC = Struct(
    "v1.NodeSpec",
    _each(STR, "podCIDR providerID externalID")
    | {"podCIDRs": STRINGS, "unschedulable": BOOL, "taints": OBJECTS, "configSource": OBJECT},
)

_POLICY_RULE = Struct(
    "v1.PolicyRule", _each(STRINGS, "verbs apiGroups resources resourceNames nonResourceURLs")
)
_AGGREGATION = Struct("v1.AggregationRule", {"clusterRoleSelectors": ListOf(SELECTOR)})
_SUBJECTS = ListOf(Struct("v1.Subject", _each(STR, "kind apiGroup name namespace")))
_ROLE_REF = Struct("v1.RoleRef", _each(STR, "apiGroup kind name"))

_RESOURCE_ATTRIBUTES = Struct(
    "v1.ResourceAttributes",
    _each(STR, "namespace verb group version resource subresource name")
    | _each(OBJECT, "fieldSelector labelSelector"),
)
_ACCESS_SPEC = {
    "resourceAttributes": _RESOURCE_ATTRIBUTES,
    "nonResourceAttributes": Struct("v1.NonResourceAttributes", _each(STR, "path verb")),
}
_SUBJECT_ACCESS_SPEC = Struct(
    "v1.SubjectAccessReviewSpec",
    {**_ACCESS_SPEC, "user": STR, "groups": STRINGS, "uid": STR, "extra": MapOf(STRINGS)},
)

_TOKEN_SPEC = Struct(
    "v1.TokenRequestSpec",
    {"audiences": STRINGS, "expirationSeconds": I64, "boundObjectRef": OBJECT},
)
TOKEN_REQUEST = _kind("TokenRequest", spec=_TOKEN_SPEC, status=OBJECT)
"""What is sent to serviceaccounts/token: the one kind that no path is named after."""

_QUANTITY = Scalar("resource.Quantity", (int, float, str))
_QUOTA = Struct(
    "v1.ResourceQuotaSpec", {"hard": MapOf(_QUANTITY), "scopes": STRINGS, "scopeSelector": OBJECT}
)

_QUOTA_STATUS = Struct("v1.ResourceQuotaStatus", _each(MapOf(_QUANTITY), "hard used"))


def _partly(name: str, fields: dict[str, JsonType]) -> Struct:
    return Struct(name, fields, keeps_others=True)


_REFERENCE = _partly("v1.ObjectReference", _each(STR, "kind namespace name uid apiVersion"))
_CONDITIONS = ListOf(_partly("v1.Condition", _each(STR, "type status reason message")))
_PHASED = _partly("v1.NamespaceStatus", {"phase": STR, "conditions": _CONDITIONS})
_NODE_STATUS = _partly(
    "v1.NodeStatus",
    {
        "conditions": _CONDITIONS,
        "addresses": ListOf(Struct("v1.NodeAddress", _each(STR, "type address"))),
        "nodeInfo": _partly(
            "v1.NodeSystemInfo",
            _each(STR, "kubeletVersion osImage kernelVersion containerRuntimeVersion"),
        ),
        **_each(MapOf(_QUANTITY), "capacity allocatable"),
    },
)
_STATE = _partly("v1.ContainerState", _each(OBJECT, "waiting running terminated"))
_CONTAINER_STATUSES = ListOf(
    _partly(
        "v1.ContainerStatus",
        {"name": STR, "ready": BOOL, "restartCount": I32, "state": _STATE, "lastState": _STATE},
    )
)
_SERVICE_STATUS = _partly("v1.ServiceStatus", {"loadBalancer": OBJECT, "conditions": _CONDITIONS})
_IPS = ListOf(Struct("v1.PodIP", {"ip": STR}))
_POD_STATUS = _partly(
    "v1.PodStatus",
    _each(STR, "phase podIP hostIP reason message startTime nominatedNodeName qosClass")
    | _each(_IPS, "podIPs hostIPs")
    | _each(_CONTAINER_STATUSES, "containerStatuses initContainerStatuses")
    | {"ephemeralContainerStatuses": _CONTAINER_STATUSES, "conditions": _CONDITIONS},
)

DELETE_OPTIONS = Struct(
    "v1.DeleteOptions",
    _each(STR, "apiVersion kind propagationPolicy")
    | _each(BOOL, "orphanDependents ignoreStoreReadErrorWithClusterBreakingPotential")
    | {
        "gracePeriodSeconds": I64,
        "dryRun": STRINGS,
        "preconditions": Struct("v1.Preconditions", _each(STR, "uid resourceVersion")),
    },
)
"""What may be sent with a deletion."""

STRUCTS: dict[str, Struct] = {
    "clusterrolebindings": _kind("ClusterRoleBinding", subjects=_SUBJECTS, roleRef=_ROLE_REF),
    "clusterroles": _kind("ClusterRole", rules=ListOf(_POLICY_RULE), aggregationRule=_AGGREGATION),
    "configmaps": _kind("ConfigMap", data=LABELS, binaryData=LABELS, immutable=BOOL),
    "endpointslices": _kind(
        "EndpointSlice",
        addressType=STR,
        endpoints=ListOf(_ENDPOINT),
        ports=ListOf(_ENDPOINT_PORT),
    ),
    "events": _kind(
        "Event",
        **_each(STR, "reason message firstTimestamp lastTimestamp type eventTime action"),
        **_each(STR, "reportingComponent reportingInstance"),
        involvedObject=_REFERENCE,
        source=Struct("v1.EventSource", _each(STR, "component host"), keeps_others=True),
        **_each(OBJECT, "series related"),
        count=I32,
    ),
    "namespaces": _kind(
        "Namespace", spec=Struct("v1.NamespaceSpec", {"finalizers": STRINGS}), status=_PHASED
    ),
    "networkpolicies": _kind("NetworkPolicy", spec=_POLICY_SPEC),
    "nodes": _kind("Node", spec=_NODE_SPEC, status=_NODE_STATUS),
    "pods": _kind("Pod", spec=_POD_SPEC, status=_POD_STATUS),
    "localsubjectaccessreviews": _kind(
        "LocalSubjectAccessReview", spec=_SUBJECT_ACCESS_SPEC, status=OBJECT
    ),
    "resourcequotas": _kind("ResourceQuota", spec=_QUOTA, status=_QUOTA_STATUS),
    "rolebindings": _kind("RoleBinding", subjects=_SUBJECTS, roleRef=_ROLE_REF),
    "roles": _kind("Role", rules=ListOf(_POLICY_RULE)),
    "selfsubjectaccessreviews": _kind(
        "SelfSubjectAccessReview",
        spec=Struct("v1.SelfSubjectAccessReviewSpec", _ACCESS_SPEC),
        status=OBJECT,
    ),
    "selfsubjectreviews": _kind("SelfSubjectReview", status=OBJECT),
    "selfsubjectrulesreviews": _kind(
        "SelfSubjectRulesReview",
        spec=Struct("v1.SelfSubjectRulesReviewSpec", {"namespace": STR}),
        status=OBJECT,
    ),
    "serviceaccounts": _kind(
        "ServiceAccount",
        secrets=OBJECTS,
        imagePullSecrets=OBJECTS,
        automountServiceAccountToken=BOOL,
    ),
    "services": _kind("Service", spec=_SERVICE_SPEC, status=_SERVICE_STATUS),
    "subjectaccessreviews": _kind("SubjectAccessReview", spec=_SUBJECT_ACCESS_SPEC, status=OBJECT),
}
