"""Random policies of every shape that NetworkPolicy v1 has, from a seed."""

from random import Random
from typing import Any

from tests.unit.netlab.dataplane.objects import policy

Obj = dict[str, Any]

_BLOCKS = (
    ("0.0.0.0/0", ("10.244.0.0/24", "203.0.113.128/25")),
    ("10.244.0.77/16", ("10.244.1.0/24", "10.244.0.2/32")),
    ("203.0.113.10/24", ("203.0.113.130/32",)),
    ("172.30.0.0/24", ("172.30.0.11/32",)),
    ("::/0", ("fd00:203:113::8000/113", "fd00:10:244:1::/64")),
    ("fd00:10:244::/48", ("fd00:10:244::2/127",)),
    ("fd00:172:30::/64", ()),
)


def policies(random: Random, namespaces: list[str], count: int) -> list[Obj]:
    """Return some policies over labels app=a,b and tier=x,y and ports 80, 81 and 8080."""
    return [
        policy(f"p{index}", _spec(random), namespace=random.choice(namespaces))
        for index in range(count)
    ]


def _spec(random: Random) -> Obj:
    types = random.choice([["Ingress"], ["Egress"], ["Ingress", "Egress"]])
    spec: Obj = {"podSelector": _selector(random), "policyTypes": types}
    for direction, peers in (("Ingress", "from"), ("Egress", "to")):
        if direction in types and random.random() < 0.85:
            rules = [_rule(random, peers) for _ in range(random.randint(0, 2))]
            spec[direction.lower()] = rules
    return spec


def _rule(random: Random, peers: str) -> Obj:
    rule: Obj = {}
    if random.random() < 0.8:
        rule[peers] = [_peer(random) for _ in range(random.choice([0, 1, 1, 2, 3]))]
    if random.random() < 0.7:
        rule["ports"] = [_port(random) for _ in range(random.choice([0, 1, 2, 3]))]
    return rule


def _peer(random: Random) -> Obj:
    kind = random.randrange(5)
    if kind < 2:
        cidr, holes = random.choice(_BLOCKS)
        kept = [hole for hole in holes if random.random() < 0.6]
        return {"ipBlock": {"cidr": cidr, **({"except": kept} if kept else {})}}
    peer: Obj = {}
    if kind in {2, 4}:
        peer["podSelector"] = _selector(random)
    if kind in {3, 4}:
        peer["namespaceSelector"] = _selector(random, key="team", values=("red", "blue"))
    return peer


def _port(random: Random) -> Obj:
    port: Obj = {}
    if random.random() < 0.7:
        port["protocol"] = random.choice(
            ["TCP", "UDP", "SCTP"] if random.random() < 0.2 else ["TCP", "UDP"]
        )
    kind = random.randrange(6)
    if kind < 2:
        port["port"] = random.choice([80, 81, 8080])
    elif kind == 2:
        port["port"] = random.choice([1, 79, 80, 81])
        port["endPort"] = port["port"] + random.choice([0, 1, 100, 8000])
    elif kind < 5:
        port["port"] = random.choice(["http", "dns", "nowhere"])
    return port


def _selector(random: Random, key: str = "", values: tuple[str, ...] = ()) -> Obj:
    selector: Obj = {}
    own_key = key or random.choice(["app", "tier"])
    own_values = values or {"app": ("a", "b"), "tier": ("x", "y")}[own_key]
    if random.random() < 0.5:
        selector["matchLabels"] = {own_key: random.choice(own_values)}
    if random.random() < 0.4:
        operator = random.choice(["In", "NotIn", "Exists", "DoesNotExist"])
        term: Obj = {"key": own_key, "operator": operator}
        if operator.endswith("In"):
            term["values"] = sorted(random.sample(own_values, random.randint(1, 2)))
        selector["matchExpressions"] = [term]
    return selector
