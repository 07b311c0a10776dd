"""Intents are judged by the flows that were probed, and the cluster is blamed for what it did."""

from __future__ import annotations

import pytest

from netproof.model.flow import Expectation, Expected, Observation, Outcome, PathControl
from netproof.model.matrix import JudgedCell, JudgedMatrix, Matrix
from netproof.model.record import Convergence, FlowVerdict
from netproof.model.review import FlowAnswer, IntentJudgement, Kept
from netproof.review.case import Case
from netproof.review.judgement import judge_by_packets, probed_reachability, seen_of
from netproof.verdict import judge_step
from tests.unit.review.build import case, deny_all, intents, workload

WEB, API = workload("shop/web", 80), workload("shop/api", 8080)


def matrix(opened: Case, seen: dict[str, Observation]) -> JudgedMatrix:
    """Return what became of every flow: all did what is expected, but for those that are named."""
    usual = {
        Expected.ALLOWED: Observation(Outcome.CONNECTED),
        Expected.DENIED: Observation(Outcome.DROPPED, arrived=False),
    }
    expected = opened.reachability.matrix
    observed = {
        flow: seen.get(str(flow), usual[expectation.expected])
        for flow, expectation in expected.items()
    }
    return judge_step(
        "policies in force",
        ("shop/deny",),
        expected=expected,
        observed=Matrix(observed, observed),
        baseline={flow: Observation(Outcome.CONNECTED) for flow in expected},
        convergence=Convergence(),
        topology=opened.reachability.topology,
    ).matrix


def judged_of(
    documents: list[str], statement: str, seen: dict[str, Observation] | None = None
) -> IntentJudgement:
    """Judge one intent by the packets of a bundle."""
    opened = case(documents, intents(statement))
    cells = matrix(opened, seen or {})
    reach = probed_reachability(opened.mirror, opened.reachability.topology, cells)
    return judge_by_packets(reach, opened.intents[0], cells, opened.reachability)


def judged(statement: str, seen: dict[str, Observation] | None = None) -> IntentJudgement:
    """Judge one intent on a bundle that denies everything in shop."""
    return judged_of([WEB, API, deny_all("shop")], statement, seen)


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

    assert (Kept.BROKEN, FlowAnswer.ALLOWED) == (found.kept, found.broken[0].said)
    assert "the cluster does not do what they say" in found.broken[0].causes[0].text


ARRIVED = Observation(
    Outcome.DROPPED,
    arrived=True,
    attempts=2,
    beside=PathControl(("shop/api to itself", "shop/web to itself"), far=True),
)
"""A datagram that reached its end while the answer was lost."""


def test_datagram_that_arrived_is_a_leak_though_the_policies_allow_it() -> None:
    """Where nothing denies it, a datagram that arrived breaks a deny: its end has testified."""
    seen = {"shop/web -> shop/log:514/UDP IPv4": ARRIVED}
    found = judged_of([WEB, workload("shop/log", "514/UDP")], "deny: web -> log:514/UDP", seen)

    assert (Kept.BROKEN, FlowAnswer.ALLOWED) == (found.kept, found.broken[0].said)


def test_lost_answer_is_told_with_the_leak() -> None:
    """The cause says that the request arrived and only its answer was lost."""
    seen = {"shop/web -> shop/api:8080/TCP IPv4": ARRIVED}
    (cause,) = judged("deny: web -> api", seen).broken[0].causes

    assert "only its answer was lost" in cause.text


def test_a_lost_answer_breaks_an_allow() -> None:
    """A request that arrived and got no answer is no connection, though it was no denial either."""
    seen = {"shop/api -> shop/web:80/TCP IPv4": ARRIVED}
    found = judged_of([WEB, API], "allow: api -> web", seen)

    assert (Kept.BROKEN, FlowAnswer.DENIED) == (found.kept, found.broken[0].said)


def test_policies_at_fault_are_not_told_twice() -> None:
    """Where packets do what the policies say, the static judgement has said why."""
    found = judged("allow: web -> api")

    assert (Kept.BROKEN, ()) == (found.kept, found.broken[0].causes)


def test_probe_that_could_not_tell() -> None:
    """A probe that broke leaves the intent unknown, never kept."""
    seen = {"shop/web -> shop/api:8080/TCP IPv4": Observation(Outcome.ERROR, "agent died")}

    assert Kept.UNKNOWN is judged("deny: web -> api", seen).kept


@pytest.mark.parametrize(
    ("seen", "answer"),
    [
        (Observation(Outcome.DROPPED), FlowAnswer.UNKNOWN),
        (Observation(Outcome.DROPPED, arrived=False), FlowAnswer.DENIED),
        (
            Observation(Outcome.DROPPED, beside=PathControl(("shop/web to itself",))),
            FlowAnswer.DENIED,
        ),
    ],
)
def test_a_silence_that_may_be_slowness_keeps_no_deny(
    seen: Observation, answer: FlowAnswer
) -> None:
    """Also of a flow that the API leaves undefined: somebody testifies, or a control was beside."""
    cell = JudgedCell(Expectation(Expected.UNDEFINED), seen, FlowVerdict.UNDEFINED)
    assert answer is seen_of(cell, Expected.DENIED)


def test_nothing_to_send_to() -> None:
    """An intent about addresses where no host is remains untried by packets, with the reason."""
    opened = case([WEB], intents("allow: web -> outside 192.0.2.0/24"))
    whole = matrix(opened, {})
    cells = Matrix([f for f in whole if not f.destination.name.startswith("outside 192")], whole)
    near = opened.reachability.topology
    hosts = tuple(host for host in near.hosts if host.name == "outside")
    topology = type(near)(near.namespaces, near.pods, near.services, hosts)
    reach = probed_reachability(opened.mirror, topology, cells)

    found = judge_by_packets(reach, opened.intents[0], cells, opened.reachability)
    why = "no packet to outside 192.0.2.0/24: no host of the cluster is there"
    assert (Kept.UNTRIED, why) == (found.kept, found.text)
