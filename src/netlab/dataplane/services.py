"""Services as the rules of one node: ClusterIP, NodePort, and masquerade of what leaves.

Follows kube-proxy in what happens to whom: translation before policies see a packet, NodePort
with the node's address as source unless externalTrafficPolicy is Local, refusal where nobody is
behind a ClusterIP. Must not know: policies.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netlab.dataplane import addresses, matches
from netlab.dataplane.addresses import Addresses, Family, Ip, parse_ip
from netlab.dataplane.endpoints import Backend, ServicePort, service_ports
from netlab.dataplane.matches import PORT_KEY
from netlab.dataplane.table import Chain, Set, Sets, Table
from netlab.dataplane.view import View
from netlab.dataplane.world import ips_of, is_on_pod_network

SERVICE_TABLE = "netproof_services"
POD_NETWORKS = {Family.V4: "10.244.0.0/16", Family.V6: "fd00:10:244::/48"}
_MARK = "0x4000"  # "give this connection the node's address as source"
_SET_MARK = f"meta mark set meta mark | {_MARK}"
_PREROUTING = "type nat hook prerouting priority dstnat; policy accept"
# The name `dstnat` is refused in the output hook; -100 is its number.
_OUTPUT = "type nat hook output priority -100; policy accept"
_POSTROUTING = "type nat hook postrouting priority srcnat; policy accept"
# Before policies, so that a Service with nobody behind it refuses whatever they say.
_REFUSE_FORWARD = "type filter hook forward priority filter - 10; policy accept"
_REFUSE_OUTPUT = "type filter hook output priority filter - 10; policy accept"


@dataclass(frozen=True, slots=True)
class _Target:
    """A service port and the name of its chains on this node."""

    port: ServicePort
    chain: str


def service_table(view: View, node: str) -> Table:
    """Return the table of a node."""
    known = service_ports(view.services, view.endpointslices)
    targets = tuple(_Target(port, f"port{index}") for index, port in enumerate(known))
    own = [parse_ip(ip) for info in view.nodes if info.name == node for ip in info.ips]
    neighbours = _pods_on(view, node)
    sets = Sets()
    chains = [
        Chain("prerouting", ("jump dispatch",), _PREROUTING),
        Chain("output", ("jump dispatch",), _OUTPUT),
        Chain("dispatch", tuple(_dispatch(own))),
        Chain("refuse", tuple(_refuse(sets, known))),
        Chain("refuse_forward", ("jump refuse",), _REFUSE_FORWARD),
        Chain("refuse_output", ("jump refuse",), _REFUSE_OUTPUT),
        Chain("postrouting", tuple(_masquerade(sets, view, known, node)), _POSTROUTING),
        *(chain for target in targets for chain in _chains_of(target, node, neighbours)),
    ]
    maps = tuple(found for family in Family for found in _maps(family, targets))
    return Table(SERVICE_TABLE, maps + sets.all(), tuple(chains))


def _dispatch(own: Iterable[Ip]) -> Iterator[str]:
    for family in Family:
        yield f"{family.value} daddr . {PORT_KEY} vmap @cluster_{family.value}"
        texts = [str(ip) for ip in own if ip.family is family]
        if texts:
            listed = f"{{ {', '.join(texts)} }}"
            yield f"{family.value} daddr {listed} {PORT_KEY} vmap @node_{family.value}"


def _maps(family: Family, targets: Sequence[_Target]) -> Iterator[Set]:
    """Yield the maps from service address or node port to a chain; the first of equals counts."""
    cluster: dict[str, str] = {}
    node: dict[str, str] = {}
    for target in targets:
        port = target.port
        if port.ip.family is family:
            if port.backends:
                key = f"{port.ip} . {port.protocol} . {port.port}"
                cluster.setdefault(key, f"goto {target.chain}")
            if port.node_port and port.backends:
                key = f"{port.protocol} . {port.node_port}"
                node.setdefault(key, f"goto {target.chain}_node")
    key_type = "inet_proto . inet_service : verdict"
    yield _map(f"cluster_{family.value}", f"{family.set_type} . {key_type}", cluster)
    yield _map(f"node_{family.value}", key_type, node)


def _map(name: str, kind: str, entries: dict[str, str]) -> Set:
    return Set(name, kind, tuple(f"{key} : {verdict}" for key, verdict in entries.items()))


def _pods_on(view: View, node: str) -> Addresses:
    pods = (p for p in view.pods if p["spec"].get("nodeName") == node and is_on_pod_network(p))
    return addresses.of_ips(ip for pod in pods for ip in ips_of(pod))


def _chains_of(target: _Target, node: str, neighbours: Addresses) -> Iterator[Chain]:
    """Yield the chains of one service port: for its ClusterIP and, if any, its node port."""
    port = target.port
    if not port.backends:
        return
    local = [backend for backend in port.backends if backend.node == node]
    inside = local if port.keeps_inside_local else port.backends
    yield Chain(target.chain, (_translate(port, inside),))
    if port.node_port:
        yield Chain(f"{target.chain}_node", tuple(_node_port(port, local, neighbours)))


def _node_port(port: ServicePort, local: Sequence[Backend], neighbours: Addresses) -> Iterator[str]:
    everybody = _translate(port, port.backends)
    if port.keeps_outside_local:
        # The node's own pods reach any backend; for whoever comes from elsewhere, a pod of another
        # node included, the answer of a backend elsewhere would not come back this way.
        family = port.ip.family
        if own := addresses.elements(family, neighbours.of(family)):
            yield f"{family.value} saddr {{ {', '.join(own)} }} {everybody}"
        yield f"fib saddr type local {_SET_MARK} {everybody}"
        yield _translate(port, local)
    else:
        yield f"{_SET_MARK} {everybody}"


def _translate(port: ServicePort, backends: Sequence[Backend]) -> str:
    """Return the statement that sends a connection to one of the backends, at random."""
    if not backends:
        return "drop"
    protocol, family = f"meta l4proto {port.protocol}", port.ip.family.value
    if len(backends) == 1:
        ip = str(backends[0].ip)
        host = f"[{ip}]" if port.ip.family is Family.V6 else ip
        return f"{protocol} dnat {family} to {host}:{backends[0].port}"
    choice = ", ".join(f"{index} : {b.ip} . {b.port}" for index, b in enumerate(backends))
    count = len(backends)
    return f"{protocol} dnat {family} addr . port to numgen random mod {count} map {{ {choice} }}"


def _refuse(sets: Sets, known: Iterable[ServicePort]) -> Iterator[str]:
    """Yield rules that refuse what is still on its way to a ClusterIP: nobody is behind it."""
    ips = addresses.of_ips(port.ip for port in known)
    for family in Family:
        if ips.of(family):
            yield f"{matches.address(sets, family, 'daddr', ips.of(family))} reject"


def _masquerade(sets: Sets, view: View, known: Iterable[ServicePort], node: str) -> Iterator[str]:
    yield f"meta mark & {_MARK} == {_MARK} masquerade"
    hairpins: dict[Family, set[str]] = defaultdict(set)
    for port in known:
        for backend in port.backends:
            if backend.node == node:
                hairpins[port.ip.family].add(str(backend.ip))
    inside = addresses.of_ips(parse_ip(ip) for info in view.nodes for ip in info.ips)
    for family in Family:
        name = family.value
        if hairpins[family]:
            # A pod that reaches itself by its Service must not see its own address as the peer.
            kind = f"{family.set_type} . {family.set_type}"
            pairs = sets.name(kind, [f"{ip} . {ip}" for ip in sorted(hairpins[family])])
            yield f"ct status dnat {name} saddr . {name} daddr {pairs} masquerade"
        network = addresses.parse_cidr(POD_NETWORKS[family])
        known_places = addresses.union([network, inside]).of(family)
        source = f"{name} saddr {POD_NETWORKS[family]}"
        target = matches.address(sets, family, "daddr !=", known_places)
        yield f"{source} {target} masquerade"
