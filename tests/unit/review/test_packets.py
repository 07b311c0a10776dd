"""Intents are judged by the flows that were probed, and the cluster is blamed for what it did."""

from __future__ import annotations

import pytest

from netproof.model.flow import Expected, Observation, Outcome
from netproof.model.matrix import JudgedStep, Matrix
from netproof.model.record import Convergence
from netproof.model.review import Judgement, Kept
from netproof.review import packets
from netproof.review.check import Case
from netproof.verdict import judge_step
from tests.unit.review.build import case, deny_all, intents, workload

WEB, API = workload("shop/web", 80), workload("shop/api", 8080)


def step(made: Case, seen: dict[str, Observation]) -> JudgedStep:
    """Return a step in which every flow did what is expected, but for those that are told."""
    usual = {Expected.ALLOWED: Outcome.CONNECTED, Expected.DENIED: Outcome.DROPPED}
    matrix = made.world.matrix
    observed = {
        flow: seen.get(str(flow), Observation(usual[expectation.expected]))
        for flow, expectation in matrix.items()
    }
    return judge_step(
        "policies in force",
        ("shop/deny",),
        expected=matrix,
        observed=Matrix(observed, observed),
        baseline={flow: Observation(Outcome.CONNECTED) for flow in matrix},
        convergence=Convergence(),
        topology=made.world.topology,
    )


def judged(statement: str, seen: dict[str, Observation] | None = None) -> Judgement:
    """Judge one intent on a bundle that denies everything in shop."""
    made = case([WEB, API, deny_all("shop")], intents(statement))
    cells = step(made, seen or {}).matrix
    world = packets.world_of_probes(made.mirror, made.world.topology, cells)
    return packets.judge(world, made.intents[0], cells)


def test_kept_by_packets() -> None:
    """An intent whose flows did what it states is kept."""
    assert Kept.KEPT is judged("deny: web -> api").kept


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(Observation(Outcome.CONNECTED), id="answered"),
        pytest.param(Observation(Outcome.DROPPED, arrived=True), id="arrived"),
    ],
)
def test_leak_breaks_a_deny_and_blames_the_cluster(seen: Observation) -> None:
    """A leak breaks an intent that the policies keep, and the cluster is named as the cause."""
    found = judged("deny: web -> api", {"shop/web -> shop/api:8080/TCP IPv4": seen})

    assert (Kept.BROKEN, "allowed") == (found.kept, found.broken[0].said)
    assert "the cluster does not do what they say" in found.broken[0].causes[0].text


def test_a_lost_answer_breaks_an_allow() -> None:
    """A request that arrived and got no answer is no connection, though it was no denial either."""
    seen = {"shop/api -> shop/web:80/TCP IPv4": Observation(Outcome.DROPPED, arrived=True)}
    made = case([WEB, API], intents("allow: api -> web"))
    cells = step(made, seen).matrix
    world = packets.world_of_probes(made.mirror, made.world.topology, cells)
    found = packets.judge(world, made.intents[0], cells)

    assert (Kept.BROKEN, "denied") == (found.kept, found.broken[0].said)


def test_policies_at_fault_are_not_told_twice() -> None:
    """Where packets do what the policies say, the static judgement has said why."""
    found = judged("allow: web -> api")

    assert (Kept.BROKEN, ()) == (found.kept, found.broken[0].causes)


def test_probe_that_could_not_tell() -> None:
    """A probe that broke leaves the intent unknown, never kept."""
    seen = {"shop/web -> shop/api:8080/TCP IPv4": Observation(Outcome.ERROR, "agent died")}

    assert Kept.UNKNOWN is judged("deny: web -> api", seen).kept


def test_nothing_to_send_to() -> None:
    """An intent about addresses where no host is remains untried by packets."""
    made = case([WEB], intents("allow: web -> outside 192.0.2.0/24"))
    cells = {
        flow: cell
        for flow, cell in step(made, {}).matrix.items()
        if not flow.destination.name.startswith("outside 192")
    }
    near = made.world.topology
    hosts = tuple(host for host in near.hosts if host.name == "outside")
    topology = type(near)(near.namespaces, near.pods, near.services, hosts)
    world = packets.world_of_probes(made.mirror, topology, cells)

    assert Kept.UNTRIED is packets.judge(world, made.intents[0], Matrix(cells, cells)).kept
