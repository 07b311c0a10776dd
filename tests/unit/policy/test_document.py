"""YAML is read the way kubectl reads it."""

from __future__ import annotations

import json

import pytest

from netproof.policy.document import plain, read_documents


def value(text: str) -> object:
    return plain(read_documents(f"k: {text}\n", "x")[0])["k"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", 80),
        ("-1", -1),
        ("010", 8),
        ("0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b11", 3),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("fd00::1", "fd00::1"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("yes", True),
        ("off", False),
        ("y", True),
        ("N", False),
        ("True", True),
        ("tRUE", "tRUE"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'80'", "80"),
        ('"yes"', "yes"),
        ("!!str 80", "80"),
        ("!!int 80", 80),
        ("! 80", "80"),
        ("|\n  80\n", "80\n"),
        ("[a, 1, {b: c}]", ["a", 1, {"b": "c"}]),
    ],
)
def test_scalars(text: str, expected: object) -> None:
    """A bare word is what kubectl's YAML 1.1 reader takes it for."""
    assert json.dumps(expected) == json.dumps(value(text))


def test_keys_are_strings() -> None:
    """Keys become strings as they do in JSON."""
    (document,) = read_documents("{80: a, on: b, 1.5: c}", "x")
    assert ["80", "true", "1.5"] == list(plain(document))


def test_aliases_repeat_a_value() -> None:
    """An alias stands for the value of its anchor."""
    assert {"a": [1], "b": [1]} == plain(read_documents("a: &x [1]\nb: *x", "x")[0])


def test_merge_keys_give_way_to_explicit_ones() -> None:
    """<< adds the keys that are not written out, the first source first."""
    text = "a: &a {d: 1, e: 1}\nb: &b {e: 2, f: 2}\nc: {<<: [*a, *b], d: 3}"
    assert {"d": 3, "e": 1, "f": 2} == plain(read_documents(text, "x")[0])["c"]


def test_a_quoted_merge_key_is_a_key() -> None:
    """In quotes << is a word like any other."""
    assert {"<<": 1} == plain(read_documents("'<<': 1", "x")[0])


def test_anchors_end_with_their_document() -> None:
    """Each document has anchors of its own."""
    with pytest.raises(Exception, match=r"x:3: \*a refers to an anchor that is not there"):
        read_documents("a: &a 1\n---\nb: *a", "x")


def test_lines_count_through_all_documents() -> None:
    """Places are lines of the file, not of the document."""
    documents = read_documents("a: 1\n---\n\nb: 1\n", "x")
    assert [1, 4] == [document.origin.line for document in documents]
