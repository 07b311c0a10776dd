"""Which nodes take probe pods, and which pod goes where."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, combinations_with_replacement, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netproof.cluster.placement import ANYWHERE, PodOptions, Toleration, assign, open_nodes
from netproof.model.workload import Pod

SUITES = {"production": 3, "staging": 3, "ingress-nginx": 2}
"""Pods a namespace, as in the suites' fleet."""

DEDICATED = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}


def _node(name: str, labels: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec, "status": {}}


def _pods(spaces: Mapping[str, int]) -> list[Pod]:
    return [Pod(space, f"p{n}") for space, count in spaces.items() for n in range(count)]


def _covered(chosen: Mapping[str, str]) -> set[tuple[str, str, bool]]:
    """Return which two namespaces (or one with itself) meet within a node, and which across."""
    return {
        (one.split("/")[0], other.split("/")[0], here == there)
        for (one, here), (other, there) in combinations(sorted(chosen.items()), 2)
    }


@pytest.mark.parametrize(("count", "turn"), [(2, 0), (2, 1), (3, 0), (3, 2), (50, 49), (50, 1000)])
def test_the_suites_fleet_meets_on_a_node_and_across(count: int, turn: int) -> None:
    """Each two namespaces have both; within one of two pods there is one pair, across."""
    chosen = assign(_pods(SUITES), [f"n{number}" for number in range(count)], turn)
    pairs = combinations_with_replacement(sorted(SUITES), 2)
    every = {(*pair, same) for pair in pairs for same in (True, False)}
    assert every - {("ingress-nginx", "ingress-nginx", True)} == _covered(chosen)


@given(
    counts=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    nodes=st.integers(1, 3),
    turn=st.integers(0, 99),
)
def test_no_assignment_covers_more(counts: list[int], nodes: int, turn: int) -> None:
    """Against all assignments that there are: what any of them covers in number, this one does."""
    pods = _pods({f"space{n}": count for n, count in enumerate(counts)})[:6]
    names = [f"n{number}" for number in range(nodes)]
    chosen = assign(pods, names, turn) or {pod.key: names[0] for pod in pods}
    keys = [pod.key for pod in pods]
    every = (dict(zip(keys, row, strict=True)) for row in product(names, repeat=len(keys)))
    assert max(len(_covered(one)) for one in every) == len(_covered(chosen))


def test_every_node_of_a_small_cluster_is_used() -> None:
    """A node that is broken alone is seen: the second nodes of namespaces go round."""
    names = ["n0", "n1", "n2", "n3"]
    assert set(names) == set(assign(_pods(SUITES), names).values())


def test_many_pods_of_a_namespace_go_round() -> None:
    """What is more than the pairs need is spread over all nodes."""
    chosen = assign(_pods({"shop": 100}), [f"n{number}" for number in range(50)])
    assert 50 == len(set(chosen.values()))


def test_fleets_have_hubs_of_their_own() -> None:
    """Workers choose by their names, so that the first node does not carry all of them."""
    assert assign(_pods(SUITES), ["a", "b", "c"], 0) != assign(_pods(SUITES), ["a", "b", "c"], 1)


@pytest.mark.parametrize("nodes", [[], ["only"]])
def test_where_there_is_no_choice(nodes: list[str]) -> None:
    """Without two nodes the scheduler decides, and says why it cannot."""
    assert {} == assign(_pods(SUITES), nodes)


def test_what_has_its_place_is_left_alone() -> None:
    """A pod that names its node, or stands in a node's network, is not moved."""
    pods = [Pod("a", "fixed", node="n1"), Pod("a", "host", host_network=True), Pod("a", "free")]
    assert ["a/free"] == list(assign(pods, ["n0", "n1"]))


@pytest.mark.parametrize(
    ("closed", "options"),
    [
        (_node("x", unschedulable=True), ANYWHERE),
        (_node("x", taints=[DEDICATED]), ANYWHERE),
        (_node("x", taints=[DEDICATED]), PodOptions(tolerations=(Toleration("dedicated", "web"),))),
        (_node("x", taints=[{"key": "k", "effect": "NoExecute"}]), ANYWHERE),
        (_node("x", {"kubernetes.io/os": "windows"}), ANYWHERE),
        (_node("x", {"disk": "hdd"}), PodOptions(node_selector=(("disk", "ssd"),))),
        (
            _node("x") | {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}},
            ANYWHERE,
        ),
    ],
)
def test_a_node_that_takes_no_probe_pods(closed: dict[str, Any], options: PodOptions) -> None:
    """Cordoned, tainted, of another system, without the labels asked for, or gone."""
    assert () == open_nodes([closed], options)


@pytest.mark.parametrize(
    ("node", "options"),
    [
        (_node("x", unschedulable=True), PodOptions(tolerations=(Toleration(),))),
        (_node("x", taints=[DEDICATED]), PodOptions(tolerations=(Toleration("dedicated"),))),
        (_node("x", taints=[DEDICATED]), PodOptions(tolerations=(Toleration("dedicated", "db"),))),
        (_node("x", {"kubernetes.io/os": "linux", "disk": "ssd"}), PodOptions((("disk", "ssd"),))),
    ],
)
def test_a_node_that_takes_them(node: dict[str, Any], options: PodOptions) -> None:
    """A toleration opens what it covers, a cordoned node too."""
    assert ("x",) == open_nodes([node], options)


def test_nodes_that_would_rather_have_none_come_last() -> None:
    """PreferNoSchedule forbids nothing."""
    shy = _node("a", taints=[{"key": "k", "effect": "PreferNoSchedule"}])
    assert ("b", "a") == open_nodes([shy, _node("b")])


def test_a_chosen_node_is_required_by_name() -> None:
    """The scheduler is asked all the same, so that a full node is not overrun."""
    spec = ANYWHERE.dress({"spec": {"containers": []}}, "n1")["spec"]
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert [{"key": "metadata.name", "operator": "In", "values": ["n1"]}] == term["matchFields"]
    assert "nodeName" not in spec
