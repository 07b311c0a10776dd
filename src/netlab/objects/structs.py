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
STRINGS = ListOf(STR)
LABELS = MapOf(STR)


def _each(type_: JsonType, names: str) -> dict[str, JsonType]:
    return dict.fromkeys(names.split(), type_)


OWNER = Struct(
    "v1.OwnerReference",
    _each(STR, "apiVersion kind name uid") | _each(BOOL, "controller blockOwnerDeletion"),
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
        "managedFields": ListOf(ANY),
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
    | _each(ANY, "envFrom resources volumeMounts volumeDevices livenessProbe readinessProbe")
    | _each(ANY, "startupProbe lifecycle securityContext resizePolicy restartPolicyRules")
    | {
        "ports": ListOf(_CONTAINER_PORT),
        "env": ListOf(Struct("v1.EnvVar", {"name": STR, "value": STR, "valueFrom": ANY})),
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
    | _each(ANY, "volumes securityContext imagePullSecrets affinity")
    | _each(ANY, "tolerations hostAliases dnsConfig readinessGates overhead os resources")
    | _each(ANY, "topologySpreadConstraints schedulingGates resourceClaims workloadRef")
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
        "sessionAffinityConfig": ANY,
    },
)

_ENDPOINT = Struct(
    "v1.Endpoint",
    _each(STR, "hostname nodeName zone")
    | {
        "addresses": STRINGS,
        "conditions": Struct("v1.EndpointConditions", _each(BOOL, "ready serving terminating")),
        "targetRef": ANY,
        "hints": ANY,
        "deprecatedTopology": LABELS,
    },
)
_ENDPOINT_PORT = Struct("v1.EndpointPort", _each(STR, "name protocol appProtocol") | {"port": I32})

_NODE_SPEC = Struct(
    "v1.NodeSpec",
    _each(STR, "podCIDR providerID externalID")
    | {"podCIDRs": STRINGS, "unschedulable": BOOL, "taints": ListOf(ANY), "configSource": ANY},
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
    | _each(ANY, "fieldSelector labelSelector"),
)
_ACCESS_SPEC = {
    "resourceAttributes": _RESOURCE_ATTRIBUTES,
    "nonResourceAttributes": Struct("v1.NonResourceAttributes", _each(STR, "path verb")),
}
_SUBJECT_ACCESS_SPEC = Struct(
    "v1.SubjectAccessReviewSpec",
    {**_ACCESS_SPEC, "user": STR, "groups": STRINGS, "uid": STR, "extra": ANY},
)

_TOKEN_SPEC = Struct(
    "v1.TokenRequestSpec",
    {"audiences": STRINGS, "expirationSeconds": I64, "boundObjectRef": ANY},
)
TOKEN_REQUEST = _kind("TokenRequest", spec=_TOKEN_SPEC, status=ANY)
"""What is sent to serviceaccounts/token: the one kind that no path is named after."""

_QUANTITY = Scalar("resource.Quantity", (int, float, str))
_QUOTA = Struct(
    "v1.ResourceQuotaSpec", {"hard": MapOf(_QUANTITY), "scopes": STRINGS, "scopeSelector": ANY}
)

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
        **_each(ANY, "involvedObject source series related"),
        count=I32,
    ),
    "namespaces": _kind(
        "Namespace", spec=Struct("v1.NamespaceSpec", {"finalizers": STRINGS}), status=ANY
    ),
    "networkpolicies": _kind("NetworkPolicy", spec=_POLICY_SPEC),
    "nodes": _kind("Node", spec=_NODE_SPEC, status=ANY),
    "pods": _kind("Pod", spec=_POD_SPEC, status=ANY),
    "localsubjectaccessreviews": _kind(
        "LocalSubjectAccessReview", spec=_SUBJECT_ACCESS_SPEC, status=ANY
    ),
    "resourcequotas": _kind("ResourceQuota", spec=_QUOTA, status=ANY),
    "rolebindings": _kind("RoleBinding", subjects=_SUBJECTS, roleRef=_ROLE_REF),
    "roles": _kind("Role", rules=ListOf(_POLICY_RULE)),
    "selfsubjectaccessreviews": _kind(
        "SelfSubjectAccessReview",
        spec=Struct("v1.SelfSubjectAccessReviewSpec", _ACCESS_SPEC),
        status=ANY,
    ),
    "selfsubjectreviews": _kind("SelfSubjectReview", status=ANY),
    "selfsubjectrulesreviews": _kind(
        "SelfSubjectRulesReview",
        spec=Struct("v1.SelfSubjectRulesReviewSpec", {"namespace": STR}),
        status=ANY,
    ),
    "serviceaccounts": _kind(
        "ServiceAccount",
        secrets=ListOf(ANY),
        imagePullSecrets=ListOf(ANY),
        automountServiceAccountToken=BOOL,
    ),
    "services": _kind("Service", spec=_SERVICE_SPEC, status=ANY),
    "subjectaccessreviews": _kind("SubjectAccessReview", spec=_SUBJECT_ACCESS_SPEC, status=ANY),
}
