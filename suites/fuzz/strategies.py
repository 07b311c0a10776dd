"""Random bundles of policies, made of what the fleet has: its labels, ports, names and addresses.

Every list shrinks to fewer items and every choice to the one that is written first, so that what
is left of a bundle is what the difference needs.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Obj = dict[str, Any]

MOST_POLICIES = 4
MANY_PORTS = 45
LONGEST_NAME = 253

PODS = tuple(f"{space}/{app}" for space in ("production", "staging") for app in ("web", "postgres"))
_OFTEN = st.sampled_from((False, True, True))
_RARELY = st.sampled_from((False,) * 7 + (True,))
_SELDOM = st.sampled_from((False, False, True))
_POD_LABELS = (
    ("app", ("web", "api", "postgres")),
    ("tier", ("frontend", "backend", "data")),
    ("exposed", ("yes",)),
)
_SPACE_LABELS = (
    ("env", ("production", "staging")),
    ("team", ("shop",)),
    ("kubernetes.io/metadata.name", ("staging", "production", "ingress-nginx")),
)
_NUMBERS = (80, 5432, 8125, 9100, 9200, 4711)
_NAMES = ("http", "metrics", "admin", "statsd", "quic", "nowhere")


@st.composite
def _selectors(draw: st.DrawFn, known: tuple[tuple[str, tuple[str, ...]], ...]) -> Obj:
    selector: Obj = {}
    if draw(_SELDOM):
        key, values = draw(st.sampled_from(known))
        selector["matchLabels"] = {key: draw(st.sampled_from(values))}
    terms = draw(st.lists(_terms(known), max_size=2))
    if terms:
        selector["matchExpressions"] = terms
    return selector


@st.composite
def _terms(draw: st.DrawFn, known: tuple[tuple[str, tuple[str, ...]], ...]) -> Obj:
    key, values = draw(st.sampled_from(known))
    operator = draw(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")))
    term: Obj = {"key": key, "operator": operator}
    if operator in ("In", "NotIn"):
        several = st.lists(st.sampled_from((*values, "other")), min_size=1, max_size=2, unique=True)
        term["values"] = draw(several)
    return term


@st.composite
def _blocks(draw: st.DrawFn) -> Obj:
    family, width, around, everything = draw(
        st.sampled_from((("IPv4", 32, 24, "0.0.0.0/0"), ("IPv6", 128, 64, "::/0")))
    )
    key = st.sampled_from(PODS)
    pod = key.map(lambda name: f"${{{family} of {name}}}/{width}")
    kind = draw(st.sampled_from(("pod", "around", "everything")))
    if kind == "pod":
        return {"ipBlock": {"cidr": draw(pod)}}
    if kind == "around":  # blocks lie in it, and it in others; a hole has to
        name = draw(key)
        block = {"cidr": f"${{{family}/{around} of {name}}}"}
        hole = {"except": [f"${{{family} of {name}}}/{width}"]} if draw(st.booleans()) else {}
        return {"ipBlock": {**block, **hole}}
    holes = draw(st.lists(pod, max_size=2, unique=True))
    return {"ipBlock": {"cidr": everything, **({"except": holes} if holes else {})}}


@st.composite
def _selecting(draw: st.DrawFn) -> Obj:
    peer: Obj = {}
    kind = draw(st.sampled_from(("pod", "namespace", "both")))
    if kind != "namespace":
        peer["podSelector"] = draw(_selectors(_POD_LABELS))
    if kind != "pod":
        peer["namespaceSelector"] = draw(_selectors(_SPACE_LABELS))
    return peer


@st.composite
def _ports(draw: st.DrawFn) -> Obj:
    port: Obj = {}
    if draw(st.booleans()):
        port["protocol"] = draw(st.sampled_from(("TCP", "UDP", "SCTP")))
    kind = draw(st.sampled_from(("number", "any", "range", "name")))
    if kind == "name":
        port["port"] = draw(st.sampled_from(_NAMES))
    elif kind != "any":
        port["port"] = draw(st.sampled_from(_NUMBERS))
    if kind == "range":  # up to another of them, so that it may hold ports that are served
        port["endPort"] = draw(st.sampled_from([n for n in _NUMBERS if n >= port["port"]]))
    return port


@st.composite
def _rules(draw: st.DrawFn, peers: str, *, blocks: bool) -> Obj:
    rule: Obj = {}
    if draw(_OFTEN):
        kinds = st.one_of(_selecting(), _blocks()) if blocks else _selecting()
        rule[peers] = draw(st.lists(kinds, max_size=2))
    if draw(_OFTEN):
        rule["ports"] = draw(st.lists(_ports(), max_size=2))
        if rule["ports"] and draw(_RARELY):  # as many as some sets do not hold, before the others
            rule["ports"] = [{"port": 20000 + 2 * n} for n in range(MANY_PORTS)] + rule["ports"]
    return rule


@st.composite
def _policies(draw: st.DrawFn, *, blocks: bool) -> Obj:
    types = draw(st.sampled_from((("Ingress",), ("Egress",), ("Ingress", "Egress"))))
    spec: Obj = {"podSelector": draw(_selectors(_POD_LABELS)), "policyTypes": list(types)}
    for direction, peers in (("Ingress", "from"), ("Egress", "to")):
        if direction in types:
            spec[direction.lower()] = draw(st.lists(_rules(peers, blocks=blocks), max_size=2))
    namespace = draw(st.sampled_from(("production", "staging", "ingress-nginx")))
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "random", "namespace": namespace},
        "spec": spec,
    }


def bundles(*, blocks: bool = True) -> st.SearchStrategy[tuple[Obj, ...]]:
    """Return bundles of a few policies, named by their place; with or without ipBlocks.

    Some names are as long as they may be, and differ in the last character.
    """
    several = st.lists(_policies(blocks=blocks), min_size=1, max_size=MOST_POLICIES)
    lengths = st.sampled_from((0, 0, 0, LONGEST_NAME - 2))

    def named(listed: list[Obj], length: int) -> tuple[Obj, ...]:
        return tuple(_named(p, f"{'random':r<{length}}-{n}") for n, p in enumerate(listed))

    return st.builds(named, several, lengths)


def _named(policy: Obj, name: str) -> Obj:
    return {**policy, "metadata": {**policy["metadata"], "name": name}}
