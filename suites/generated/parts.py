"""What generated cases are put together from: named peers, ports and targets, as the API's dicts.

Names are what a person reads in a failing case's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Obj = dict[str, Any]
Peers = list[Obj]
Ports = list[Obj]

TARGET = "production/api"
"""Whom the policies of nearly all cases select."""

API = ("production", {"matchLabels": {"app": "api"}})
"""The same as a policy writes it: namespace and podSelector."""

PEER = "production/web"
"""Whom most peers choose; its namesake in staging carries the same labels."""


def pods(selector: Obj) -> Obj:
    """Return a peer with a podSelector alone."""
    return {"podSelector": selector}


def spaces(selector: Obj, within: Obj | None = None) -> Obj:
    """Return a peer with a namespaceSelector, and a podSelector where one is given."""
    found: Obj = {"namespaceSelector": selector}
    return found if within is None else {**found, "podSelector": within}


def labels(**wanted: str) -> Obj:
    """Return a selector of labels."""
    return {"matchLabels": wanted}


def by_name(*names: str) -> Obj:
    """Return a selector of namespaces by the label that each of them has."""
    term = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(names)}
    return {"matchExpressions": [term]}


def term(key: str, operator: str, *values: str) -> Obj:
    """Return a selector with one expression."""
    found: Obj = {"key": key, "operator": operator}
    return {"matchExpressions": [{**found, "values": list(values)} if values else found]}


def block(pod: str) -> Peers:
    """Return the blocks of one pod's addresses."""
    return [
        {"ipBlock": {"cidr": f"${{IPv4 of {pod}}}/32"}},
        {"ipBlock": {"cidr": f"${{IPv6 of {pod}}}/128"}},
    ]


def all_but(pod: str) -> Peers:
    """Return the blocks of all addresses, those of one pod taken out."""
    return [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": [f"${{IPv4 of {pod}}}/32"]}},
        {"ipBlock": {"cidr": "::/0", "except": [f"${{IPv6 of {pod}}}/128"]}},
    ]


WEB = labels(app="web")
STAGING = labels(env="staging")

PEERS: Mapping[str, Peers] = {
    "all-own-pods": [pods({})],
    "pods-by-label": [pods(WEB)],
    "pods-by-expression": [pods(term("app", "In", "web", "nobody"))],
    "pods-without-label": [pods(term("exposed", "DoesNotExist"))],
    "all-namespaces": [spaces({})],
    "namespaces-by-label": [spaces(STAGING)],
    "namespaces-by-expression": [spaces(term("env", "NotIn", "production", "no-such-env"))],
    "namespaces-by-name": [spaces(by_name("staging"))],
    "pods-in-all-namespaces": [spaces({}, WEB)],
    "pods-in-labelled-namespaces": [spaces(STAGING, WEB)],
    "block": block(PEER),
    "block-with-except": all_but(PEER),
}

PORTS: Mapping[str, Ports] = {
    "any-port": [],
    "any-tcp": [{"protocol": "TCP"}],
    "tcp-80": [{"port": 80}],
    "udp-80": [{"port": 80, "protocol": "UDP"}],
    "sctp-80": [{"port": 80, "protocol": "SCTP"}],
    "tcp-range": [{"port": 5000, "endPort": 9100}],
    "udp-range": [{"port": 8000, "endPort": 8125, "protocol": "UDP"}],
    "tcp-name": [{"port": "metrics"}],
    "udp-name": [{"port": "statsd", "protocol": "UDP"}],
}

ODD_PORTS: Mapping[str, Ports] = {
    "name-of-other-protocol": [{"port": "statsd", "protocol": "TCP"}],
    "name-not-served": [{"port": "no-such-name"}],
    "number-not-served": [{"port": 4711}],
}

TARGETS: Mapping[str, tuple[str, Obj]] = {
    "all-pods": ("production", {}),
    "by-label": ("production", labels(app="postgres")),
    "by-expression": ("production", term("tier", "NotIn", "frontend", "data")),
    "other-namespace": ("staging", {}),
    "other-namespace-by-label": ("staging", labels(app="api")),
    "nobody": ("production", labels(app="no-such-app")),
}
