"""Who takes part: namespaces, pods, Services and hosts, as netproof sees them.

Names are those of the bundle. What a namespace is called in the cluster (it carries the run's and
the worker's id there) is known to the cluster stage only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import TypeVar

from msgspec import field

from netproof.model.value import Value

T = TypeVar("T")

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""The label the API server puts on every namespace (KEP-2161); its value is the name."""


class Protocol(StrEnum):
    """What flows consist of: the transport protocols of `TRANSPORTS`, and ICMP, which has no ports.

    ICMP is that of the flow's family: an echo and its answer.
    """

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"

    __hash__ = str.__hash__  # Enum's own is Python code, and flows are hashed by the million


TRANSPORTS = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)
"""Those that NetworkPolicy v1 knows (NetworkPolicyPort.protocol)."""


class Family(StrEnum):
    """IP families, in the words of Service.spec.ipFamilies."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"

    __hash__ = str.__hash__  # Enum's own is Python code, and flows are hashed by the million

    @classmethod
    def of(cls, address: str) -> Family:
        """Tell the family of a textual IP address."""
        return cls.IPV6 if ":" in address else cls.IPV4


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class Port(Value, order=True):
    """A port that a pod serves (ContainerPort); `name` is empty where it has none."""

    number: int
    protocol: Protocol = Protocol.TCP
    name: str = ""

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


class Namespace(Value):
    """A namespace with its labels, the one of `NAMESPACE_NAME_LABEL` included."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


class Listens(StrEnum):
    """At which of its addresses a pod serves."""

    EVERYWHERE = "everywhere"
    POD_IP = "pod IP only"
    LOOPBACK = "loopback only"


class Pod(Value):
    """A pod; `node` and `ips` are empty until the cluster has placed it.

    `probes` says whether it runs our agent: pods without one (cluster DNS) can be reached and
    selected but are no source of a flow. `service_account` is empty for the namespace's default.
    `listens` says at which of its addresses our agent serves. `grace_s` is above 0 where the pod
    terminates: for so many seconds at most from its deletion.
    """

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    node: str = ""
    ips: tuple[str, ...] = ()
    host_network: bool = False
    probes: bool = True
    service_account: str = ""
    listens: Listens = Listens.EVERYWHERE
    grace_s: int = 0

    @property
    def key(self) -> str:
        """`namespace/name`, unique within a topology."""
        return f"{self.namespace}/{self.name}"

    def ip(self, family: Family) -> str | None:
        """Return the pod's address of that family, or None where it has none."""
        return next((ip for ip in self.ips if Family.of(ip) is family), None)


class ServicePort(Value):
    """One port of a Service; `target` is a container port's number or name."""

    number: int
    target: int | str
    protocol: Protocol = Protocol.TCP
    name: str = ""
    node_port: int | None = None


class Service(Value):
    """A Service with a selector; `cluster_ips` is empty until the cluster has assigned them.

    `asked_at` are the addresses at which pods ask in the place of the cluster's DNS, if it is that
    and they do.
    """

    namespace: str
    name: str
    selector: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[ServicePort, ...] = ()
    cluster_ips: tuple[str, ...] = ()
    asked_at: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """`namespace/name`, unique among the Services of a topology."""
        return f"{self.namespace}/{self.name}"

    def ip(self, family: Family) -> str | None:
        """Return the ClusterIP of that family, or None where it has none."""
        return next((ip for ip in self.cluster_ips if Family.of(ip) is family), None)


class HostKind(StrEnum):
    """Machines that are not pods; the API server is one of which no address is known."""

    NODE = "node"
    OUTSIDE = "outside"
    API_SERVER = "apiserver"


class Host(Value):
    """A node, or a host outside the cluster, with its addresses and the ports it serves."""

    kind: HostKind
    name: str
    ips: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()

    def ip(self, family: Family) -> str | None:
        """Return the host's address of that family, or None where it has none."""
        return next((ip for ip in self.ips if Family.of(ip) is family), None)


class Topology(Value):
    """All that can send, receive or be selected in one scenario."""

    namespaces: tuple[Namespace, ...] = ()
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    hosts: tuple[Host, ...] = ()

    def namespace(self, name: str) -> Namespace:
        """Return the namespace of that name; raise KeyError where there is none."""
        return _only(name, [n for n in self.namespaces if n.name == name])

    def pod(self, key: str) -> Pod:
        """Return the pod of that `namespace/name`; raise KeyError where there is none."""
        namespace, _, name = key.partition("/")
        # Asked for every flow of a matrix: names are compared before anything is made of them.
        found = (p for p in self.pods if p.name == name and p.namespace == namespace)
        return _only(key, list(found))

    def service(self, key: str) -> Service:
        """Return the Service of that `namespace/name`; raise KeyError where there is none."""
        return _only(key, [s for s in self.services if s.key == key])

    def host(self, name: str) -> Host:
        """Return the host of that name; raise KeyError where there is none."""
        return _only(name, [h for h in self.hosts if h.name == name])

    def backends(self, service: Service) -> tuple[Pod, ...]:
        """Return the pods that get what a Service is sent, in the order of the topology.

        A Service without a selector has none (Service.spec.selector: endpoints are then managed
        by somebody else).
        """
        wanted = service.selector.items()
        return in_rotation(
            pod
            for pod in self.pods
            if wanted and pod.namespace == service.namespace and wanted <= pod.labels.items()
        )


def in_rotation(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Return those of a Service's pods that get what is sent to it.

    That is who does not terminate, or all of them where everybody does (KEP-1669).
    """
    selected = tuple(pods)
    return tuple(pod for pod in selected if not pod.grace_s) or selected


def _only(key: str, matches: list[T]) -> T:
    if not matches:
        raise KeyError(key)
    return matches[0]
