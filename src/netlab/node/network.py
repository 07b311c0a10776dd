"""The lab's network: nodes, the outside host and pods, each a namespace on a routed veth pair.

One routing namespace (the one the lab's first process lives in) joins nodes and outside; each
node routes its own pods. No bridge and no learned neighbours: those share one table with the
whole machine. Must not know: Kubernetes objects, policies or services.
"""

import contextlib
from dataclasses import dataclass, field
from itertools import count

from netlab.node import addressplan, rtnetlink
from netlab.node.addressplan import AddressPool, NodeAddresses
from netlab.node.netns import NetNS, write_sysctls

_ROUTER_SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
}
# Without these a `reject` looks like a drop above ~1000 answers per second, and a probe's closed
# connection blocks its port for two minutes. Not every kernel has all of them per namespace.
_ROUTER_SYSCTLS_IF_PRESENT = {
    "net.ipv4.icmp_ratelimit": "0",
    "net.ipv4.icmp_msgs_per_sec": "100000",
    "net.ipv4.icmp_msgs_burst": "100000",
    "net.ipv6.icmp.ratelimit": "0",
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait": "1",
}
# What containerd 2 sets in a pod: ports below 1024 and ICMP echoes need no capability. Its range of
# groups is all; here the pods' own, as a user namespace may have no other.
_LEAF_SYSCTLS = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "65534 65534",
}
_LOOPBACK = 1
_ETH0 = 2
_FIRST_ROUTER_LINK = 100  # leaves room for lo and a leaf's own eth0 in the same namespace


@dataclass(slots=True)
class Router:
    """A namespace that forwards for the leaves attached to it."""

    netns: NetNS
    netlink: rtnetlink.RtNetlink
    ips: tuple[str, ...] = ()
    indexes: "count[int]" = field(default_factory=lambda: count(_FIRST_ROUTER_LINK))

    @classmethod
    def around(cls, netns: NetNS, ips: tuple[str, ...] = ()) -> "Router":
        """Make a namespace a router: switch forwarding on and open its netlink socket."""
        with netns:
            write_sysctls(_ROUTER_SYSCTLS)
            for name, value in _ROUTER_SYSCTLS_IF_PRESENT.items():
                with contextlib.suppress(FileNotFoundError, PermissionError):
                    write_sysctls({name: value})
            return cls(netns, rtnetlink.RtNetlink(), ips)


@dataclass(frozen=True, slots=True)
class LabNode:
    """A Kubernetes node: its addresses, its namespace as a router, and its pods' addresses."""

    addresses: NodeAddresses
    router: Router
    pool: AddressPool

    @property
    def name(self) -> str:
        return self.addresses.name

    @property
    def netns(self) -> NetNS:
        return self.router.netns


@dataclass(frozen=True, slots=True)
class NetworkAttachment:
    """Where a pod is on the network. `owned` namespaces are closed by `Network.detach`."""

    node: str
    netns: NetNS
    ips: tuple[str, ...]
    owned: bool


@dataclass(frozen=True, slots=True)
class Network:
    """All namespaces of one lab."""

    nodes: dict[str, LabNode]
    outside: NetNS

    @classmethod
    def build(cls, node_count: int) -> "Network":
        """Wire nodes and outside; the calling thread's namespace becomes the underlay router."""
        underlay = Router.around(NetNS.of_this_thread())
        underlay.netlink.send([rtnetlink.link_up(_LOOPBACK)])
        plan = [addressplan.node_addresses(index) for index in range(node_count)]
        nodes = {node.name: _add_node(underlay, node) for node in plan}
        return cls(nodes, _add_outside(underlay))

    def attach(self, node: str, *, host_network: bool) -> NetworkAttachment:
        """Give a pod its place: a namespace of its own, or its node's with host_network.

        Raises PoolExhaustedError when the node has no address left, OSError from the kernel.
        """
        if node == addressplan.OUTSIDE_NAME:
            return NetworkAttachment(node, self.outside, addressplan.OUTSIDE_IPS, owned=False)
        place = self.nodes[node]
        if host_network:
            return NetworkAttachment(node, place.netns, place.addresses.ips, owned=False)
        return _add_pod(place)

    def detach(self, attachment: NetworkAttachment, *, reuse: bool = False) -> None:
        """Let go of a pod's namespace and address; the next pod gets that where it is to be reused.

        Closing the descriptor is enough: the kernel removes the veth pair in the background,
        while an explicit removal would take tens of milliseconds of our time.
        """
        if attachment.owned:
            attachment.netns.close()
            v4, v6 = attachment.ips
            self.nodes[attachment.node].pool.give_back((v4, v6), soon=reuse)


def _add_node(underlay: Router, plan: NodeAddresses) -> LabNode:
    netns = NetNS.create()
    router = Router.around(netns, plan.ips)
    with netns:
        write_sysctls(_LEAF_SYSCTLS)
    index = _join(underlay, netns, ips=plan.ips, destinations=("0.0.0.0/0", "::/0"))
    underlay.netlink.send(
        [
            rtnetlink.route(cidr, index, via=ip)
            for cidr, ip in zip(plan.pod_cidrs, plan.ips, strict=True)
        ]
    )
    # An address that no pod has must not go round in circles by the default route.
    router.netlink.send([rtnetlink.unreachable(cidr) for cidr in plan.pod_cidrs])
    return LabNode(plan, router, AddressPool(plan.pod_cidrs))


def _add_outside(underlay: Router) -> NetNS:
    """Add the host that stands for the internet: it knows the nodes and no pod."""
    netns = NetNS.create()
    with netns:
        write_sysctls(_LEAF_SYSCTLS)
    ips = addressplan.OUTSIDE_IPS + addressplan.OUTSIDE_EXTRA_IPS
    _join(underlay, netns, ips=ips, destinations=addressplan.UNDERLAY)
    return netns


def _add_pod(node: LabNode) -> NetworkAttachment:
    ips = node.pool.take()
    netns = NetNS.create()
    try:
        with netns:
            write_sysctls(_LEAF_SYSCTLS)
        _join(node.router, netns, ips=ips, destinations=("0.0.0.0/0", "::/0"))
    except OSError:
        netns.close()
        node.pool.give_back(ips)
        raise
    return NetworkAttachment(node.name, netns, ips, owned=True)


def _join(
    router: Router, leaf: NetNS, *, ips: tuple[str, ...], destinations: tuple[str, ...]
) -> int:
    """Connect a leaf to its router; return the index of the router's end.

    The first IPv4 and the first IPv6 address are the leaf's source addresses. `destinations`
    are the networks that the leaf reaches by its router.
    """
    index = next(router.indexes)
    near, far = _mac(index, 1), _mac(index, 2)
    peer = rtnetlink.VethPeer("eth0", _ETH0, far, leaf.fd)
    sources = _first_per_family(router.ips)
    own = _first_per_family(ips)
    router.netlink.send(
        [
            rtnetlink.veth(f"veth{index}", index, near, peer=peer),
            rtnetlink.no_link_local(index),
            rtnetlink.link_up(index),
            *(_host_route(ip, index, sources.get(":" in ip)) for ip in ips),
            *(rtnetlink.neighbour(ip, far, index) for ip in ips),
        ]
    )
    with leaf, rtnetlink.RtNetlink() as netlink:
        netlink.send(
            [
                rtnetlink.link_up(_LOOPBACK),
                rtnetlink.no_link_local(_ETH0),
                rtnetlink.link_up(_ETH0),
                *(rtnetlink.address(ip, _ETH0) for ip in ips),
                *(rtnetlink.neighbour(_gateway(ip), near, _ETH0) for ip in ("", ":")),
                *(_leaf_route(net, own) for net in destinations),
            ]
        )
    return index


def _host_route(ip: str, index: int, source: str | None) -> rtnetlink.NetlinkRequest:
    return rtnetlink.route(f"{ip}/{128 if ':' in ip else 32}", index, source=source)


def _leaf_route(net: str, sources: dict[bool, str]) -> rtnetlink.NetlinkRequest:
    return rtnetlink.route(net, _ETH0, via=_gateway(net), source=sources.get(":" in net))


def _first_per_family(ips: tuple[str, ...]) -> dict[bool, str]:
    """Map "is IPv6" to the first address of that family."""
    return {":" in ip: ip for ip in reversed(ips)}


def _gateway(like: str) -> str:
    """Return the gateway of the family that an address or network belongs to."""
    return addressplan.GATEWAY_V6 if ":" in like else addressplan.GATEWAY_V4


def _mac(index: int, side: int) -> bytes:
    """Make a locally administered MAC, unique within its namespace."""
    return bytes((0x02, side)) + index.to_bytes(4, "big")
