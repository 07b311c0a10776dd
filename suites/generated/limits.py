"""Cases at the limits: many of each thing, and policies that are alike but for one field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from netproof.suites.generated.case import DIRECTIONS, Case, policy, rule
from netproof.suites.generated.parts import (
    API,
    PEER,
    PORTS,
    STAGING,
    TARGET,
    WEB,
    block,
    labels,
    pods,
    spaces,
)

Obj = dict[str, Any]

MANY = 100
"""More than any limit that was reported (24 and 40 ports), and few enough for every CNI."""

MANY_POLICIES = 30
LONGEST = 253
POSTGRES = labels(app="postgres")


def made() -> Iterator[Case]:
    """Yield the cases of both directions."""
    for direction in DIRECTIONS:
        said = direction.capitalize()
        for name, policies in {**_many(direction), **_twins(direction)}.items():
            title = f"{said}: {name.replace('-', ' ')}"
            guarded = (TARGET, "production/postgres", "staging/api")
            yield Case(f"{direction}-{name}", title, policies, guarded)


def _among(few: Sequence[Any], fillers: Sequence[Any]) -> list[Any]:
    """Return fillers with those that matter at their beginning, in their middle and at the end."""
    half = len(fillers) // 2
    return [few[0], *fillers[:half], *few[1:-1], *fillers[half:], few[-1]]


def _many(direction: str) -> dict[str, tuple[Obj, ...]]:
    """Return a policy with many ports, one with many rules, one with many peers; many policies."""
    nobody = [pods(labels(app=f"nobody-{n}")) for n in range(MANY)]
    singles = [{"port": 20000 + 20 * n} for n in range(MANY)]
    ports = [{**one, "endPort": one["port"] + 9} if one["port"] % 3 else one for one in singles]
    fillers = [rule(direction, [a], [b]) for a, b in zip(nobody, ports, strict=True)]
    few = [
        rule(direction, [pods(WEB)], PORTS["tcp-80"]),
        rule(direction, block(PEER), PORTS["tcp-range"]),
        rule(direction, [spaces(STAGING)], PORTS["udp-80"]),
    ]
    rules = _among(few, fillers)
    peers = _among([pods(WEB), *block("staging/postgres"), spaces({}, labels(app="api"))], nobody)
    served = [port for name in ("tcp-80", "udp-range", "tcp-range") for port in PORTS[name]]
    open_ports = rule(direction, (), _among(served, ports))
    several = _among(few, fillers[:MANY_POLICIES])
    return {
        "many-ports": (policy("many", direction, [open_ports], API),),
        "many-rules": (policy("many", direction, rules, API),),
        "many-peers": (policy("many", direction, [rule(direction, peers)], API),),
        "many-policies": tuple(
            policy(f"many-{n}", direction, [one], API) for n, one in enumerate(several)
        ),
    }


def _twins(direction: str) -> dict[str, tuple[Obj, ...]]:
    """Return pairs of policies that are alike but for one field."""
    web = rule(direction, [pods(WEB)], PORTS["tcp-80"])
    one = policy("twin-a", direction, [web], API)
    others = {
        "peer": policy("twin-b", direction, [rule(direction, [pods(POSTGRES)], web["ports"])], API),
        "block": policy("twin-b", direction, [rule(direction, block(PEER), web["ports"])], API),
        "port": policy("twin-b", direction, [rule(direction, [pods(WEB)], [{"port": 9100}])], API),
        "protocol": policy(
            "twin-b", direction, [rule(direction, [pods(WEB)], PORTS["udp-80"])], API
        ),
        "target": policy("twin-b", direction, [web], ("production", POSTGRES)),
        "namespace": policy("twin-a", direction, [web], ("staging", API[1])),
    }
    pairs = {f"twins-but-for-{field}": (one, other) for field, other in others.items()}
    long = "n" * (LONGEST - 1)
    last = policy(f"{long}b", direction, [rule(direction, [pods(POSTGRES)])], API)
    return {**pairs, "twins-of-long-names": (policy(f"{long}a", direction, [web], API), last)}
