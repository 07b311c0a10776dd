"""Services as the rules of one node: ClusterIP, NodePort, and masquerade of what leaves.

Services and EndpointSlices are first read into what a proxy needs: addresses, ports, who is behind.
Follows kube-proxy in what happens to whom: translation before policies see a packet, NodePort
with the node's address as source unless externalTrafficPolicy is Local, refusal where nobody is
behind a ClusterIP. Must not know: policies.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netlab.dataplane import addresses, rulesets
from netlab.dataplane.addresses import Addresses, Ip, NftFamily, parse_ip
from netlab.dataplane.clusterstate import ClusterView, Obj, ips_of, is_on_pod_network
from netlab.dataplane.portranges import protocol_of
from netlab.dataplane.rulesets import PORT_KEY, NamedSets, NftChain, NftSet, NftTable

_SERVICE_NAME = "kubernetes.io/service-name"
_FAMILIES = {"IPv4": NftFamily.V4, "IPv6": NftFamily.V6}


@dataclass(frozen=True, slots=True)
class ServiceBackend:
    """One ready endpoint of a service port."""

    ip: Ip
    port: int
    node: str


@dataclass(frozen=True, slots=True)
class ProxiedPort:
    """One port of a Service in one family; `node_port` is 0 where it has none."""

    service: str
    ip: Ip
    protocol: str
    port: int
    node_port: int
    backends: tuple[ServiceBackend, ...]
    keeps_inside_local: bool
    keeps_outside_local: bool


def service_ports(services: Iterable[Obj], slices: Iterable[Obj]) -> tuple[ProxiedPort, ...]:
    """Read all ports of all Services that have a ClusterIP."""
    by_service: dict[tuple[str, str], list[Obj]] = defaultdict(list)
    for one in slices:
        meta = one["metadata"]
        name = (meta.get("labels") or {}).get(_SERVICE_NAME, "")
        by_service[meta["namespace"], name].append(one)
    return tuple(port for service in services for port in _proxied_ports(service, by_service))


def _proxied_ports(
    service: Obj, by_service: Mapping[tuple[str, str], Sequence[Obj]]
) -> Iterator[ProxiedPort]:
    meta, spec = service["metadata"], service.get("spec") or {}
    slices = by_service.get((meta["namespace"], meta["name"]), ())
    for ip in _cluster_ips(spec):
        for port in spec.get("ports") or []:
            if protocol := protocol_of(port):
                yield ProxiedPort(
                    service=f"{meta['namespace']}/{meta['name']}",
                    ip=ip,
                    protocol=protocol,
                    port=port["port"],
                    node_port=port.get("nodePort") or 0,
                    backends=_backends(slices, ip.family, protocol, port.get("name") or ""),
                    keeps_inside_local=spec.get("internalTrafficPolicy") == "Local",
                    keeps_outside_local=spec.get("externalTrafficPolicy") == "Local",
                )


def _cluster_ips(spec: Obj) -> tuple[Ip, ...]:
    """Return the addresses; none of a headless or an ExternalName Service."""
    listed = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return tuple(parse_ip(text) for text in listed if text and text != "None")


def _backends(
    slices: Iterable[Obj], family: NftFamily, protocol: str, port_name: str
) -> tuple[ServiceBackend, ...]:
    """Return who gets what is sent: the ready ones, else those that serve until they are gone.

    As kube-proxy chooses since Kubernetes 1.26 (KEP-1669).
    """
    ends = tuple(_endpoints(slices, family, protocol, port_name))
    ready = tuple(backend for backend, endpoint in ends if _is_ready(endpoint))
    return ready or tuple(backend for backend, endpoint in ends if _serves_to_the_end(endpoint))


def _endpoints(
    slices: Iterable[Obj], family: NftFamily, protocol: str, port_name: str
) -> Iterator[tuple[ServiceBackend, Obj]]:
    for one in slices:
        if _FAMILIES.get(one.get("addressType", "")) is not family:
            continue
        for port in one.get("ports") or []:
            if (port.get("name") or "") == port_name and protocol_of(port) == protocol:
                for endpoint in one.get("endpoints") or []:
                    # All addresses of one endpoint are the same pod's: the first will do.
                    ip, node = parse_ip(endpoint["addresses"][0]), endpoint.get("nodeName") or ""
                    yield ServiceBackend(ip, port["port"], node), endpoint


def _is_ready(endpoint: Obj) -> bool:
    """Tell whether an endpoint takes traffic; a condition that is not given means yes."""
    return (endpoint.get("conditions") or {}).get("ready") is not False


def _serves_to_the_end(endpoint: Obj) -> bool:
    """Tell whether an endpoint is a pod that terminates and still answers."""
    conditions = endpoint.get("conditions") or {}
    return bool(conditions.get("serving") and conditions.get("terminating"))


SERVICE_TABLE = "netproof_services"
POD_NETWORKS = {NftFamily.V4: "10.244.0.0/16", NftFamily.V6: "fd00:10:244::/48"}
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
class _PortTarget:
    """A service port and the name of its chains on this node."""

    port: ProxiedPort
    chain: str


def service_table(view: ClusterView, node: str) -> NftTable:
    """Return the table of a node."""
    proxied_ports = service_ports(view.services, view.endpointslices)
    targets = tuple(_PortTarget(port, f"port{index}") for index, port in enumerate(proxied_ports))
    own = [parse_ip(ip) for info in view.nodes if info.name == node for ip in info.ips]
    neighbours = _pods_on(view, node)
    sets = NamedSets()
    chains = [
        NftChain("prerouting", ("jump dispatch",), _PREROUTING),
        NftChain("output", ("jump dispatch",), _OUTPUT),
        NftChain("dispatch", tuple(_dispatch_rules(own))),
        NftChain("refuse", tuple(_refusal_rules(sets, proxied_ports))),
        NftChain("refuse_forward", ("jump refuse",), _REFUSE_FORWARD),
        NftChain("refuse_output", ("jump refuse",), _REFUSE_OUTPUT),
        NftChain(
            "postrouting",
            tuple(_masquerade_rules(sets, view, proxied_ports, node)),
            _POSTROUTING,
        ),
        *(chain for target in targets for chain in _chains_of(target, node, neighbours)),
    ]
    maps = tuple(
        verdict_map for family in NftFamily for verdict_map in _verdict_maps(family, targets)
    )
    return NftTable(SERVICE_TABLE, maps + sets.all(), tuple(chains))


def _dispatch_rules(own: Iterable[Ip]) -> Iterator[str]:
    for family in NftFamily:
        yield f"{family.value} daddr . {PORT_KEY} vmap @cluster_{family.value}"
        texts = [str(ip) for ip in own if ip.family is family]
        if texts:
            listed = f"{{ {', '.join(texts)} }}"
            yield f"{family.value} daddr {listed} {PORT_KEY} vmap @node_{family.value}"


def _verdict_maps(family: NftFamily, targets: Sequence[_PortTarget]) -> Iterator[NftSet]:
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
    yield _verdict_map(f"cluster_{family.value}", f"{family.set_type} . {key_type}", cluster)
    yield _verdict_map(f"node_{family.value}", key_type, node)


def _verdict_map(name: str, kind: str, entries: dict[str, str]) -> NftSet:
    return NftSet(name, kind, tuple(f"{key} : {verdict}" for key, verdict in entries.items()))


def _pods_on(view: ClusterView, node: str) -> Addresses:
    pods = (p for p in view.pods if p["spec"].get("nodeName") == node and is_on_pod_network(p))
    return addresses.of_ips(ip for pod in pods for ip in ips_of(pod))


def _chains_of(target: _PortTarget, node: str, neighbours: Addresses) -> Iterator[NftChain]:
    """Yield the chains of one service port: for its ClusterIP and, if any, its node port."""
    port = target.port
    if not port.backends:
        return
    local = [backend for backend in port.backends if backend.node == node]
    inside = local if port.keeps_inside_local else port.backends
    yield NftChain(target.chain, (_translation(port, inside),))
    if port.node_port:
        yield NftChain(f"{target.chain}_node", tuple(_node_port_rules(port, local, neighbours)))


def _node_port_rules(
    port: ProxiedPort, local: Sequence[ServiceBackend], neighbours: Addresses
) -> Iterator[str]:
    everybody = _translation(port, port.backends)
    if port.keeps_outside_local:
        # The node's own pods reach any backend; for whoever comes from elsewhere, a pod of another
        # node included, the answer of a backend elsewhere would not come back this way.
        family = port.ip.family
        if own := addresses.elements(family, neighbours.of(family)):
            yield f"{family.value} saddr {{ {', '.join(own)} }} {everybody}"
        yield f"fib saddr type local {_SET_MARK} {everybody}"
        yield _translation(port, local)
    else:
        yield f"{_SET_MARK} {everybody}"


def _translation(port: ProxiedPort, backends: Sequence[ServiceBackend]) -> str:
    """Return the statement that sends a connection to one of the backends, at random."""
    if not backends:
        return "drop"
    protocol, family = f"meta l4proto {port.protocol}", port.ip.family.value
    if len(backends) == 1:
        ip = str(backends[0].ip)
        host = f"[{ip}]" if port.ip.family is NftFamily.V6 else ip
        return f"{protocol} dnat {family} to {host}:{backends[0].port}"
    choice = ", ".join(f"{index} : {b.ip} . {b.port}" for index, b in enumerate(backends))
    count = len(backends)
    return f"{protocol} dnat {family} addr . port to numgen random mod {count} map {{ {choice} }}"


def _refusal_rules(sets: NamedSets, proxied_ports: Iterable[ProxiedPort]) -> Iterator[str]:
    """Yield rules that refuse what is still on its way to a ClusterIP: nobody is behind it."""
    ips = addresses.of_ips(port.ip for port in proxied_ports)
    for family in NftFamily:
        if ips.of(family):
            yield f"{rulesets.match_addresses(sets, family, 'daddr', ips.of(family))} reject"


def _masquerade_rules(
    sets: NamedSets, view: ClusterView, proxied_ports: Iterable[ProxiedPort], node: str
) -> Iterator[str]:
    yield f"meta mark & {_MARK} == {_MARK} masquerade"
    hairpins: dict[NftFamily, set[str]] = defaultdict(set)
    for port in proxied_ports:
        for backend in port.backends:
            if backend.node == node:
                hairpins[port.ip.family].add(str(backend.ip))
    inside = addresses.of_ips(parse_ip(ip) for info in view.nodes for ip in info.ips)
    for family in NftFamily:
        name = family.value
        if hairpins[family]:
            # A pod that reaches itself by its Service must not see its own address as the peer.
            kind = f"{family.set_type} . {family.set_type}"
            pairs = sets.name(kind, [f"{ip} . {ip}" for ip in sorted(hairpins[family])])
            yield f"ct status dnat {name} saddr . {name} daddr {pairs} masquerade"
        network = addresses.parse_cidr(POD_NETWORKS[family])
        known_places = addresses.union([network, inside]).of(family)
        source = f"{name} saddr {POD_NETWORKS[family]}"
        target = rulesets.match_addresses(sets, family, "daddr !=", known_places)
        yield f"{source} {target} masquerade"
