"""Weighing an unanswered probe against what the far end says."""

from __future__ import annotations

from netproof.model.flow import Endpoint, Flow, Observation, Outcome, Path
from netproof.probe import messages
from netproof.probe.answers import (
    LEAST_S,
    SYN_AGAIN_S,
    AnswerTimes,
    ProbeAnswer,
    Witness,
    merge,
    read_results,
    read_testimony,
    weigh,
)
from netproof.probe.messages import Hello, Results

FLOW = Flow(Endpoint.pod("a/a"), Endpoint.pod("a/b"), 80)
DROPPED = ProbeAnswer(Observation(Outcome.DROPPED), "n1")
REJECTED = ProbeAnswer(Observation(Outcome.REJECTED, "ECONNREFUSED"), "n1")
ALIVE = Witness(hello=Hello("a/b", "boot"))


def test_a_result_is_read_with_its_nonce() -> None:
    """A line of an agent becomes an observation with attempts."""
    seen = Observation(Outcome.REJECTED, "ECONNREFUSED", seconds=0.25, attempts=2)
    reply = Results(1, ((1, Outcome.REJECTED, "ECONNREFUSED", 0.25),), done=True)
    assert {1: ProbeAnswer(seen, "n1")} == read_results(reply, ["n0", "n1"], {0}, 2)


def test_where_an_unanswered_syn_came_from_is_for_the_far_end() -> None:
    """It is kept apart, so that it is no detail of the flow, and names the nonce that arrived."""
    reply = Results(1, ((0, Outcome.DROPPED, "10.0.0.1 40000", 1.2),), done=True)
    (answer,) = read_results(reply, ["n0"], set(), 1).values()
    seen = Observation(Outcome.DROPPED, seconds=1.2)
    assert ProbeAnswer(seen, "n0", "10.0.0.1 40000") == answer
    said = messages.Testimony(2, (), ("10.0.0.1 40000",), "boot", None)
    assert {"n0"} == read_testimony(said, ["n0"], {answer.origin: "n0"})


def test_what_arrived_is_no_denial() -> None:
    """A dropped probe whose nonce arrived carries the testimony."""
    said = [Witness(frozenset({"n1"})), ALIVE]
    assert Observation(Outcome.DROPPED, arrived=True) == weigh(FLOW, DROPPED, said)


def test_a_denial_counts_where_the_far_end_served() -> None:
    """A dropped probe stays dropped when the destination was there and saw nothing."""
    assert Observation(Outcome.DROPPED, arrived=False) == weigh(FLOW, DROPPED, [ALIVE])


def test_a_denial_by_a_dead_agent_is_unknown() -> None:
    """A rejection while the destination's agent was gone says nothing."""
    seen = weigh(FLOW, REJECTED, [ALIVE, Witness(trouble="the agent of a/b is gone")])
    expected = Observation(Outcome.ERROR, "rejected, but the agent of a/b is gone")
    assert expected == seen


def test_a_port_that_could_not_be_served_denies_nothing() -> None:
    """A rejection by a port that the agent could not bind is an error with the reason."""
    hello = Hello("a/b", "boot", {(80, "TCP", "IPv4"): "EADDRINUSE"})
    seen = weigh(FLOW, REJECTED, [Witness(hello=hello)])
    why = "rejected, but a/b could not serve the port: EADDRINUSE"
    assert Observation(Outcome.ERROR, why) == seen


def test_without_witnesses_the_probe_stands_alone() -> None:
    """Where nobody can be asked, the observation stays as it is."""
    dns = Flow(Endpoint.pod("a/a"), Endpoint.service("k/dns"), 53, path=Path.DNS)
    assert DROPPED.seen == weigh(dns, DROPPED, [])


def test_an_error_keeps_its_own_reason() -> None:
    """A dead far end does not hide why the probe itself failed."""
    answer = ProbeAnswer(Observation(Outcome.ERROR, "EMFILE: too many"), "n1")
    assert answer.seen == weigh(FLOW, answer, [Witness(trouble="gone")])


def test_a_second_look_keeps_what_arrived_at_the_first() -> None:
    """An arrival is not undone by a second look that saw none; attempts add up."""
    first = Observation(Outcome.DROPPED, arrived=True)
    second = Observation(Outcome.DROPPED, arrived=False)
    assert Observation(Outcome.DROPPED, arrived=True, attempts=2) == merge(first, second)


def test_a_second_look_that_connects_is_believed() -> None:
    """A first drop is forgotten once the flow connects."""
    first = Observation(Outcome.DROPPED, arrived=True)
    expected = Observation(Outcome.CONNECTED, attempts=2)
    assert expected == merge(first, Observation(Outcome.CONNECTED))


def _took(*seconds: float) -> list[Observation]:
    return [Observation(Outcome.CONNECTED, seconds=one) for one in seconds]


def test_time_outs_follow_the_slowest_answer() -> None:
    """Four times as long, neither less than a turn on a busy machine nor more than was told."""
    times = AnswerTimes(1.0, follows=True)
    assert 1.0 == times.timeout_s()
    for slowest, expected in ((0.001, LEAST_S), (0.05, 0.2), (0.3, 1.0)):
        times.learn(_took(0.0005, slowest))
        assert expected == times.timeout_s()
    times.learn(_took(0.05))
    assert [0.2, 0.4, 0.8, 1.0, 1.0] == [times.timeout_s(n) for n in (0, 1, 2, 3, None)]
    assert 1.0 == times.timeout_s(10_000)


def test_only_answers_tell_how_long_answers_take() -> None:
    """A denial took as long as it was waited for; a look without answers says nothing."""
    times = AnswerTimes(1.0, follows=True)
    times.learn([*_took(0.05), Observation(Outcome.DROPPED, seconds=0.9)])
    times.learn([Observation(Outcome.DROPPED, seconds=0.9)])
    assert 0.2 == times.timeout_s()


def test_a_last_look_outlives_the_second_syn() -> None:
    """However short time-outs are, or however short somebody wants them."""
    times = AnswerTimes(1.0, follows=True)
    times.learn(_took(0.05))
    assert SYN_AGAIN_S + 0.2 == times.last_s
    assert SYN_AGAIN_S + 0.3 == AnswerTimes(0.3).last_s
    times.learn(_took(0.3))
    assert SYN_AGAIN_S + 1.0 == times.last_s


def test_a_time_out_that_was_asked_for_follows_nothing() -> None:
    """Who names one has a reason."""
    times = AnswerTimes(0.3)
    times.learn(_took(0.001))
    assert [0.3, 0.3] == [times.timeout_s(), times.timeout_s(3)]
