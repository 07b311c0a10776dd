"""Who reaches whom in a mirrored bundle: its flows, and what its policies say of each.

This is a bundle before it is in any cluster, or the part of it that was probed in one.

Pods have no addresses yet. A stand-in of the usual pod range is used where a rule's ipBlock asks
for one; where a block cuts that range in two, no address can stand for all, and what depends on
it is undefined. So a snapshot never depends on which address a pod happens to get.

Outside, blocks of addresses lie inside each other or apart, never across, so they cut the address
space into cells within which every policy says the same. One address of each stands for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from ipaddress import ip_address, ip_network
from itertools import islice, takewhile

from netproof.expected import (
    Answers,
    Evaluator,
    Grid,
    PolicyIndex,
    Target,
    Trace,
    as_set,
    positions,
    trace_flow,
    transposed,
)
from netproof.model.flow import Direction, Endpoint, EndpointKind, Flow, Path
from netproof.model.matrix import ExpectedMatrix
from netproof.model.value import replace
from netproof.model.workload import (
    NAMESPACE_NAME_LABEL,
    Family,
    Host,
    HostKind,
    Namespace,
    Pod,
    Port,
    Protocol,
    Service,
    ServicePort,
    Topology,
)
from netproof.policy import Address, Network, NetworkPolicy, lies_in, matching
from netproof.policy.limits import MAX_FLOWS, MAX_LISTED, MAX_WORK, refuse_more
from netproof.policy.mirror import Mirror

OUTSIDE = "outside"
"""The host that stands for every address that no policy names."""

NODES = "nodes"
"""The host that stands for every node; one of them is a pod's own."""

API_SERVER = "apiserver"
"""The host that stands for the API server, on another node than the pods or on none."""

API_PORTS = (Port(443), Port(6443))
"""Where endpoints of the Service `kubernetes` listen: in managed clusters, and elsewhere."""

CLUSTER_RANGES: tuple[Network, ...] = (
    ip_network("10.244.0.0/16"),
    ip_network("10.96.0.0/16"),
    ip_network("fd00:10:244::/56"),
    ip_network("fd00:10:96::/112"),
)
"""Where pods and Services are taken to live: the defaults of kubeadm and kind."""

_EVERYTHING = {Family.IPV4: ip_network("0.0.0.0/0"), Family.IPV6: ip_network("::/0")}
_LIKELY = {Family.IPV4: "198.51.100.7", Family.IPV6: "2001:db8:ffff::7"}

DNS = "kube-system/kube-dns"
"""CoreDNS keeps its predecessor's name; so do its labels."""

_DNS_NAMESPACE = Namespace("kube-system", {NAMESPACE_NAME_LABEL: "kube-system"})
_DNS_POD = Pod(
    "kube-system",
    "kube-dns",
    {"k8s-app": "kube-dns"},
    (Port(53, Protocol.UDP, "dns"), Port(53, Protocol.TCP, "dns-tcp")),
    ips=("10.244.0.2", "fd00:10:244::2"),
    probes=False,
)
_DNS_SERVICE = Service(
    "kube-system",
    "kube-dns",
    {"k8s-app": "kube-dns"},
    (ServicePort(53, 53, Protocol.UDP, "dns"), ServicePort(53, 53, Protocol.TCP, "dns-tcp")),
    ("10.96.0.10",),
)

_POD_IPS = ("10.244.1.7", "fd00:10:244::7")

_SPLIT = "check its namespaces one by one, or name fewer ports and blocks of addresses"

WEB = (Port(80), Port(443))
"""The ports outside that are tried besides those that policies and intents name."""


@dataclass(frozen=True)
class Reachability:
    """The flows of a bundle and their expectations; made by `read_reachability`.

    `given` are the flows where they are known already, such as those that were probed.
    """

    mirror: Mirror
    topology: Topology
    outside_ports: tuple[Port, ...]
    policies: tuple[NetworkPolicy, ...] = ()
    given: tuple[Flow, ...] | None = None

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """Every flow between workloads, to and from the outside, and to the cluster's DNS.

        Raises PolicyError where they are too many to be listed one by one; `grid` holds more.
        """
        if self.given is not None:
            return self.given
        self.refuse_to_list()
        return tuple(self.grid.flow(*at) for at in self.in_order(self.grid.present))

    @cached_property
    def grid(self) -> Grid:
        """All those flows at once, and what the policies say of them."""
        pods = [Endpoint.pod(pod.key) for pod in self.workloads]
        return Grid(self.index, (*pods, *map(_end, self.topology.hosts)), tuple(self._targets()))

    def in_order(self, chosen: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield source and target of those flows that are chosen, by the sources of each target.

        By their sources those between workloads come first; then to and from each host outside,
        to the cluster's DNS, and to and from nodes and the API server.
        """
        if not any(chosen):
            return
        sources, targets = self.grid.sources, self.grid.targets
        rows = transposed(chosen, len(sources))
        kinds = [one.destination.kind for one in targets]
        pods = as_set(at for at, kind in enumerate(kinds) if kind is EndpointKind.POD)
        dns = as_set(at for at, kind in enumerate(kinds) if kind is EndpointKind.SERVICE)
        senders = range(len(self.workloads))
        yield from ((at, there) for at in senders for there in positions(rows[at] & pods))
        hosts = range(len(senders), len(sources))
        outside = [at for at in hosts if sources[at].kind is EndpointKind.OUTSIDE]
        yield from self._of_hosts(outside, chosen, rows)
        yield from ((at, there) for at in senders for there in positions(rows[at] & dns))
        yield from self._of_hosts([at for at in hosts if at not in outside], chosen, rows)

    def _of_hosts(
        self, hosts: Iterable[int], chosen: Sequence[int], rows: Sequence[int]
    ) -> Iterator[tuple[int, int]]:
        """Yield what is chosen of the flows to and from some hosts, pod by pod."""
        sources, targets = self.grid.sources, self.grid.targets
        places = self._places()
        owner = {end: at for at, end in enumerate(sources)}
        for host in hosts:
            there = places.get(sources[host], 0)
            met = {at for target in positions(there) for at in positions(chosen[target])}
            met |= {owner[targets[at].destination] for at in positions(rows[host])}
            for pod in sorted(met):
                yield from ((pod, at) for at in positions(rows[pod] & there))
                own = places.get(sources[pod], 0)
                yield from ((host, at) for at in positions(rows[host] & own))

    def refuse_to_list(self) -> None:
        """Raise PolicyError where the flows are too many to be listed, or probed, one by one."""
        count = len(self.grid)
        if count > MAX_LISTED:
            widest = max(self.workloads, key=lambda pod: len(pod.ports))
            place = self.mirror.place("Pod", widest.key)
            refuse_more(count, MAX_LISTED, f"flows to list ({count:,})", place, _SPLIT)

    @cached_property
    def flows_of(self) -> Mapping[str, Sequence[Flow]]:
        """The flows by each of their ends' names; by those of a Service's backends, too."""
        found: dict[str, list[Flow]] = {pod.key: [] for pod in self.topology.pods}
        for flow in self.flows:
            for name in {flow.source.name, flow.destination.name, *self._behind(flow.destination)}:
                found.setdefault(name, []).append(flow)
        return found

    @cached_property
    def index(self) -> PolicyIndex:
        """Who is selected by what."""
        return PolicyIndex(self.topology, self.policies)

    @cached_property
    def matrix(self) -> ExpectedMatrix:
        """What the policies say of every flow."""
        return self.expect(self.flows)

    @cached_property
    def answers(self) -> Answers:
        """The same without its reasons, to ask what a change of policies would change."""
        return Answers(self.index)

    @cached_property
    def pods(self) -> dict[str, Pod]:
        """The pods by `namespace/name`, the DNS's among them."""
        return {pod.key: pod for pod in self.topology.pods}

    @cached_property
    def hosts(self) -> dict[str, Host]:
        """The hosts outside by name."""
        return {host.name: host for host in self.topology.hosts}

    @cached_property
    def workloads(self) -> tuple[Pod, ...]:
        """The pods that stand for the bundle's workloads."""
        return tuple(pod for pod in self.topology.pods if pod.probes)

    def expect(self, flows: Iterable[Flow]) -> ExpectedMatrix:
        """Say what the policies mean for some flows only."""
        return Evaluator(self.index).matrix(flows)

    def trace(self, flow: Flow) -> Trace:
        """Say what the policies mean for one flow, with everything that took part in it."""
        return trace_flow(self.index, flow)

    def _behind(self, end: Endpoint) -> Sequence[str]:
        if end.kind is not EndpointKind.SERVICE:
            return ()
        return [pod.key for pod in self.index.backends(self.index.service(end.name))]

    def _places(self) -> dict[Endpoint, int]:
        found: dict[Endpoint, int] = {}
        for at, one in enumerate(self.grid.targets):
            found[one.destination] = found.get(one.destination, 0) | 1 << at
        return found

    def _targets(self) -> Iterator[Target]:
        for pod in self.workloads:
            served = dict.fromkeys((port.number, port.protocol) for port in pod.ports)
            for number, protocol in served:
                yield Target(Endpoint.pod(pod.key), number, protocol)
        for host in self.topology.hosts:
            outside = host.kind is HostKind.OUTSIDE
            there, family = _end(host), Family.of(host.ips[0]) if host.ips else Family.IPV4
            for port in self.outside_ports if outside else host.ports:
                yield Target(there, port.number, port.protocol, family, Path.HOST_IP)
        for protocol in (Protocol.UDP, Protocol.TCP):
            yield Target(Endpoint.service(DNS), 53, protocol, path=Path.DNS)


def _end(host: Host) -> Endpoint:
    outside = host.kind is HostKind.OUTSIDE
    return Endpoint.outside(host.name) if outside else Endpoint.node(host.name)


def read_reachability(
    mirror: Mirror,
    blocks: Iterable[Network] = (),
    ports: Iterable[Port] = (),
    machines: Iterable[Host] = (),
) -> Reachability:
    """Put a mirror into a cluster that is not there.

    `blocks` and `ports` are those of the outside that intents name, `machines` the nodes and the
    API server with their ports, where intents name them.
    """
    bundle = mirror.bundle
    named = (*policy_blocks(bundle.policies), *blocks)
    ips = _stand_in_ips(named)
    pods = tuple(replace(pod, ips=ips) for pod in bundle.pods)
    spaces, dns_pods, services = _with_dns(mirror)
    topology = Topology(spaces, pods + dns_pods, services, (*outside_hosts(named), *machines))
    abroad = {*WEB, *egress_ports(bundle.policies), *ports}
    reach = Reachability(mirror, topology, tuple(sorted(abroad)), bundle.policies)
    _refuse_too_much(reach)
    return reach


def _refuse_too_much(reach: Reachability) -> None:
    """Raise PolicyError, with the place of what makes it so, where judging would take too long."""
    pods, abroad = reach.workloads, len(reach.topology.hosts)
    served = sum(len(pod.ports) for pod in pods)
    there = (len(pods) - 1) * served + len(pods) * (abroad * len(reach.outside_ports) + 2)
    flows = there + abroad * served
    if flows > MAX_FLOWS:
        widest = max(pods, key=lambda pod: len(pod.ports))
        place = reach.mirror.place("Pod", widest.key)
        refuse_more(flows, MAX_FLOWS, f"flows ({flows:,})", place, _SPLIT)
    index = reach.index
    alike = {
        (direction, tuple(map(id, index.isolating(pod, direction)))): pod
        for pod in pods
        for direction in Direction
    }
    work = sum(_terms(reach, pod, direction) ** 2 for (direction, _), pod in alike.items())
    if work > MAX_WORK:
        policy = max(reach.policies, key=lambda one: len(one.ingress) + len(one.egress))
        things = f"pairs of rules for the same workloads ({work:,})"
        refuse_more(work, MAX_WORK, things, str(policy.origin), _SPLIT)


def _terms(reach: Reachability, pod: Pod, direction: Direction) -> int:
    rules = reach.index.rules(pod, direction)
    ports_and_blocks = sum(1 + len(rule.ports) + len(rule.blocks) for rule in rules)
    return len(reach.index.isolating(pod, direction)) + ports_and_blocks


def _with_dns(
    mirror: Mirror,
) -> tuple[tuple[Namespace, ...], tuple[Pod, ...], tuple[Service, ...]]:
    """Add the cluster's DNS, unless the bundle brings it itself."""
    bundle = mirror.bundle
    known = {space.name for space in bundle.namespaces}
    spaces = bundle.namespaces + (() if "kube-system" in known else (_DNS_NAMESPACE,))
    if DNS in {service.key for service in bundle.services}:
        return spaces, (), bundle.services
    pods = () if DNS in {pod.key for pod in bundle.pods} else (_DNS_POD,)
    return spaces, pods, (*bundle.services, _DNS_SERVICE)


def _stand_in_ips(named: Iterable[Network]) -> tuple[str, ...]:
    cut = any(lies_in(block, own) and block != own for block in named for own in CLUSTER_RANGES)
    return () if cut else _POD_IPS


def egress_ports(policies: Iterable[NetworkPolicy]) -> Iterator[Port]:
    """Yield the ports that egress rules name, which are tried at the outside too."""
    for policy in policies:
        for rule in policy.rules(Direction.EGRESS):
            for match in rule.ports:
                if numbered := matching.port_range(match):
                    yield Port(numbered[0], match.protocol)


def policy_blocks(policies: Iterable[NetworkPolicy]) -> Iterator[Network]:
    """Yield every block and exception that the policies name."""
    for policy in policies:
        yield from matching.named_blocks(policy)


def outside_hosts(named: Iterable[Network]) -> tuple[Host, ...]:
    """Return a host for each cell that the named blocks make, the one for all else first.

    IPv6 is told apart only where somebody names an IPv6 block. Ranges of the cluster are no
    outside.
    """
    blocks = sorted(set(named), key=lambda net: (net.version, net.network_address, net.prefixlen))
    hosts = [_host(OUTSIDE, _EVERYTHING[Family.IPV4], blocks)]
    if any(net.version == 6 for net in blocks):
        hosts.append(_host(f"{OUTSIDE} ::/0", _EVERYTHING[Family.IPV6], blocks))
    for at, net in enumerate(blocks):
        inside_cluster = any(lies_in(net, own) for own in CLUSTER_RANGES)
        if net.prefixlen and not inside_cluster:
            # In this order the blocks that lie in one come right after it.
            smaller = takewhile(partial(lies_in, outer=net), islice(blocks, at + 1, None))
            hosts.append(_host(f"{OUTSIDE} {net}", net, smaller))
    return tuple(host for host in hosts if host.ips)


def cell_of(ips: Iterable[str], reach: Reachability) -> str:
    """Return which of the hosts outside stands for some addresses: that of the narrowest block."""
    there = [ip_address(ip) for ip in ips]
    cells = [(0, OUTSIDE)]
    for host in reach.topology.hosts:
        block = host.name.removeprefix(OUTSIDE).strip()
        net = ip_network(block) if block else None
        if net and any(ip.version == net.version and ip in net for ip in there):
            cells.append((net.prefixlen, host.name))
    return max(cells)[1]


def _host(name: str, net: Network, blocks: Iterable[Network]) -> Host:
    address = _representative(net, blocks)
    return Host(HostKind.OUTSIDE, name, (str(address),) if address else ())


def _representative(net: Network, blocks: Iterable[Network]) -> Address | None:
    """Return an address of the block that is in none of the smaller blocks, if there is one.

    Such a cell begins where the block does or where a smaller block ends.
    """
    family = Family.IPV4 if net.version == 4 else Family.IPV6
    smaller = [
        other for other in (*blocks, *CLUSTER_RANGES) if other != net and lies_in(other, net)
    ]
    likely = ip_address(_LIKELY[family])
    first = [likely] if likely in net else []
    starts = [net.network_address + (1 if net.num_addresses > 2 else 0)]
    ends = [o.broadcast_address + 1 for o in smaller if int(o.broadcast_address) < _last(net)]
    for candidate in (*first, *starts, *ends):
        if not any(candidate in other for other in smaller):
            return candidate
    return None


def _last(net: Network) -> int:
    return int(net.broadcast_address)
