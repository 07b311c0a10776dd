"""The ways into a pod that NetworkPolicy does not guard, as data.

What guards each of them, and what to do instead, are facts of Kubernetes and not of a run; what was
seen of a door is a DoorResult. No I/O, and no knowledge of how a door is tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from netproof.model.value import Value

OUTWARDS = "outwards"
"""Begins `DoorResult.by` where it is not the way in that is told, but what gets out behind it."""


class Door(StrEnum):
    """A way into a pod."""

    PORT_FORWARD_POD = "port-forward to the pod"
    PORT_FORWARD_SERVICE = "port-forward to its Service"
    EXEC = "exec"
    ATTACH = "attach"
    POD_PROXY = "API server's pod proxy"
    SERVICE_PROXY = "API server's Service proxy"
    HOST_NETWORK = "pod on the host's network"
    NODE = "the node itself"
    EPHEMERAL = "ephemeral container"
    NODE_PORT = "NodePort"


class DoorState(StrEnum):
    """What trying a door showed; undetermined where it could not be told."""

    OPEN = "open"
    CLOSED = "closed"
    UNDETERMINED = "undetermined"


class Stance(StrEnum):
    """What is expected of the doors that the API server and the kubelet open."""

    REPORT = "report"
    EXPECT_OPEN = "expect-open"
    EXPECT_CLOSED = "expect-closed"


class Permission(Value):
    """A right on a resource of the core group that opens a door, by any of these verbs.

    `get` is how a WebSocket asks (it is a GET), `create` how SPDY does (a POST); since Kubernetes
    1.35 a WebSocket needs `create` too (KEP-4006, AuthorizePodWebsocketUpgradeCreatePermission).
    """

    resource: str
    verbs: tuple[str, ...]


class DoorFacts(Value):
    """What guards a door, and what to do instead of leaving it open.

    `permissions`: any one of them opens it; none where RBAC has no say. It may be expected open or
    closed where the API server and the kubelet decide, and not the CNI.
    """

    guard: str
    instead: str
    permissions: tuple[Permission, ...] = ()
    may_be_expected_open: bool = False
    may_be_expected_closed: bool = False


_STREAM = ("create", "get")
_NODES_PROXY = Permission("nodes/proxy", ("create", "get"))
"""Leads to the kubelet's own API, and with it into every pod of the node."""

_RBAC_FORWARD = "RBAC on pods/portforward; admission (CONNECT); the kubelet's debugging handlers"
_NOT_GIVE = (
    "give create on pods/portforward to no standing role; grant it for an hour, and audit it"
)
_PROXY_VERBS = ("create", "delete", "get", "patch", "update")
_PROXY_GUARD = (
    "RBAC on {0}/proxy; policies judge what comes from the API server's address, "
    "which most CNIs let in on the pod's own node"
)
_HOST_GUARD = "Pod Security (baseline forbids hostNetwork); the API leaves its policing undefined"

FACTS: Mapping[Door, DoorFacts] = {
    Door.PORT_FORWARD_POD: DoorFacts(
        _RBAC_FORWARD,
        _NOT_GIVE,
        (Permission("pods/portforward", _STREAM), _NODES_PROXY),
        may_be_expected_open=True,
        may_be_expected_closed=True,
    ),
    Door.PORT_FORWARD_SERVICE: DoorFacts(
        f"{_RBAC_FORWARD} (a Service is a name for a pod here: its own address is not used)",
        _NOT_GIVE,
        (Permission("pods/portforward", _STREAM), _NODES_PROXY),
        may_be_expected_open=True,
        may_be_expected_closed=True,
    ),
    Door.EXEC: DoorFacts(
        "RBAC on pods/exec; admission (CONNECT); the kubelet's debugging handlers",
        "give create on pods/exec to no standing role; read logs and metrics instead",
        (Permission("pods/exec", _STREAM), _NODES_PROXY),
    ),
    Door.ATTACH: DoorFacts(
        "RBAC on pods/attach; admission (CONNECT); the kubelet's debugging handlers",
        "read logs (pods/log) instead of attaching; leave stdin off in pod specs",
        (Permission("pods/attach", _STREAM), _NODES_PROXY),
        may_be_expected_open=True,
        may_be_expected_closed=True,
    ),
    Door.POD_PROXY: DoorFacts(
        _PROXY_GUARD.format("pods"),
        "take pods/proxy out of roles; publish what people need by an Ingress with authentication",
        (Permission("pods/proxy", _PROXY_VERBS), _NODES_PROXY),
        may_be_expected_closed=True,
    ),
    Door.SERVICE_PROXY: DoorFacts(
        _PROXY_GUARD.format("services"),
        "take services/proxy out of roles; publish what people need by an Ingress with "
        "authentication",
        (Permission("services/proxy", _PROXY_VERBS),),
        may_be_expected_closed=True,
    ),
    Door.HOST_NETWORK: DoorFacts(
        _HOST_GUARD,
        "enforce Pod Security baseline in every namespace; use the CNI's own host policies",
    ),
    Door.NODE: DoorFacts(
        "nothing in the API: a pod cannot be cut off from its own node, whose kubelet probes it",
        "guard who may log in to nodes and run pods there; encrypt and authenticate in the app",
    ),
    Door.EPHEMERAL: DoorFacts(
        "RBAC on pods/ephemeralcontainers; Pod Security; it has the pod's network and its policies",
        "give patch and update on pods/ephemeralcontainers to no standing role; debug a copy",
        (Permission("pods/ephemeralcontainers", ("patch", "update")),),
        may_be_expected_open=True,
        may_be_expected_closed=True,
    ),
    Door.NODE_PORT: DoorFacts(
        "the pod's policies, after NAT: by the client's address with externalTrafficPolicy Local, "
        "often by the node's with Cluster",
        "use externalTrafficPolicy Local, or no NodePort; name clients by ipBlock",
    ),
}


class DoorResult(Value):
    """What was seen of a door, for a pod that a policy isolates in both directions.

    `by` says how it was tried where there is more than one way (`from another node`), `target` is
    the pod or Service. `identity` is what answered and proved who it is, "" where nothing did.
    `control` is what the same try showed without policies; `evidence` words what was seen.
    `user` is who tried it, "" for the user of the run. `fault` says how it differs from what was
    expected of it, "" where it does not or nothing was.
    """

    door: Door
    target: str
    state: DoorState
    by: str = ""
    identity: str = ""
    control: DoorState = DoorState.UNDETERMINED
    evidence: str = ""
    seconds: float = 0.0
    user: str = ""
    fault: str = ""

    @property
    def leads_out(self) -> bool:
        """Tell whether it is about what gets out of the pod, which policies do guard."""
        return self.by.startswith(OUTWARDS)


class Grant(Value):
    """One subject that RBAC lets through a door, and by which rule of which role.

    `verbs` are those of the permission that the rule gives, `names` the objects it is limited to
    (resourceNames; none is all), `namespace` where it holds ("" everywhere). `origin` is the
    ClusterRole that an aggregated rule comes from, "" for a rule of the role's own.
    """

    resource: str
    verbs: tuple[str, ...]
    subject: str
    binding: str
    role: str
    rule: str
    namespace: str = ""
    names: tuple[str, ...] = ()
    origin: str = ""
