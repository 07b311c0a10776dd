"""Blocks that meet: every peer on every port beside every other, in a rule, two, two policies.

Kinds of peers and of ports are paired without what is the same again: the first and the second of a
pair may change places, and so may the two numbers. All of them are in all places and in both
directions. Several pairs are in force at once, for a pod each: four for each direction, of which no
flow meets two. Those with a port's name are cases of their own, six of one direction at once, for
some CNIs are known to misread it in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any, TypeVar

from netproof.model.flow import Flow
from netproof.suites.generated.case import DIRECTIONS, Case, Policies, policy, rule
from netproof.suites.generated.parts import PEER, STAGING, WEB, Peers, Ports, all_but, block, spaces

T = TypeVar("T")
Obj = dict[str, Any]
Kind = tuple[str, str]
"""The name of peers, and of ports."""

Pair = tuple[Kind, Kind]

MET: Mapping[str, Peers] = {
    "anybody": [],
    "pods": [spaces({}, WEB)],
    "namespaces": [spaces(STAGING)],
    "block": block(PEER),
    "except": all_but(PEER),
    "around": [
        {"ipBlock": {"cidr": f"${{IPv4/24 of {PEER}}}"}},
        {"ipBlock": {"cidr": f"${{IPv6/64 of {PEER}}}"}},
    ],
}
"""`around` is a block in which `block` lies: a node's pods, as most clusters hand addresses out."""

ON: Mapping[str, Ports] = {
    "any": [],
    "80": [{"port": 80}],
    "range": [{"port": 5000, "endPort": 9100}],
    "name": [{"port": "metrics"}],
    "5432": [{"port": 5432}],
}

GUARDED = (
    *(f"{space}/{app}" for space in ("production", "staging") for app in ("api", "postgres")),
    "ingress-nginx/controller",
    "ingress-nginx/certs",
)
"""Each has a pair of its own; the pod that most peers are about is not among them."""

APART = ("production/api", "production/postgres", "staging/postgres", "ingress-nginx/certs")
"""Those of them that are nobody's `OTHERS`: with policies for both directions no flow meets two."""

OTHERS = (PEER, "staging/web", "staging/api", "ingress-nginx/controller")
"""One that each kind of peers chooses, and one that none does."""

TRIED = (80, 5432, 9100, 9200)
"""The ports that the kinds are about; `metrics` is one of the last two."""

STEPS = 12
"""In one case: enough to share its looks without policies, few enough to share out."""


def pairs() -> Iterator[Pair]:
    """Yield the pairs: of different peers on any ports, and of the same on different ones."""
    plain = [name for name in ON if name != "5432"]
    for first, second in combinations(MET, 2):
        for a, b in [*product(plain, plain), ("80", "5432")]:
            yield (first, a), (second, b)
    for peers in MET:
        for a, b in [*combinations(plain, 2), ("80", "5432")]:
            yield (peers, a), (peers, b)


def made() -> Iterator[Case]:
    """Yield the cases."""
    by_name = {pair: any(ports == "name" for _, ports in pair) for pair in pairs()}
    plain, named = ([pair for pair in by_name if by_name[pair] is it] for it in (False, True))
    for place in ("one-rule", "two-rules", "two-policies"):
        yield from _cases(f"both-ways-blocks-in-{place}", DIRECTIONS, place, APART, plain)
        for direction in DIRECTIONS:
            name = f"{direction}-blocks-on-names-in-{place}"
            yield from _cases(name, (direction,), place, GUARDED, named)


def _cases(
    name: str, directions: Sequence[str], place: str, guarded: tuple[str, ...], met: Sequence[Pair]
) -> Iterator[Case]:
    """Yield what goes through pairs in one place: so many at once as there are guarded pods."""
    there = [pair for pair in met if place != "one-rule" or _counts_in_one_rule(pair)]
    several = [_at_once(directions, place, guarded, some) for some in _parts(there, len(guarded))]
    for number, steps in enumerate(_parts(several, STEPS), 1):
        title = f"{name.replace('-', ' ').capitalize()}, part {number}"
        then = tuple(Policies(step) for step in steps[1:])
        yield Case(
            f"{name}-{number}", title, steps[0], guarded, then, _Between(directions, guarded)
        )


def _parts(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (whole[at : at + size] for at in range(0, len(whole), size))


def _counts_in_one_rule(pair: Pair) -> bool:
    """Tell whether a pair is one in a rule: all and some are some, and lists have no order."""
    (first, a), (second, b) = pair
    names = list(ON)
    both = ((first == "anybody") == (second == "anybody")) and ((a == "any") == (b == "any"))
    return both and (first == second or names.index(a) <= names.index(b))


def _at_once(
    directions: Sequence[str], place: str, guarded: Sequence[str], some: Sequence[Pair]
) -> tuple[Obj, ...]:
    """Return the policies of some pairs, each for a pod of its own, in each direction another."""
    return tuple(
        one
        for turn, direction in enumerate(directions)
        for pod, pair in zip(guarded, (*some[turn:], *some[:turn]), strict=False)
        for one in _policies(direction, place, pod, pair)
    )


def _policies(direction: str, place: str, pod: str, pair: Pair) -> Iterator[Obj]:
    namespace, app = pod.split("/")
    target = namespace, {"matchLabels": {"app": app}}
    rules = [rule(direction, MET[peers], ON[ports]) for peers, ports in pair]
    if place == "one-rule":
        together = [[*MET[pair[0][0]], *MET[pair[1][0]]], [*ON[pair[0][1]], *ON[pair[1][1]]]]
        rules = [rule(direction, *together)]
    # Names that stay are updates, of which there are half as many as of policies that come and go.
    lists = [[one] for one in rules] if place == "two-policies" else [rules]
    said = " and ".join(f"{peers} on {ports}" for peers, ports in pair)
    for number, listed in enumerate(lists):
        made = policy(f"{app}-{direction}-{number}", direction, listed, target)
        yield {**made, "metadata": {**made["metadata"], "annotations": {"pair": said}}}


class _Between:
    """The flows that the rules of some directions are about, on the ports that can differ."""

    def __init__(self, directions: Sequence[str], guarded: Sequence[str]) -> None:
        self._directions, self._guarded = directions, guarded

    def __call__(self, flows: Iterable[Flow]) -> Iterator[Flow]:
        for flow in flows:
            ends = {
                "ingress": (flow.destination.name, flow.source.name),
                "egress": (flow.source.name, flow.destination.name),
            }
            met = (ends[direction] for direction in self._directions)
            if flow.port in TRIED and any(a in self._guarded and b in OTHERS for a, b in met):
                yield flow
