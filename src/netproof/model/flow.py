"""One flow, what a probe of it saw, and what the policies say of it."""

from __future__ import annotations

from enum import StrEnum

from netproof.model.value import Value
from netproof.model.workload import Family, Protocol


class EndpointKind(StrEnum):
    """What can stand at either end of a flow."""

    POD = "pod"
    SERVICE = "service"
    NODE = "node"
    OUTSIDE = "outside"

    __hash__ = str.__hash__  # Enum's own is Python code, and flows are hashed by the million


class Endpoint(Value, order=True, cache_hash=True):
    """An end of a flow: `name` is `namespace/name` for pods and Services, a host's name else."""

    kind: EndpointKind
    name: str

    @classmethod
    def pod(cls, key: str) -> Endpoint:
        """Return the pod `namespace/name` as an end of a flow."""
        return cls(EndpointKind.POD, key)

    @classmethod
    def service(cls, key: str) -> Endpoint:
        """Return the Service `namespace/name` as an end of a flow."""
        return cls(EndpointKind.SERVICE, key)

    @classmethod
    def outside(cls, name: str) -> Endpoint:
        """Return a host outside the cluster as an end of a flow."""
        return cls(EndpointKind.OUTSIDE, name)

    @classmethod
    def node(cls, name: str) -> Endpoint:
        """Return a node of the cluster as an end of a flow."""
        return cls(EndpointKind.NODE, name)

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Return the end that `str` gave that text for."""
        kind, space, name = text.partition(" ")
        if space and kind in (EndpointKind.SERVICE, EndpointKind.NODE):
            return cls(EndpointKind(kind), name)
        return cls.pod(text) if "/" in text and not space else cls.outside(text)

    def __str__(self) -> str:
        named = self.kind in (EndpointKind.SERVICE, EndpointKind.NODE)
        return f"{self.kind} {self.name}" if named else self.name


class Path(StrEnum):
    """By which door the packets go in.

    `dns` is no connection of ours: the source asks the cluster's DNS for a name, and the flow's
    destination is the DNS Service. `fragments` is to the pod's own address too, with a request and
    an answer of UDP that are larger than a packet may be on the way.
    """

    POD_IP = "pod-ip"
    CLUSTER_IP = "cluster-ip"
    NODE_PORT = "node-port"
    NAME = "name"
    DNS = "dns"
    HOST_IP = "host-ip"
    FRAGMENTS = "fragments"

    __hash__ = str.__hash__  # Enum's own is Python code, and flows are hashed by the million


USUAL = (Path.POD_IP, Path.HOST_IP)
"""The paths that go without saying."""

DIRECT = (*USUAL, Path.FRAGMENTS)
"""Where the address and port that are dialled are the destination's own."""


class Flow(Value, order=True, cache_hash=True):
    """source -> destination : port/protocol, in one IP family, by one path.

    `port` is the port that is dialled at the destination: the pod's own by `pod-ip`, the
    Service's by `cluster-ip`, `name` and `dns`, the node port by `node-port`, 0 for ICMP.
    """

    source: Endpoint
    destination: Endpoint
    port: int
    protocol: Protocol = Protocol.TCP
    family: Family = Family.IPV4
    path: Path = Path.POD_IP

    def __str__(self) -> str:
        door = "" if self.path in USUAL else f" by {self.path}"
        port = " " if self.protocol is Protocol.ICMP else f":{self.port}/"
        there = f"{self.destination}{port}{self.protocol}"
        return f"{self.source} -> {there} {self.family}{door}"


class Outcome(StrEnum):
    """What one probe saw."""

    CONNECTED = "connected"
    DROPPED = "dropped"
    REJECTED = "rejected"
    UNRESOLVED = "unresolved"
    ERROR = "error"


SILENT = (Outcome.DROPPED, Outcome.REJECTED)
"""No answer came."""


class Connectivity(StrEnum):
    """What an outcome amounts to. Unknown never equals an expectation."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "unknown"


_CONNECTIVITY = {
    Outcome.CONNECTED: Connectivity.ALLOWED,
    Outcome.DROPPED: Connectivity.DENIED,
    Outcome.REJECTED: Connectivity.DENIED,
}


class PathControl(Value):
    """What was tried beside a flow, in the same second, that had to be answered.

    `answered` and `late` word the paths that were, and were not, within the flow's own time-out:
    each end of it to itself, or somebody else to an end that runs no agent of ours. `far` tells
    whether the destination's end was among them.
    """

    answered: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    far: bool = False

    @property
    def in_time(self) -> bool:
        """Tell whether all that was tried was answered in time, and anything was tried."""
        return bool(self.answered) and not self.late


class Passing(Value):
    """A leak that came and went: it got through in `through` of `looks` looks.

    They are counted from when the flow was first seen denied; `first_s` and `last_s` are when it
    got through, in seconds since the first look at this state of the cluster.
    """

    through: int
    looks: int
    first_s: float
    last_s: float


class Observation(Value):
    """What is known of a flow after probing it.

    `arrived`: the destination's own testimony for a probe that got no answer: True when it saw
    the request, False when it did not, None when it was not asked or could not say.
    `seconds`: from the first packet to the outcome. `attempts`: how often this flow was probed.
    `beside`: how the machine did meanwhile, where the flow got no answer and that was looked at.
    `passing`: that what got through did so at times only.
    """

    outcome: Outcome
    detail: str = ""
    arrived: bool | None = None
    seconds: float = 0.0
    attempts: int = 1
    beside: PathControl | None = None
    passing: Passing | None = None

    @property
    def connectivity(self) -> Connectivity:
        """Tell what the outcome amounts to; a request that arrived is not denied."""
        if self.arrived and self.outcome is not Outcome.CONNECTED:
            return Connectivity.UNKNOWN
        return _CONNECTIVITY.get(self.outcome, Connectivity.UNKNOWN)

    @property
    def unweighed(self) -> bool:
        """Tell whether it is a silence that nobody testified for and no control was beside."""
        silent = self.outcome in SILENT and self.arrived is None
        return silent and not (self.beside and self.beside.in_time)

    @property
    def denied(self) -> bool:
        """Tell whether it is a denial: a silence with a witness or with controls beside it."""
        return self.connectivity is Connectivity.DENIED and not self.unweighed

    @property
    def leaked(self) -> bool:
        """Tell whether anything of the flow got through, with or without an answer."""
        return self.outcome is Outcome.CONNECTED or self.arrived is True


class Expected(StrEnum):
    """What NetworkPolicy v1 says of a flow; undefined where it does not say."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNDEFINED = "undefined"


class Direction(StrEnum):
    """The two directions that a pod can be isolated in (NetworkPolicySpec.policyTypes)."""

    INGRESS = "Ingress"
    EGRESS = "Egress"

    __hash__ = str.__hash__  # Enum's own is Python code, and flows are hashed by the million


class Reason(Value):
    """Why one side of a flow is allowed, denied or undefined.

    `policies` are the policies (`namespace/name`) that isolate the pod in this direction, `rules`
    the rules that let the flow pass (`namespace/name ingress[0] at file:line`).
    """

    direction: Direction
    expected: Expected
    text: str
    policies: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class Expectation(Value):
    """What should happen to a flow, and the reasons, egress side first."""

    expected: Expected
    reasons: tuple[Reason, ...] = ()
