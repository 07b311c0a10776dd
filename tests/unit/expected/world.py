"""The pods, Services and hosts that the hand-derived cells talk about, and flows from a line.

shop    (team: blue)   web (front), api (back), db (back)
stage   (team: green)  web (front), job; its web serves the port named http on 80, not 8080
mon     (no labels)    prom, and agent, which uses hostNetwork on node-a
outside: internet, partner. Nodes: node-a (shop/web, shop/api, stage/job), node-b (the others).
"""

from __future__ import annotations

import re

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

HTTP = Port(8080, name="http")
UDP = Protocol.UDP

WORLD = Topology(
    namespaces=(
        Namespace("shop", {"team": "blue", "kubernetes.io/metadata.name": "shop"}),
        Namespace("stage", {"team": "green", "kubernetes.io/metadata.name": "stage"}),
        Namespace("mon", {"kubernetes.io/metadata.name": "mon"}),
    ),
    pods=(
        Pod(
            "shop",
            "web",
            {"app": "web", "tier": "front"},
            (HTTP,),
            "node-a",
            ("10.0.1.1", "fd00:1::1"),
        ),
        Pod(
            "shop",
            "api",
            {"app": "api", "tier": "back"},
            (HTTP, Port(9000, name="admin"), Port(8125, UDP, "stats"), Port(8080, UDP)),
            "node-a",
            ("10.0.1.2", "fd00:1::2"),
        ),
        Pod(
            "shop",
            "db",
            {"app": "db", "tier": "back", "release": "stable"},
            (Port(5432, name="pg"), Port(8080), Port(7000, Protocol.SCTP)),
            "node-b",
            ("10.0.2.3", "fd00:2::3"),
        ),
        Pod(
            "stage",
            "web",
            {"app": "web", "tier": "front"},
            (Port(80, name="http"), Port(8080)),
            "node-b",
            ("10.0.2.4", "fd00:2::4"),
        ),
        Pod("stage", "job", {"app": "job"}, (HTTP,), "node-a", ("10.0.1.5", "fd00:1::5")),
        Pod("mon", "prom", {"app": "prom"}, (HTTP,), "node-b", ("10.0.2.6", "fd00:2::6")),
        Pod(
            "mon",
            "agent",
            {"app": "agent"},
            (HTTP,),
            "node-a",
            ("172.18.0.2", "fd00:f::2"),
            host_network=True,
        ),
    ),
    services=(
        Service(
            "shop",
            "api",
            {"app": "api"},
            (ServicePort(80, "http", node_port=30080), ServicePort(90, "admin", name="admin")),
            ("10.96.0.1", "fd00:96::1"),
        ),
        Service("shop", "back", {"tier": "back"}, (ServicePort(80, 8080),), ("10.96.0.2",)),
        Service("shop", "none", {"app": "none"}, (ServicePort(80, 8080),), ("10.96.0.3",)),
        Service("shop", "manual", {}, (ServicePort(80, 8080),), ("10.96.0.4",)),
    ),
    hosts=(
        Host(HostKind.OUTSIDE, "internet", ("203.0.113.10", "2001:db8::10")),
        Host(HostKind.OUTSIDE, "partner", ("198.51.100.7", "2001:db8:ffff::7")),
        Host(HostKind.NODE, "node-a", ("172.18.0.2", "fd00:f::2")),
        Host(HostKind.NODE, "node-b", ("172.18.0.3", "fd00:f::3")),
    ),
)

_LINE = re.compile(
    r"(?P<source>\S+) -> (?P<service>service )?(?P<destination>[^:\s]+):(?P<port>\d+)"
    r"(/(?P<protocol>\w+))?( (?P<family>IPv[46]))?( by (?P<path>\S+))?"
)


def flow(line: str) -> Flow:
    """Read `shop/web -> [service ]shop/api:8080[/UDP][ IPv6][ by cluster-ip]`."""
    found = _LINE.fullmatch(line)
    assert found, line
    destination = _endpoint(found["destination"])
    if found["service"]:
        destination = Endpoint.service(found["destination"])
    direct = Path.POD_IP if destination.kind is EndpointKind.POD else Path.HOST_IP
    return Flow(
        _endpoint(found["source"]),
        destination,
        int(found["port"]),
        Protocol(found["protocol"] or "TCP"),
        Family(found["family"] or "IPv4"),
        Path(found["path"]) if found["path"] else direct,
    )


def _endpoint(name: str) -> Endpoint:
    if "/" in name:
        return Endpoint.pod(name)
    return Endpoint(EndpointKind.NODE if name.startswith("node-") else EndpointKind.OUTSIDE, name)
