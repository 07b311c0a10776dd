"""A check as Markdown: the same as on a terminal, in the words of a pull request."""

from netproof.model.check import CheckRecord, PacketsRecord
from netproof.model.review import (
    BrokenFlow,
    FlowAnswer,
    IntentJudgement,
    IntentResult,
    Kept,
    Note,
)
from netproof.model.value import replace
from netproof.report.review import markdown, terminal
from netproof.report.review.sentences import SHOWN

CHECKED = CheckRecord(bundle="b", netproof="0", workloads=2, policies=1, flows=1, seconds=0.1)
FLOW = "shop/web -> shop/api:80/TCP"


def broken(flows: int, said: FlowAnswer = FlowAnswer.DENIED) -> IntentJudgement:
    """Return a judgement with so many broken flows."""
    return IntentJudgement(
        Kept.BROKEN, flows, (BrokenFlow(FLOW, FlowAnswer.ALLOWED, said),) * flows
    )


def told(static: IntentJudgement, packets: IntentJudgement | None = None) -> str:
    """Return the report of a check with one intent."""
    result = IntentResult("allow: web -> api", "intents.yaml:1", "Shop.", static, packets)
    return markdown.check(replace(CHECKED, intents=(result,)))


def test_policies_and_packets_are_told_apart() -> None:
    """A flow that both deny is said twice, each time with who says so."""
    text = told(broken(1), broken(1))

    assert f"`{FLOW}` is meant to be allowed; the policies say denied" in text
    assert f"`{FLOW}` is meant to be allowed; packets were denied" in text


def test_flows_that_are_not_shown_are_counted() -> None:
    """Nothing is left out without a word."""
    assert "and 2 more of 7 flows" in told(broken(SHOWN + 2))


def test_packets_come_with_their_number() -> None:
    """The sentence on packets is that of the terminal."""
    packets = PacketsRecord("All is well.", 1234, 1.5)
    text = markdown.check(replace(CHECKED, packets=packets))

    assert "**Packets** All is well. (1,234 flows, 1.5 s)" in text


def test_a_note_without_a_place_starts_with_what_it_is_about() -> None:
    """A note on the cluster stands in no file."""
    note = Note("nodes", "", "no packet was sent")
    record = replace(CHECKED, notes=(note,))

    assert "- nodes: no packet was sent" in markdown.check(record)
    assert "  nodes: no packet was sent" in terminal.check(record)
