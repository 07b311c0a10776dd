"""Which labels a selector matches."""

from __future__ import annotations

import pytest

from netproof.policy import LabelSelector, MatchExpression, Operator
from netproof.policy.matching import matches, meets

IN, NOT_IN = Operator.IN, Operator.NOT_IN
EXISTS, MISSING = Operator.EXISTS, Operator.DOES_NOT_EXIST


@pytest.mark.parametrize(
    ("operator", "values", "labels", "expected"),
    [
        (IN, ("a", "b"), {"k": "b"}, True),
        (IN, ("a", "b"), {"k": "c"}, False),
        (IN, ("a", "b"), {}, False),
        (IN, ("",), {"k": ""}, True),
        (IN, ("",), {}, False),
        (NOT_IN, ("a",), {"k": "b"}, True),
        (NOT_IN, ("a",), {"k": "a"}, False),
        (NOT_IN, ("a",), {}, True),
        (EXISTS, (), {"k": ""}, True),
        (EXISTS, (), {"other": "x"}, False),
        (MISSING, (), {"other": "x"}, True),
        (MISSING, (), {"k": ""}, False),
    ],
)
def test_operators(
    operator: Operator, values: tuple[str, ...], labels: dict[str, str], *, expected: bool
) -> None:
    """Each operator relates a key to its values as the labels page says."""
    assert expected is meets(MatchExpression("k", operator, values), labels)


def test_an_empty_selector_matches_everything() -> None:
    """No requirements, no labels: a match."""
    assert matches(LabelSelector(), {})


def test_all_requirements_must_hold() -> None:
    """Labels and expressions are joined by and."""
    selector = LabelSelector({"a": "1"}, (MatchExpression("b", EXISTS),))
    assert [True, False, False] == [
        matches(selector, labels) for labels in ({"a": "1", "b": ""}, {"a": "1"}, {"b": ""})
    ]
