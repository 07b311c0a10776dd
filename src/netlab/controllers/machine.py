"""What all pods of the lab share: the machine their kubelet works on."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field

from netlab.apiserver.store import Store
from netlab.controllers.events import Recorder
from netlab.controllers.probes import EagerBudget
from netlab.node.addresses import OUTSIDE_IPS, OUTSIDE_NAME
from netlab.node.netns import NetNS
from netlab.node.network import Network
from netlab.node.process import Reaper, StraySweeper
from netlab.node.runtime import RunningPod
from netlab.node.sandbox import Sandbox, Sandboxes

BuiltIn = Callable[[Sandbox], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Machine:
    """What all pods of the lab share.

    `built_in` starts pods that the lab serves itself, by namespace and name.
    `policies_settled` returns when the rules for every address known so far are in force.
    """

    store: Store
    network: Network
    sandboxes: Sandboxes
    reaper: Reaper
    sweeper: StraySweeper
    running: MutableMapping[str, RunningPod]
    events: Recorder
    policies_settled: Callable[[], Awaitable[None]]
    built_in: Mapping[tuple[str, str], BuiltIn]
    environment: Mapping[str, str]
    budget: EagerBudget = field(default_factory=EagerBudget)

    def host_ips(self, node: str) -> tuple[str, ...]:
        """Return the addresses of a node or of the outside host."""
        return OUTSIDE_IPS if node == OUTSIDE_NAME else self.network.nodes[node].addresses.ips

    def host_netns(self, node: str) -> NetNS:
        """Return the namespace of a node or of the outside host."""
        network = self.network
        return network.outside if node == OUTSIDE_NAME else network.nodes[node].netns
