"""What of Kubernetes' objects is relied on: names, types and what has to be there. Pure.

Nobody behind this edge looks at a type again. Fields that nobody here reads may hold what they
like; `null` is the same as nothing where Go leaves a field out (omitempty).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from netproof.model.value import ready

Labels = dict[str, str]
ProtocolName = Literal["TCP", "UDP", "SCTP"]
PortNumber = Annotated[int, Meta(ge=0, le=65535)]


class _Part(msgspec.Struct, rename="camel"):
    """A part of an object; what is not declared may be there as well."""


class _Metadata(_Part):
    name: Annotated[str, Meta(min_length=1, max_length=253)]
    namespace: str = ""
    labels: Labels = {}
    annotations: Labels | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    generation: int = 0


class _PlacedMetadata(_Metadata, kw_only=True):
    namespace: str


class _ContainerPort(_Part):
    container_port: PortNumber
    protocol: ProtocolName = "TCP"
    name: str = ""


class _Container(_Part):
    name: str
    ports: list[_ContainerPort] = []


class _ServicePort(_Part):
    port: PortNumber
    target_port: PortNumber | str = 0
    protocol: ProtocolName = "TCP"
    name: str = ""
    node_port: PortNumber | None = None


class _Taint(_Part):
    key: str
    effect: str
    value: str = ""


class _Condition(_Part):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class _Address(_Part):
    type: str
    address: str


class _PodIp(_Part):
    ip: str


class _State(_Part):
    reason: str = ""
    message: str = ""


class _ContainerStatus(_Part):
    state: dict[str, _State] = {}


class _PodSpec(_Part):
    containers: list[_Container]
    node_name: str = ""
    host_network: bool = False


class _PodStatus(_Part):
    phase: str = ""
    conditions: list[_Condition] | None = None
    pod_i_ps: list[_PodIp] | None = msgspec.field(default=None, name="podIPs")
    container_statuses: list[_ContainerStatus] | None = None


class _ServiceSpec(_Part):
    ports: list[_ServicePort] = []
    selector: Labels | None = None
    cluster_i_ps: list[str] | None = msgspec.field(default=None, name="clusterIPs")
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


class _NodeSpec(_Part):
    unschedulable: bool = False
    taints: list[_Taint] | None = None


class _NodeStatus(_Part):
    addresses: list[_Address]
    conditions: list[_Condition] | None = None


class _Selector(_Part):
    match_labels: Labels | None = None
    match_expressions: list[_Requirement] | None = None


class _Requirement(_Part):
    key: str
    operator: Annotated[str, Meta(pattern="^(In|NotIn|Exists|DoesNotExist)$")]
    values: list[str] | None = None


class _DeploymentSpec(_Part):
    selector: _Selector


class _Object(_Part):
    metadata: _Metadata


class _Any(_Object):
    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}


class _Pod(_Object, kw_only=True):
    metadata: _PlacedMetadata
    spec: _PodSpec
    status: _PodStatus = msgspec.field(default_factory=_PodStatus)


class _Service(_Object):
    metadata: _PlacedMetadata
    spec: _ServiceSpec


class _Node(_Object, kw_only=True):
    spec: _NodeSpec
    status: _NodeStatus


class _Deployment(_Object):
    spec: _DeploymentSpec


_KINDS: Mapping[str, type[_Object]] = {
    "Pod": _Pod,
    "Service": _Service,
    "Node": _Node,
    "Deployment": _Deployment,
}


ready(_Any, *_KINDS.values())


def misshape(loaded: Any, kind: str = "") -> str:
    """Return what is wrong with an object of a kind, "" where nothing is relied on in vain."""
    try:
        msgspec.convert(loaded, _KINDS.get(kind, _Any))
    except (msgspec.ValidationError, RecursionError) as error:
        return str(error)
    return ""
