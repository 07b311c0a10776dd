"""What all pods of the lab share: the machine that their kubelets work on, and its events."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from itertools import count

from netlab.controllers.policies import PolicyController
from netlab.controllers.probes import EagerBudget
from netlab.node.addressplan import OUTSIDE_IPS, OUTSIDE_NAME
from netlab.node.netns import NetNS
from netlab.node.network import Network
from netlab.node.reaping import Reaper, StraySweeper
from netlab.node.runtime import RunningPod
from netlab.node.sandbox import Sandbox, Sandboxes
from netlab.objects.obj import Obj
from netlab.objects.store import Store


class EventRecorder:
    """Writes events about pods into the store, on behalf of one component."""

    def __init__(self, store: Store, component: str, clock: Callable[[], str]) -> None:
        self._store = store
        self._component = component
        self._clock = clock
        self._numbers = count(1)

    def record(self, pod: Obj, reason: str, message: str, *, warning: bool = False) -> None:
        """Add one event about a pod, unless its namespace takes no new objects any more."""
        meta, now = pod["metadata"], self._clock()
        namespace = meta["namespace"]
        home = self._store.find("namespaces", None, namespace)
        if home is None or "deletionTimestamp" in home["metadata"]:
            return
        name = f"{meta['name']}.{self._component}-{next(self._numbers)}"
        reference = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": meta["name"],
            "namespace": namespace,
            "uid": meta["uid"],
        }
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": reference,
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "lab",
        }
        self._store.create("events", event)


BuiltInPod = Callable[[Sandbox], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LabMachine:
    """What all pods of the lab share.

    `built_in` starts pods that the lab serves itself, by namespace and name.
    `policies` tells when the rules for every address known so far are in force.
    """

    store: Store
    network: Network
    sandboxes: Sandboxes
    reaper: Reaper
    sweeper: StraySweeper
    running: MutableMapping[str, RunningPod]
    events: EventRecorder
    policies: PolicyController
    built_in: Mapping[tuple[str, str], BuiltInPod]
    environment: Mapping[str, str]
    budget: EagerBudget = field(default_factory=EagerBudget)

    def host_ips(self, node: str) -> tuple[str, ...]:
        """Return the addresses of a node or of the outside host."""
        return OUTSIDE_IPS if node == OUTSIDE_NAME else self.network.nodes[node].addresses.ips

    def host_netns(self, node: str) -> NetNS:
        """Return the namespace of a node or of the outside host."""
        network = self.network
        return network.outside if node == OUTSIDE_NAME else network.nodes[node].netns
