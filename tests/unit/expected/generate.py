"""Small random clusters, policies and flows from a seed, as raw dicts and as netproof's values."""

from __future__ import annotations

from random import Random
from typing import Any

from netproof.model.flow import Endpoint, EndpointKind, Flow, Path
from netproof.model.workload import (
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

Raw = dict[str, Any]

PORTS = (80, 81, 8080)
NAMES = ("http", "dns")
PROTOCOLS = ("TCP", "UDP", "SCTP")
KEYS = ("app", "tier")
VALUES = ("a", "b", "c")
NAMESPACES = ("x", "y", "z")
BLOCKS = (
    ("10.0.0.0/8", ("10.0.1.0/24", "10.0.0.0/9", "10.0.2.2/32")),
    ("10.0.1.7/24", ("10.0.1.0/30",)),
    ("203.0.113.0/24", ("203.0.113.0/25", "203.0.113.128/25")),
    ("0.0.0.0/0", ("10.0.0.0/8", "203.0.113.0/24", "172.18.0.0/16")),
    ("172.18.0.0/16", ("172.18.0.2/32",)),
    ("fd00::/16", ("fd00:1::/32", "fd00:2::/64")),
    ("::/0", ("2001:db8::/32",)),
)


def world(random: Random) -> Raw:
    """Make up to six pods in three namespaces on two nodes, a Service, and a host outside."""
    namespaces = {name: _labels(random) for name in NAMESPACES}
    pods = [_pod(random, number) for number in range(random.randint(2, 6))]
    hosts = [
        {"is": "node", "name": "n1", "ips": {"IPv4": "172.18.0.2", "IPv6": "fd00:f::2"}},
        {"is": "node", "name": "n2", "ips": {"IPv4": "172.18.0.3", "IPv6": "fd00:f::3"}},
        {"is": "outside", "name": "net", "ips": {"IPv4": "203.0.113.9", "IPv6": "2001:db8::9"}},
    ]
    service = {
        "is": "service",
        "namespace": random.choice(NAMESPACES),
        "name": "svc",
        "selector": _labels(random),
        "port": 1000,
        "nodePort": 30000,
        "protocol": random.choice(("TCP", "TCP", "UDP")),
        "targetPort": random.choice((*PORTS, *NAMES)),
    }
    return {"namespaces": namespaces, "pods": pods, "hosts": hosts, "service": service}


def _pod(random: Random, number: int) -> Raw:
    node = random.randint(1, 2)
    host_network = random.random() < 0.1
    served = {
        (random.choice(PORTS), random.choice(PROTOCOLS)): random.choice(("", *NAMES))
        for _ in range(random.randint(0, 3))
    }
    ports: list[Raw] = []
    for (port, protocol), name in served.items():
        taken = any(other["name"] == name for other in ports)
        ports.append({"number": port, "protocol": protocol, "name": "" if taken else name})
    return {
        "is": "pod",
        "namespace": random.choice(NAMESPACES),
        "name": f"p{number}",
        "labels": _labels(random),
        "ports": ports,
        "node": f"n{node}",
        "hostNetwork": host_network,
        "ips": {"IPv4": f"10.0.{node}.{number + 1}", "IPv6": f"fd00:{node}::{number + 1}"},
    }


def _labels(random: Random) -> dict[str, str]:
    return {key: random.choice(VALUES) for key in KEYS if random.random() < 0.7}


def policy(random: Random, number: int) -> Raw:
    """Make a policy that the API server accepts."""
    spec: Raw = {}
    if random.random() < 0.9:
        spec["podSelector"] = {} if random.random() < 0.4 else _selector(random)
    if random.random() < 0.8:
        spec["ingress"] = [_rule(random, "from") for _ in range(random.randint(0, 2))]
    if random.random() < 0.6:
        spec["egress"] = [_rule(random, "to") for _ in range(random.randint(0, 2))]
    if random.random() < 0.7:
        spec["policyTypes"] = random.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"], []))
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"np{number}", "namespace": random.choice(NAMESPACES)},
        "spec": spec,
    }


def _rule(random: Random, peers: str) -> Raw:
    rule: Raw = {}
    if random.random() < 0.85:
        rule[peers] = [_peer(random) for _ in range(random.choice((0, 1, 1, 2)))]
    if random.random() < 0.6:
        rule["ports"] = [_port(random) for _ in range(random.choice((0, 1, 1, 2)))]
    return rule


def _peer(random: Random) -> Raw:
    kind = random.random()
    if kind < 0.3:
        cidr, cuts = random.choice(BLOCKS)
        block: Raw = {"cidr": cidr}
        if random.random() < 0.6:
            block["except"] = random.sample(cuts, random.randint(0, len(cuts)))
        return {"ipBlock": block}
    peer: Raw = {}
    if kind < 0.75:
        peer["podSelector"] = _selector(random)
    if kind > 0.55:
        peer["namespaceSelector"] = _namespace_selector(random)
    return peer


def _selector(random: Random) -> Raw:
    selector: Raw = {}
    if random.random() < 0.5:
        selector["matchLabels"] = {random.choice(KEYS): random.choice(VALUES)}
    if random.random() < 0.4:
        selector["matchExpressions"] = [
            _expression(random, random.choice(KEYS), VALUES) for _ in range(random.randint(1, 2))
        ]
    return selector


def _namespace_selector(random: Random) -> Raw:
    if random.random() < 0.3:
        key = "kubernetes.io/metadata.name"
        return {"matchExpressions": [_expression(random, key, NAMESPACES)]}
    return _selector(random)


def _expression(random: Random, key: str, values: tuple[str, ...]) -> Raw:
    operator = random.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    term: Raw = {"key": key, "operator": operator}
    if operator in ("In", "NotIn"):
        term["values"] = random.sample(values, random.randint(1, len(values)))
    return term


def _port(random: Random) -> Raw:
    entry: Raw = {}
    if random.random() < 0.5:
        entry["protocol"] = random.choice(PROTOCOLS)
    kind = random.random()
    if kind < 0.4:
        entry["port"] = random.choice(PORTS)
        if random.random() < 0.4:
            entry["endPort"] = entry["port"] + random.choice((0, 1, 9000))
    elif kind < 0.7:
        entry["port"] = random.choice(NAMES)
    return entry


def flow(random: Random, where: Raw) -> Raw:
    """Make a flow of any kind that the world has."""
    pods, hosts, service = where["pods"], where["hosts"], where["service"]
    family = random.choice(("IPv4", "IPv6"))
    kind = random.random()
    if kind < 0.15:
        path = random.choice(("cluster-ip", "name", "node-port"))
        source = random.choice(pods if path != "node-port" else [*pods, hosts[2]])
        port = service["nodePort" if path == "node-port" else "port"]
        return _flow(source, service, port, service["protocol"], family, path)
    protocol, port = random.choice(PROTOCOLS), random.choice(PORTS)
    if kind < 0.3:
        return _flow(random.choice(pods), random.choice(hosts), port, protocol, family, "host-ip")
    source = random.choice(hosts) if kind < 0.45 else random.choice(pods)
    destination = random.choice(pods)
    if destination["ports"] and random.random() < 0.7:
        served = random.choice(destination["ports"])
        port, protocol = served["number"], served["protocol"]
    return _flow(source, destination, port, protocol, family, "pod-ip")


def _flow(source: Raw, destination: Raw, port: int, protocol: str, family: str, path: str) -> Raw:
    return {
        "source": source,
        "destination": destination,
        "port": port,
        "protocol": protocol,
        "family": family,
        "path": path,
    }


def as_topology(where: Raw) -> Topology:
    """Make netproof's values of a world."""
    service = where["service"]
    return Topology(
        tuple(Namespace(name, labels) for name, labels in where["namespaces"].items()),
        tuple(
            Pod(
                pod["namespace"],
                pod["name"],
                pod["labels"],
                tuple(Port(p["number"], Protocol(p["protocol"]), p["name"]) for p in pod["ports"]),
                pod["node"],
                tuple(pod["ips"].values()),
                host_network=pod["hostNetwork"],
            )
            for pod in where["pods"]
        ),
        (
            Service(
                service["namespace"],
                service["name"],
                service["selector"],
                (
                    ServicePort(
                        service["port"],
                        service["targetPort"],
                        Protocol(service["protocol"]),
                        node_port=service["nodePort"],
                    ),
                ),
            ),
        ),
        tuple(
            Host(HostKind(host["is"]), host["name"], tuple(host["ips"].values()))
            for host in where["hosts"]
        ),
    )


def as_flow(raw: Raw) -> Flow:
    """Make netproof's value of a flow."""
    return Flow(
        _endpoint(raw["source"]),
        _endpoint(raw["destination"]),
        raw["port"],
        Protocol(raw["protocol"]),
        Family(raw["family"]),
        Path(raw["path"]),
    )


def _endpoint(raw: Raw) -> Endpoint:
    name = f"{raw['namespace']}/{raw['name']}" if "namespace" in raw else raw["name"]
    return Endpoint(EndpointKind(raw["is"]), name)
