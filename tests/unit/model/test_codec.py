"""Records survive the trip through JSON, and nothing else passes for one."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from netproof.errors import HarnessBug, UsageError
from netproof.model import codec
from netproof.model.record import FlowVerdict, RunRecord, ScenarioRecord
from netproof.model.value import replace
from tests.unit.report.sample import ALL_PASS, EVERYTHING, FLAT, LEAKING, run_of


@pytest.mark.parametrize("record", [EVERYTHING, FLAT, ALL_PASS], ids=lambda r: str(r.verdict))
def test_a_run_survives_the_trip(record: RunRecord) -> None:
    """Every field comes back with its value and its type."""
    assert record == codec.loads(codec.dumps(record))


def test_a_scenario_survives_the_trip() -> None:
    """Scenarios travel on their own from test worker to controller."""
    assert LEAKING == codec.unpack(ScenarioRecord, codec.pack(LEAKING))


def test_what_is_written_again_has_the_same_bytes() -> None:
    """Neither reading nor writing changes the order of anything."""
    text = codec.dumps(EVERYTHING)
    assert text == codec.dumps(codec.loads(text))


def test_the_schema_comes_first() -> None:
    """A reader sees the version before anything else."""
    assert "schema" == next(iter(json.loads(codec.dumps(EVERYTHING))))


def test_enums_come_back_as_enums() -> None:
    """A verdict is a verdict again, not a string."""
    read = codec.loads(codec.dumps(EVERYTHING))
    assert isinstance(next(iter(read.scenarios[0].steps[0].counts)), FlowVerdict)


def broken(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(codec.dumps(ALL_PASS))
    return plain | changes


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (broken(schema="netproof.run/v3"), "$.schema: this netproof reads 'netproof.run/v2'"),
        (broken(unheard_of=1), "$: Object contains unknown field `unheard_of`"),
        (broken(verdict="MAYBE"), "$.verdict: Invalid enum value 'MAYBE'"),
        (broken(seconds="long"), "$.seconds: Expected `float`, got `str`"),
        (broken(seconds=True), "$.seconds: Expected `float`, got `bool`"),
        (broken(scenarios={}), "$.scenarios: Expected `array`, got `object`"),
        (broken(errors=[1]), "$.errors[0]: Expected `str`, got `int`"),
        (broken(cluster={"name": "x"}), "$.cluster: Object missing required field `kind`"),
        (broken(exit_code="0"), "$.exit_code: Expected `int`, got `str`"),
        (
            broken(canaries=[{"worker": "w", "text": ""}]),
            "$.canaries[0]: Object missing required field `enforces`",
        ),
        ([], "$: Expected `object`, got `array`"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_record_is_refused_with_its_place(plain: Any, message: str) -> None:
    """An error names the field and what is wrong with it."""
    with pytest.raises(UsageError) as refused:
        codec.loads(json.dumps(plain))
    assert message in str(refused.value)


def test_a_whole_number_of_seconds_is_a_number_of_seconds() -> None:
    """JSON knows one kind of number: 12 is read as 12.0."""
    read = codec.loads(json.dumps(broken(seconds=12)))
    assert isinstance(read.seconds, float)


def test_text_that_is_no_json_is_refused() -> None:
    """The message says where the text stops being JSON."""
    with pytest.raises(UsageError, match=r"not JSON: .*line 1"):
        codec.loads("{")


def test_half_a_character_survives() -> None:
    """What a container wrote that is no Unicode is written as an escape and comes back."""
    plain = broken(errors=["\udc80"])
    text = json.dumps(plain)
    assert text.isascii()
    assert ("\udc80",) == codec.loads(codec.dumps(codec.loads(text))).errors


def test_what_a_record_cannot_hold_is_our_bug() -> None:
    """Only the model's own kinds of value are written."""
    with pytest.raises(HarnessBug, match="cannot hold a object"):
        codec.pack({"errors": object()})


@pytest.mark.parametrize("text", ["\ud800", "[" * 100_000, "9" * 5_000, '{"schema": "\ud800'])
def test_what_is_no_record_is_refused(text: str) -> None:
    """Half characters, depth without end, numbers that Python does not read."""
    with pytest.raises(UsageError):
        codec.loads(text)


def test_a_table_has_a_letter_for_each_cell() -> None:
    """Reports look at all of them."""
    plain = json.loads(codec.dumps(EVERYTHING))
    plain["packed"]["letters"][0].append("x")
    with pytest.raises(UsageError, match="a row for each source"):
        codec.loads(json.dumps(plain))


def unpacked(record: RunRecord) -> dict[str, Any]:
    """Return a record as the version before wrote it."""
    plain: dict[str, Any] = json.loads(codec.pack(record))
    return plain | {"schema": "netproof.run/v1"}


def test_a_record_of_the_version_before_is_read() -> None:
    """Its tables stand in full where they belong."""
    assert EVERYTHING == codec.loads(json.dumps(unpacked(EVERYTHING)))


def _step(plain: dict[str, Any]) -> dict[str, Any]:
    steps = (step for one in plain["scenarios"] for step in one["steps"] if step["findings"])
    return next(steps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda plain: plain.pop("packed"), "$: Object missing required field `packed`"),
        (lambda plain: plain["packed"].pop("nodes"), "$.packed: Object missing required"),
        (lambda plain: plain["packed"]["names"].append([1]), "$.packed.names[6][0]: Expected"),
        (lambda plain: _step(plain).update(nodes=99), ".nodes: 99 is no number of an item"),
        (lambda plain: _step(plain).update(nodes=-1), ".nodes: -1 is no number of an item"),
        (lambda plain: _step(plain).update(nodes=True), ".nodes: True is no number"),
        (lambda plain: _step(plain)["tables"].append([1]), "a table is 6 numbers"),
        (lambda plain: _step(plain)["tables"].append([0, 0, 0, 0, 0, "0"]), "'0' is no number"),
        (lambda plain: _step(plain)["findings"][0].update(flow=1e9), ".flow: 1000000000.0 is no"),
        (lambda plain: _step(plain)["findings"][0].update(reasons=[7e6]), ".reasons: 7000000.0"),
    ],
)
def test_a_number_that_points_nowhere_is_refused(
    change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """With the place where it stands."""
    plain = json.loads(codec.dumps(EVERYTHING))
    change(plain)
    with pytest.raises(UsageError) as refused:
        codec.loads(json.dumps(plain))
    assert message in str(refused.value)


def test_a_small_record_does_not_unpack_to_all_the_memory() -> None:
    """A few numbers could stand for as many names as somebody likes."""
    plain = json.loads(codec.dumps(EVERYTHING))
    plain["packed"]["names"].append(["x"] * 10_000)
    last = len(plain["packed"]["names"]) - 1
    _step(plain)["tables"] += [[0, last, last, 0, 0, 0]] * 1_000
    with pytest.raises(UsageError, match="names and rows, more than"):
        codec.loads(json.dumps(plain))


def test_what_stands_again_and_again_is_written_once() -> None:
    """A second scenario like the first costs numbers, not tables."""
    once, twice = run_of((LEAKING,)), run_of((LEAKING, replace(LEAKING, id="peers/again")))
    grown = len(codec.dumps(twice)) - len(codec.dumps(once))
    assert grown < 0.2 * len(codec.pack(LEAKING))
