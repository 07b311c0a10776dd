"""The cluster at one moment: as the API server stores it, and read for the compiler. Pure.

Objects come from the API server, validated and defaulted; what is still odd (an address that does
not parse, a missing field) is read as "matches nothing", never raised: one bad object must not
keep the rules of all others from being applied.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from netlab.dataplane.addresses import Ip, parse_ip
from netlab.dataplane.portranges import protocol_of

Labels = Mapping[str, str]

Obj = dict[str, Any]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node and its own addresses, of both families."""

    name: str
    ips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The objects that decide which traffic passes, as the API server stores them."""

    namespaces: tuple[Obj, ...] = ()
    pods: tuple[Obj, ...] = ()
    policies: tuple[Obj, ...] = ()
    services: tuple[Obj, ...] = ()
    endpointslices: tuple[Obj, ...] = ()
    nodes: tuple[NodeInfo, ...] = ()


class PolicyDirection(Enum):
    """A policy type; the value is the API's word."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class ContainerPort(NamedTuple):
    """A port that a pod's container declares."""

    name: str
    protocol: str
    number: int


@dataclass(frozen=True, slots=True)
class AddressedPod:
    """A pod with addresses of its own."""

    namespace: str
    name: str
    uid: str
    node: str
    labels: Labels
    ips: tuple[Ip, ...]
    ports: tuple[ContainerPort, ...]
    restarts: int = 0
    terminating: bool = False


@dataclass(frozen=True, slots=True)
class TrafficRule:
    """An ingress or egress rule: peers and ports as the API has them, () where none are given."""

    peers: tuple[Obj, ...] = ()
    ports: tuple[Obj, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A NetworkPolicy."""

    namespace: str
    name: str
    uid: str
    selector: Obj
    types: frozenset[PolicyDirection]
    ingress: tuple[TrafficRule, ...]
    egress: tuple[TrafficRule, ...]

    def rules(self, direction: PolicyDirection) -> tuple[TrafficRule, ...]:
        """Return the rules of one direction."""
        return self.ingress if direction is PolicyDirection.INGRESS else self.egress


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Everything that policies speak of."""

    pods: tuple[AddressedPod, ...]
    policies: tuple[ReadPolicy, ...]
    namespaces: Mapping[str, Labels]
    nodes: tuple[NodeInfo, ...]


class StateReader:
    """Reads the views of one cluster, in order.

    Objects that are still the same, which the store never changes in place, are not read again, and
    what reads as before is the same value as before: pods and namespaces all together too.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._pods: _Readings[AddressedPod | None] = {}
        self._policies: _Readings[ReadPolicy] = {}
        self._before: ClusterState | None = None

    def read(self, view: ClusterView) -> ClusterState:
        """Read the objects of a view."""
        self._pods = _read_all(view.pods, read_pod, self._pods)
        self._policies = _read_all(view.policies, _read_policy, self._policies)
        pods = tuple(pod for _, pod in self._pods.values() if pod is not None)
        policies = tuple(policy for _, policy in self._policies.values())
        namespaces: Mapping[str, Labels] = {
            o["metadata"]["name"]: labels_of(o) for o in view.namespaces
        }
        if (before := self._before) is not None:
            pods = before.pods if before.pods == pods else pods
            namespaces = before.namespaces if before.namespaces == namespaces else namespaces
        self._before = ClusterState(pods, policies, namespaces, view.nodes)
        return self._before


_Readings = dict[tuple[str, str, str], tuple[Obj, T]]


def _read_all(
    objects: Iterable[Obj], read: Callable[[Obj], T], before: _Readings[T]
) -> _Readings[T]:
    """Read objects by namespace, name and uid."""
    readings: _Readings[T] = {}
    for obj in objects:
        meta = obj["metadata"]
        key = meta["namespace"], meta["name"], meta.get("uid", "")
        known = before.get(key)
        if known is None or known[0] is not obj:
            reading = read(obj)
            known = obj, known[1] if known is not None and known[1] == reading else reading
        readings[key] = known
    return readings


def labels_of(obj: Obj) -> Labels:
    """Return an object's labels."""
    return obj["metadata"].get("labels") or {}


def uid_of(obj: Obj) -> str:
    """Return an object's uid, "" where it has none."""
    return str(obj["metadata"].get("uid", ""))


def is_on_pod_network(pod: Obj) -> bool:
    """Tell whether a pod has addresses of its own that are in use.

    A hostNetwork pod has its node's (the API leaves open what policies mean for it; here they do
    not select it), and a completed one's may be somebody else's by now.
    """
    return not has_completed(pod) and not pod["spec"].get("hostNetwork")


def has_completed(pod: Obj) -> bool:
    """Tell whether a pod has ended for good, which its object outlives."""
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def is_terminating(pod: Obj) -> bool:
    """Tell whether a pod was deleted and has its grace; until it is gone it is like any other."""
    return bool(pod["metadata"].get("deletionTimestamp")) and is_on_pod_network(pod)


def ips_of(pod: Obj) -> tuple[Ip, ...]:
    """Return the addresses in a pod's status; none before it has a sandbox."""
    status = pod.get("status") or {}
    texts = [entry.get("ip") for entry in status.get("podIPs") or []] or [status.get("podIP")]
    return tuple(_parsed_ips(text for text in texts if text))


def _parsed_ips(texts: Iterable[str]) -> Iterator[Ip]:
    for text in texts:
        try:
            yield parse_ip(text)
        except ValueError:
            continue


def read_pod(obj: Obj) -> AddressedPod | None:
    """Read a pod; None while it has no address of its own."""
    ips = ips_of(obj) if is_on_pod_network(obj) else ()
    if not ips:
        return None
    meta = obj["metadata"]
    return AddressedPod(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta.get("uid", ""),
        node=obj["spec"].get("nodeName", ""),
        labels=labels_of(obj),
        ips=ips,
        ports=tuple(_container_ports(obj["spec"])),
        restarts=_restart_count(obj),
        terminating=is_terminating(obj),
    )


def _container_ports(spec: Obj) -> Iterator[ContainerPort]:
    """Yield the ports of all containers that run while the pod does, sidecars included."""
    sidecars = [c for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or []), *sidecars]:
        for port in container.get("ports") or []:
            yield ContainerPort(port.get("name", ""), protocol_of(port), port["containerPort"])


def _restart_count(pod: Obj) -> int:
    statuses = pod["status"].get("containerStatuses") or []
    return sum(int(status.get("restartCount", 0)) for status in statuses)


def _read_policy(obj: Obj) -> ReadPolicy:
    meta, spec = obj["metadata"], obj.get("spec") or {}
    return ReadPolicy(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta.get("uid", ""),
        selector=spec.get("podSelector") or {},
        types=_read_types(spec),
        ingress=tuple(_read_rule(rule, "from") for rule in spec.get("ingress") or ()),
        egress=tuple(_read_rule(rule, "to") for rule in spec.get("egress") or ()),
    )


def _read_types(spec: Obj) -> frozenset[PolicyDirection]:
    """Return policyTypes; where there are none: Ingress, and Egress if it has rules."""
    listed = spec.get("policyTypes")
    if not listed:
        listed = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    return frozenset(direction for direction in PolicyDirection if direction.value in listed)


def _read_rule(rule: Obj, peers: str) -> TrafficRule:
    return TrafficRule(tuple(rule.get(peers) or ()), tuple(rule.get("ports") or ()))
