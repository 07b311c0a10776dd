"""Label selectors as the API defines them."""

from typing import Any

import pytest

from netlab.dataplane.semantics import matches_selector

LABELS = {"app": "web", "empty": ""}


def _term(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchLabels": {"app": "web", "tier": "x"}}, False),
        (_term("app", "In", "db", "web"), True),
        (_term("tier", "In", "x"), False),
        (_term("app", "NotIn", "web"), False),
        (_term("tier", "NotIn", "x"), True),
        (_term("empty", "Exists"), True),
        (_term("tier", "Exists"), False),
        (_term("tier", "DoesNotExist"), True),
        (_term("empty", "DoesNotExist"), False),
        (_term("app", "Like", "web"), False),
        ({"matchLabels": {"app": "web"}, **_term("app", "NotIn", "web")}, False),
    ],
)
def test_a_selector_matches(selector: dict[str, Any], expected: bool) -> None:
    """Every term must hold; NotIn and DoesNotExist hold where the key is missing."""
    assert expected == matches_selector(selector, LABELS)
