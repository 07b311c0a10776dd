"""Texts of JSON, read as Go reads them."""

import pytest

from netlab.objects.documents import parse_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\ud800x"', "\ufffdx"),
        (rb'"\udc00\ud800"', "\ufffd\ufffd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\\ud800"', r"\ud800"),
        (rb'"\\\ud800\n"', "\\\ufffd\n"),
        (rb'"a\nb\u0041"', "a\nbA"),
    ],
)
def test_half_a_surrogate_pair_is_no_character(text: bytes, value: str) -> None:
    """It becomes U+FFFD (encoding/json), a whole pair does not, nor what only looks like it."""
    assert value == parse_json(text)
