"""Every front door says the same of the same run: verdict, exit code, and every report.

The rows are kinds of results, the columns the doors: cases run by pytest, `pytest --np-bundle`,
`netproof check` with packets, `netproof check --static`. All of them ask one judge, with stand-in
values for what a cluster would show.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from xml.etree import ElementTree as ET

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.model.check import CheckRecord
from netproof.model.doors import Door, DoorResult, DoorState
from netproof.model.matrix import JudgedScenario
from netproof.model.record import (
    CanaryRecord,
    ClusterRecord,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
)
from netproof.model.review import BrokenFlow, FlowAnswer, IntentJudgement, IntentResult, Kept
from netproof.model.value import replace
from netproof.report import writers
from netproof.review.case import by_reading
from netproof.run.bundle_run import ProbedBundle, with_packets
from netproof.run.controller import Controller, Handout
from netproof.run.scenario import Wishes
from netproof.run.session import RunSession
from netproof.verdict import check_exit_code
from tests.unit.report import sample

R = TypeVar("R")

PASS, FAIL, NOT_ENFORCED, INCONCLUSIVE = RunVerdict


@dataclass(frozen=True, slots=True)
class Shown:
    """What a cluster shows a run, and what is declared of it."""

    canary: CanaryRecord = sample.ENFORCES
    scenario: ScenarioRecord | None = sample.PASSING
    intents: tuple[IntentResult, ...] = ()
    doors: tuple[DoorResult, ...] = ()
    errors: tuple[str, ...] = ()
    declared: bool = True
    required: bool = False
    packets_required: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What a front door says: its reports by name, and the record where it writes one."""

    verdict: RunVerdict | None
    code: int
    reports: Mapping[str, str]
    record: RunRecord | None = None


def _intent(read: Kept, sent: Kept) -> IntentResult:
    flow = "shop/web -> shop/api:80/TCP"

    def judged(kept: Kept) -> IntentJudgement:
        said = {Kept.BROKEN: FlowAnswer.DENIED, Kept.UNKNOWN: FlowAnswer.UNKNOWN}.get(kept)
        wrong = (BrokenFlow(flow, FlowAnswer.ALLOWED, said),) if said else ()
        return IntentJudgement(kept, 1, wrong)

    text = "allow: web -> api"
    return IntentResult(
        text, "shop/intents.yaml:3", "The shop.", judged(read), judged(sent), "shop"
    )


def _scenario(index: int) -> ScenarioRecord:
    return sample.SCENARIOS[index]


UNTOLD = CanaryRecord("canary", None, "Whether the cluster enforces cannot be told.")
LEAKS = replace(sample.ENFORCES, steps=sample.LEAKING.steps)
LEAK, OVER_BLOCK, UNCLEAR = sample.LEAKING, _scenario(0), _scenario(1)
FLAT = sample.FLAT.scenarios[0]
KNOWN = replace(LEAK, known_gap="known gap x: it leaks (https://x)")
GONE = replace(sample.PASSING, gap_gone="no longer there: known gap x; remove it")
KEPT, BROKEN = _intent(Kept.KEPT, Kept.KEPT), _intent(Kept.BROKEN, Kept.BROKEN)
BROKEN_BY_PACKETS, UNKNOWN = _intent(Kept.KEPT, Kept.BROKEN), _intent(Kept.UNKNOWN, Kept.UNKNOWN)
WHY = "to outside: no host of the cluster is there"
UNTRIED = replace(KEPT, packets=IntentJudgement(Kept.UNTRIED, 0, (), f"no packet {WHY}", (WHY,)))
IN_PART = replace(KEPT, packets=IntentJudgement(Kept.KEPT, 1, untried=(WHY,)))
OPEN_DOOR = DoorResult(
    Door.PORT_FORWARD_POD, "shop/api", DoorState.OPEN, fault="expected to be closed and is open"
)

ROWS: Mapping[str, tuple[Shown, RunVerdict, int]] = {
    "all enforced": (Shown(), PASS, 0),
    "all enforced, intents kept": (Shown(intents=(KEPT,)), PASS, 0),
    "leak": (Shown(scenario=LEAK), FAIL, 1),
    "over-block": (Shown(scenario=OVER_BLOCK), FAIL, 1),
    "inconclusive probe": (Shown(scenario=UNCLEAR), INCONCLUSIVE, 1),
    "canary could not tell": (Shown(UNTOLD), INCONCLUSIVE, 1),
    "canary step leaks": (Shown(LEAKS), FAIL, 1),
    "nothing enforced": (Shown(sample.IGNORES, FLAT), NOT_ENFORCED, 1),
    "declared": (Shown(sample.IGNORES, FLAT, declared=False), NOT_ENFORCED, 0),
    "declared but required": (
        Shown(sample.IGNORES, FLAT, declared=False, required=True),
        NOT_ENFORCED,
        1,
    ),
    "declared, intent broken by packets": (
        Shown(sample.IGNORES, FLAT, (BROKEN_BY_PACKETS,), declared=False),
        NOT_ENFORCED,
        0,
    ),
    "declared, intent broken by the policies": (
        Shown(sample.IGNORES, FLAT, (BROKEN,), declared=False),
        NOT_ENFORCED,
        1,
    ),
    "declared, yet enforced": (Shown(declared=False), FAIL, 1),
    "broken intent": (Shown(intents=(KEPT, BROKEN)), FAIL, 1),
    "intent broken by packets": (Shown(intents=(BROKEN_BY_PACKETS,)), FAIL, 1),
    "unknown intent": (Shown(intents=(UNKNOWN,)), INCONCLUSIVE, 1),
    "untried intent": (Shown(intents=(KEPT, UNTRIED)), PASS, 0),
    "intent tried in part": (Shown(intents=(IN_PART,)), PASS, 0),
    "untried intent, packets required": (
        Shown(intents=(KEPT, UNTRIED), packets_required=True),
        FAIL,
        1,
    ),
    "intent tried in part, packets required": (
        Shown(intents=(IN_PART,), packets_required=True),
        FAIL,
        1,
    ),
    "kept intent, packets required": (Shown(intents=(KEPT,), packets_required=True), PASS, 0),
    "known gap there": (Shown(scenario=KNOWN), PASS, 0),
    "known gap gone": (Shown(scenario=GONE), FAIL, 1),
    "door open that must be closed": (Shown(doors=(OPEN_DOOR,)), FAIL, 1),
    "harness fault": (Shown(errors=("a::b (call): KeyError: 'x'",)), INCONCLUSIVE, 1),
    "no scenario": (Shown(scenario=None), INCONCLUSIVE, 1),
}


class Asked(Controller):
    """A controller whose cluster is there, and whose canary has been asked."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(Anywhere(), "run1", Wishes("python"))
        self._shown = shown

    def start(self) -> tuple[Handout, CanaryRecord, ClusterRecord]:
        canary = self._shown.canary
        handout = Handout(REF, "run1", canary.enforces, canary.text)
        return handout, canary, ClusterRecord("lab", "run1", enforces=self._shown.declared)


class Anywhere:
    """A cluster of which nothing is asked."""

    def start(self) -> ClusterRef:
        return REF

    def stop(self) -> None:
        """Leave it as it is."""


REF = ClusterRef("lab", "run1", "")


def _session(shown: Shown) -> RunSession:
    session = RunSession(Asked(shown), "run1", shown.required, shown.packets_required)
    session.start()
    session.errors += shown.errors
    return session


def _by_record(session: RunSession) -> Said:
    record = session.finish()
    return Said(record.verdict, record.exit_code, _all(writers.OF_RUN, record), record)


def _all(forms: writers.Forms[R], record: R) -> dict[str, str]:
    """Return a record in every form that there is."""
    reports = {name: writer.render(record) for name, writer in forms.writers.items()}
    beside = {"summary": forms.summary(record), "annotations": forms.annotations(record)}
    return reports | beside


def by_cases(shown: Shown) -> Said:
    """Run cases by pytest: what they saw travels to the session on their reports."""
    session = _session(shown)
    session.scenarios += [shown.scenario] if shown.scenario else []
    session.doors += shown.doors
    return _by_record(session)


def by_bundle_in_pytest(shown: Shown) -> Said:
    """Run `pytest --np-bundle`: the session takes in what packets showed of a bundle."""
    session = _session(shown)
    _take(session, shown)
    return _by_record(session)


def by_check(shown: Shown) -> Said:
    """Run `netproof check` with packets."""
    session = _session(shown)
    _take(session, shown)
    session.finish()
    return _of_check(with_packets(_check(shown), session.evidence(), ()))


def by_static_check(shown: Shown) -> Said:
    """Run `netproof check --static`."""
    return _of_check(by_reading(_check(shown)))


def _take(session: RunSession, shown: Shown) -> None:
    if shown.scenario:
        session.take(ProbedBundle(JudgedScenario(shown.scenario, ()), shown.intents))


def _check(shown: Shown) -> CheckRecord:
    read = tuple(replace(intent, packets=None) for intent in shown.intents)
    return CheckRecord(
        bundle="shop", netproof="0", workloads=2, policies=1, flows=1, seconds=0.1, intents=read
    )


def _of_check(record: CheckRecord) -> Said:
    whole = replace(record, exit_code=check_exit_code(record, strict=False))
    return Said(record.verdict, whole.exit_code, _all(writers.OF_CHECK, whole))


PACKETS: Mapping[str, Callable[[Shown], Said]] = {
    "cases by pytest": by_cases,
    "pytest --np-bundle": by_bundle_in_pytest,
    "netproof check": by_check,
}

ONLY_CASES = ("door open that must be closed",)
ONLY_BUNDLES = tuple(name for name, (shown, *_) in ROWS.items() if shown.intents)
PAIRS = [
    pytest.param(door, row, id=f"{name}: {kind}")
    for name, door in PACKETS.items()
    for kind, row in ROWS.items()
    if not (kind in ONLY_CASES and door is not by_cases)
    and not (kind in ONLY_BUNDLES and door is by_cases)
]


@pytest.mark.parametrize(("door", "row"), PAIRS)
def test_a_door_says_what_every_other_says(
    door: Callable[[Shown], Said], row: tuple[Shown, RunVerdict, int]
) -> None:
    """The verdict and the exit code are those of the row, and every report has the verdict."""
    shown, verdict, code = row
    said = door(shown)
    assert (verdict, code) == (said.verdict, said.code)
    for name, text in said.reports.items():
        if name not in ("junit", "codequality"):  # which have no verdict, but failures and issues
            assert str(verdict) in text, name


@pytest.mark.parametrize(("door", "row"), PAIRS)
def test_every_report_tells_what_is_wrong(
    door: Callable[[Shown], Said], row: tuple[Shown, RunVerdict, int]
) -> None:
    """A finding that is no flow is in every report, by its subject."""
    said = door(row[0])
    for finding in said.record.findings if said.record else ():
        for name, text in said.reports.items():
            if name == "badge":
                continue
            plain = text.replace("\\", "").replace("&gt;", ">").replace("\\u003e", ">")
            assert finding.subject in plain, name


BUNDLE_DOORS = [by_bundle_in_pytest, by_check]


@pytest.mark.parametrize("door", BUNDLE_DOORS)
@pytest.mark.parametrize("intent", [UNTRIED, IN_PART], ids=["untried", "in part"])
def test_every_report_tells_reading_from_packets(
    door: Callable[[Shown], Said], intent: IntentResult
) -> None:
    """No format calls an intent kept that no packet was sent for, and each says why none was."""
    for name, text in door(Shown(intents=(intent,))).reports.items():
        plain = text.replace("\\", "")
        if name in ("badge", "annotations"):  # of what fails nothing they say no more
            continue
        assert WHY in plain, name
        words = (
            '"untried":["',
            '"untried": [',
            "by the policies alone: ",
            "by packets in part (1 flow): ",
        )
        assert any(word in plain for word in words), name
        if intent is UNTRIED and name in ("text", "terminal", "markdown", "html"):
            assert "HOLDS" in plain or "holds by the policies alone" in plain, name
            assert "KEPT  allow" not in plain, name


@pytest.mark.parametrize("door", BUNDLE_DOORS)
def test_an_intent_by_packets_is_told_as_one(door: Callable[[Shown], Said]) -> None:
    """What packets were sent for says so, with their number."""
    reports = door(Shown(intents=(KEPT,))).reports
    told = {"text", "terminal", "markdown", "html", "junit", "csv", "comment", "summary"}
    for name in told & reports.keys():
        assert "by packets (1 flow)" in reports[name].replace("\\", ""), name


@pytest.mark.parametrize(("door", "row"), PAIRS)
def test_junit_fails_where_the_run_does(
    door: Callable[[Shown], Said], row: tuple[Shown, RunVerdict, int]
) -> None:
    """A reader of JUnit sees a failure or an error exactly where the exit code is not 0."""
    said = door(row[0])
    root = ET.fromstring(said.reports["junit"])  # noqa: S314 - our own text
    wrong = int(root.get("failures", "0")) + int(root.get("errors", "0"))
    assert (said.code != 0) == (wrong > 0)


@pytest.mark.parametrize(("door", "row"), PAIRS)
def test_no_form_says_better_than_the_exit_code(
    door: Callable[[Shown], Said], row: tuple[Shown, RunVerdict, int]
) -> None:
    """An alarm in each form exactly where the exit code is not 0; a badge says PASS only there."""
    said = door(row[0])
    (log,) = json.loads(said.reports["sarif"])["runs"]
    alarms = [one for one in log["results"] if one["level"] != "note" and not one["suppressions"]]
    issues = [one for one in json.loads(said.reports["codequality"]) if one["severity"] != "info"]
    first = said.reports["annotations"].partition(" ")[0]
    head = said.reports["csv"].splitlines()[1]
    if said.code:
        assert alarms
        assert issues
        assert first in ("::error", "::warning")
        assert ">PASS" not in said.reports["badge"]
        assert not head.startswith('"verdict","PASS"')
    elif row[1] is PASS:
        assert not alarms
        assert not issues
        assert "::notice" == first
        assert ">PASS</text>" in said.reports["badge"]


@pytest.mark.parametrize(
    ("intents", "verdict", "code"),
    [
        ((KEPT,), PASS, 0),
        ((KEPT, BROKEN), FAIL, 1),
        ((UNKNOWN,), INCONCLUSIVE, 1),
        ((BROKEN_BY_PACKETS,), PASS, 0),
        ((), None, 0),
    ],
)
def test_a_static_check(
    intents: tuple[IntentResult, ...], verdict: RunVerdict | None, code: int
) -> None:
    """Without packets the intents alone decide; without intents nothing is claimed."""
    said = by_static_check(Shown(intents=intents))
    assert (verdict, code) == (said.verdict, said.code)
    if verdict is not None:
        worded = said.reports.keys() - {"junit", "codequality"}
        assert all(str(verdict) in said.reports[name] for name in worded)
        assert (verdict is PASS) == (">PASS, by reading<" in said.reports["badge"])
        assert "no packet was sent" in said.reports["text"]
