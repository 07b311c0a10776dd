"""All generated cases, in a fixed order, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any

from netproof.model.flow import Flow, Path
from netproof.model.flows import is_self
from netproof.model.value import replace
from netproof.model.workload import Family, Protocol
from netproof.run.changes import Change, LabelNamespace, LabelPod, Restart, Terminate
from netproof.suites.generated import blocks, limits
from netproof.suites.generated.case import DIRECTIONS, Case, Policies, policy, rule
from netproof.suites.generated.parts import (
    API,
    ODD_PORTS,
    PEER,
    PEERS,
    PORTS,
    STAGING,
    TARGET,
    TARGETS,
    WEB,
    all_but,
    block,
    labels,
    pods,
    spaces,
)

Obj = dict[str, Any]
WORD = {"ingress": "from", "egress": "to"}


@cache
def cases() -> Mapping[str, Case]:
    """Return every case by its name; families take turns."""
    made = [*_peers_and_ports(), *_peer_pairs(), *_port_pairs(), *_rules(), *_targets()]
    made += [*_conflicts(), *_actions(), *limits.made(), *blocks.made(), *_fragments()]
    families = tuple(Family)
    return {
        one.name: replace(one, family=families[n % len(families)]) for n, one in enumerate(made)
    }


def _fragments() -> Iterator[Case]:
    """Yield datagrams in fragments, under one rule for a pod after another on each kind of port."""
    for direction in DIRECTIONS:
        kinds = [ports for name, ports in PORTS.items() if name.startswith(("any-port", "udp"))]
        first, *rest = (_one(direction, [rule(direction, [pods(WEB)], ports)]) for ports in kinds)
        then = tuple(Policies(one) for one in rest)
        title = f"{direction.capitalize()} of datagrams in fragments"
        yield Case(f"{direction}-fragments", title, first, (TARGET,), then, _cut_up)


def _cut_up(tried: Iterable[Flow]) -> Iterator[Flow]:
    """Return the flows by UDP to and from the guarded pod, with datagrams small and large."""
    for flow in tried:
        guarded = TARGET in (flow.source.name, flow.destination.name)
        if guarded and flow.protocol is Protocol.UDP and not is_self(flow):
            yield from (flow, replace(flow, path=Path.FRAGMENTS))


def _one(direction: str, rules: Sequence[Obj], name: str = "generated") -> tuple[Obj, ...]:
    return (policy(name, direction, rules, API),)


def _peers_and_ports() -> Iterator[Case]:
    """Yield one rule for each peer with each port, and the odd ports."""
    for direction in DIRECTIONS:
        for peer, peers in {"anybody": [], **PEERS}.items():
            for port, ports in PORTS.items():
                if not peers and not ports:
                    continue  # the empty rule, a case of its own
                name = f"{direction}-{WORD[direction]}-{peer}-on-{port}"
                title = f"{direction.capitalize()} {WORD[direction]} {_say(peer)} on {_say(port)}"
                made = _one(direction, [rule(direction, peers, ports)])
                yield Case(name, title, made, (TARGET,))
        for port, ports in ODD_PORTS.items():
            name = f"{direction}-on-{port}"
            title = f"{direction.capitalize()} on a {_say(port)}"
            yield Case(name, title, _one(direction, [rule(direction, (), ports)]), (TARGET,))


def _peer_pairs() -> Iterator[Case]:
    """Yield one rule with two peers, any of which is enough."""
    for direction in DIRECTIONS:
        for (a, first), (b, second) in combinations(PEERS.items(), 2):
            if _tells_apart(a, b):
                name = f"{direction}-{WORD[direction]}-{a}-or-{b}"
                title = f"{direction.capitalize()} {WORD[direction]} {_say(a)} or {_say(b)}"
                made = _one(direction, [rule(direction, [*first, *second])])
                yield Case(name, title, made, (TARGET,))


def _tells_apart(a: str, b: str) -> bool:
    """Tell whether a pair is worth a case: everybody with anybody else is everybody."""
    return "all-namespaces" not in (a, b) and "block-with-except" not in (a, b)


def _port_pairs() -> Iterator[Case]:
    """Yield one rule with two ports, either of which is enough."""
    narrow = {name: ports for name, ports in PORTS.items() if not name.startswith("any")}
    for direction in DIRECTIONS:
        for (a, first), (b, second) in combinations(narrow.items(), 2):
            name = f"{direction}-on-{a}-or-{b}"
            title = f"{direction.capitalize()} on {_say(a)} or {_say(b)}"
            made = _one(direction, [rule(direction, (), [*first, *second])])
            yield Case(name, title, made, (TARGET,))


def _rules() -> Iterator[Case]:
    """Yield no rule, the rule for all, and two rules in one policy."""
    for direction in DIRECTIONS:
        said = direction.capitalize()
        yield Case(f"{direction}-none", f"{said} denied", _one(direction, []), (TARGET,))
        yield Case(f"{direction}-all", f"{said} open", _one(direction, [{}]), (TARGET,))
        two = [
            rule(direction, PEERS["pods-by-label"], PORTS["tcp-80"]),
            rule(direction, PEERS["namespaces-by-label"], PORTS["tcp-name"]),
        ]
        title = f"{said} by two rules that do not mix"
        yield Case(f"{direction}-two-rules", title, _one(direction, two), (TARGET,))
        title = f"{said} by two rules, the first for nobody"
        late = [rule(direction, [pods(labels(app="no-such-app"))]), two[0]]
        yield Case(f"{direction}-second-rule", title, _one(direction, late), (TARGET,))


def _targets() -> Iterator[Case]:
    """Yield the ways to select the guarded pods."""
    guarded = tuple(f"{space}/{app}" for space in ("production", "staging") for app in APPS)
    for direction in DIRECTIONS:
        for target, selected in TARGETS.items():
            made = (policy("generated", direction, [rule(direction, [pods(WEB)])], selected),)
            title = f"{direction.capitalize()} of {_say(target)}"
            yield Case(f"{direction}-target-{target}", title, made, guarded)


APPS = ("api", "postgres")


def _conflicts() -> Iterator[Case]:
    """Yield two policies that say different things of the same flows: what either allows passes."""
    everybody: list[Obj] = [{}]
    web = [pods(WEB)]
    for direction in DIRECTIONS:
        pairs: dict[str, tuple[list[Obj], list[Obj]]] = {
            "deny-all-allow-all": ([], everybody),
            "deny-all-allow-by-pod": ([], [rule(direction, web)]),
            "deny-all-allow-by-block": ([], [rule(direction, block(PEER))]),
            "deny-by-block-allow-by-pod": (
                [rule(direction, all_but(PEER))],
                [rule(direction, web)],
            ),
            "deny-by-pod-allow-by-block": (
                [rule(direction, [pods(labels(app="postgres"))])],
                [rule(direction, block(PEER))],
            ),
            "deny-by-port-allow-by-pod": (
                [rule(direction, (), PORTS["udp-80"])],
                [rule(direction, web)],
            ),
        }
        for name, (first, second) in pairs.items():
            both = _one(direction, first, "a-first") + _one(direction, second, "b-second")
            title = f"{direction.capitalize()}: {_say(name)}"
            yield Case(f"{direction}-conflict-{name}", title, both, (TARGET,))
    for shut, opened in (DIRECTIONS, DIRECTIONS[::-1]):
        peer = ("production", WEB)
        both = (
            policy("a-shut", shut, [], API),
            policy("b-open", opened, everybody, peer),
        )
        title = f"{shut.capitalize()} shut here, {opened} open there"
        yield Case(f"conflict-{shut}-shut-{opened}-open", title, both, (TARGET, PEER))


def _actions() -> Iterator[Case]:
    """Yield what may happen to policies, pods and namespaces while policies are in force."""
    for direction in DIRECTIONS:
        by_pod = _one(direction, [rule(direction, [pods(WEB)], PORTS["tcp-80"])])
        by_space = _one(direction, [rule(direction, [spaces(STAGING)])])
        guests = _one(direction, [rule(direction, [pods(labels(guest="yes"))])])
        shut = _one(direction, [], "z-shut")
        actions: dict[str, tuple[tuple[Obj, ...], tuple[Policies | Change, ...]]] = {
            "policy-created": (by_pod, (Policies(by_pod + renamed("b", by_space)),)),
            "policy-deleted": (by_pod + shut, (Policies(shut),)),
            "last-policy-deleted": (by_pod, (Policies(()),)),
            "peer-updated": (by_pod, (Policies(by_space),)),
            "port-updated": (
                by_pod,
                (Policies(_one(direction, [rule(direction, [pods(WEB)], PORTS["tcp-name"])])),),
            ),
            "rule-removed": (by_pod, (Policies(_one(direction, [])),)),
            "peer-relabelled": (guests, (LabelPod(PEER, {"guest": "yes"}),)),
            "target-relabelled": (shut, (LabelPod(TARGET, {"app": "other"}),)),
            "namespace-relabelled": (by_space, (LabelNamespace("staging", {"env": "other"}),)),
            "target-restarted": (by_pod, (Restart(TARGET),)),
            "peer-restarted": (by_pod, (Restart(PEER),)),
            "target-terminating": (by_pod, (Terminate(TARGET),)),
            "peer-terminating": (by_pod, (Terminate(PEER),)),
        }
        for name, (before, then) in actions.items():
            title = f"{direction.capitalize()}: {_say(name)}"
            yield Case(f"{direction}-action-{name}", title, before, (TARGET,), then)


def renamed(name: str, policies: tuple[Obj, ...]) -> tuple[Obj, ...]:
    """Return policies under another name, to stand beside those they are like."""
    return tuple({**one, "metadata": {**one["metadata"], "name": name}} for one in policies)


def _say(name: str) -> str:
    return name.replace("-", " ")
