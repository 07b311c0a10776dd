"""Blocks that meet: every peer on every port beside every other, in a rule, two, two policies.

Kinds of peers and of ports are paired without what is the same again: the first and the second of a
pair may change places, and so may the two numbers. Those with a port's name are cases of their own,
for some CNIs are known to misread it. Six pairs are in force at once, for a pod each, and one case
goes through a dozen such sixes.
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

OTHERS = (PEER, "staging/web", "staging/api", "ingress-nginx/controller")
"""One that each kind of peers chooses, and one that none does."""

TRIED = (80, 5432, 9100, 9200)
"""The ports that the kinds are about; `metrics` is one of the last two."""

STEPS = 12
"""Sixes in one case: enough to share its looks without policies, few enough to share out."""


def pairs() -> Iterator[tuple[Kind, Kind]]:
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
    places = ("one-rule", "two-rules", "two-policies")
    for direction, place, by_name in product(DIRECTIONS, places, (False, True)):
        met = [pair for pair in pairs() if by_name is any(ports == "name" for _, ports in pair)]
        met = [pair for turn, pair in enumerate(met) if _is_there(turn, pair, direction, place)]
        sixes = [_six(direction, place, six) for six in _parts(met, len(GUARDED))]
        how = "on-names-" if by_name else ""
        for number, steps in enumerate(_parts(sixes, STEPS), 1):
            name = f"{direction}-blocks-{how}in-{place}-{number}"
            title = f"{direction.capitalize()}: {name.partition('-')[2].replace('-', ' ')}"
            then = tuple(Policies(step) for step in steps[1:])
            yield Case(name, title, steps[0], GUARDED, then, _Between(direction))


def _parts(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (whole[at : at + size] for at in range(0, len(whole), size))


def _is_there(turn: int, pair: tuple[Kind, Kind], direction: str, place: str) -> bool:
    """Tell whether a pair meets in a place: in two rules or in two policies by turns.

    The other direction has it the other way round, so that each pair is in both.
    """
    if place == "one-rule":
        return _counts_in_one_rule(pair)
    return (turn % 2 == 0) is ((direction == "ingress") is (place == "two-rules"))


def _counts_in_one_rule(pair: tuple[Kind, Kind]) -> bool:
    """Tell whether a pair is one in a rule: all and some are some, and lists have no order."""
    (first, a), (second, b) = pair
    names = list(ON)
    both = ((first == "anybody") == (second == "anybody")) and ((a == "any") == (b == "any"))
    return both and (first == second or names.index(a) <= names.index(b))


def _six(direction: str, place: str, six: Sequence[tuple[Kind, Kind]]) -> tuple[Obj, ...]:
    """Return the policies of six pairs, each for a pod of its own."""
    return tuple(
        one
        for pod, pair in zip(GUARDED, six, strict=False)
        for one in _policies(direction, place, pod, pair)
    )


def _policies(direction: str, place: str, pod: str, pair: tuple[Kind, Kind]) -> Iterator[Obj]:
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
        made = policy(f"{app}-{number}", direction, listed, target)
        yield {**made, "metadata": {**made["metadata"], "annotations": {"pair": said}}}


class _Between:
    """The flows that a direction's rules are about, on the ports that can differ."""

    def __init__(self, direction: str) -> None:
        self._inward = direction == "ingress"

    def __call__(self, flows: Iterable[Flow]) -> Iterator[Flow]:
        for flow in flows:
            ends = (flow.destination.name, flow.source.name)
            guarded, other = ends if self._inward else ends[::-1]
            if guarded in GUARDED and other in OTHERS and flow.port in TRIED:
                yield flow
