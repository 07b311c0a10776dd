"""Label and field selectors in a query."""

import pytest

from netlab.objects.apierrors import ApiError
from netlab.objects.selectors import matcher, selects

OBJ = {
    "metadata": {"name": "a", "namespace": "n", "labels": {"app": "web", "tier": "2", "x/y": ""}},
    "spec": {"nodeName": "node-0"},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app=db", False),
        ("app!=db", True),
        ("app!=web", False),
        ("missing!=x", True),
        ("app in (web,db)", True),
        ("app in ( db )", False),
        ("app notin (db, cache)", True),
        ("missing notin (db)", True),
        ("app", True),
        ("missing", False),
        ("!missing", True),
        ("!app", False),
        ("tier>1", True),
        ("tier > 2", False),
        ("tier<3", True),
        ("app>1", False),
        ("x/y=", True),
        ("app in (web,db),tier=2", True),
        ("app in (web,db),tier=3", False),
    ],
)
def test_label_selector(text: str, is_match: bool) -> None:
    """Every form of a label selector, alone and together."""
    matches = matcher(text, "", "pods")
    assert (matches is None or matches(OBJ)) is is_match


@pytest.mark.parametrize("text", ["a=b=c", "app in web", "in (a)", "=x", "a b", "!a=b"])
def test_a_label_selector_that_is_none(text: str) -> None:
    """What cannot be read is a 400 that quotes it."""
    with pytest.raises(ApiError, match="unable to parse requirement") as caught:
        matcher(text, "", "pods")
    assert caught.value.code == 400


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("metadata.name=a", True),
        ("metadata.name==b", False),
        ("metadata.name!=b", True),
        ("metadata.namespace=n,status.phase=Running", True),
        ("status.phase!=Running", False),
        ("spec.nodeName=node-0", True),
        ("spec.nodeName=", False),
        ("spec.hostNetwork=false", True),
    ],
)
def test_field_selector(text: str, is_match: bool) -> None:
    """The fields that pods can be chosen by."""
    matches = matcher("", text, "pods")
    assert matches is not None
    assert matches(OBJ) is is_match


def test_an_unsupported_field_is_named() -> None:
    """A field that the kind cannot be chosen by is a 400."""
    with pytest.raises(ApiError, match=r"field label not supported: spec\.nodeName"):
        matcher("", "spec.nodeName=x", "configmaps")


def test_a_plain_selector_needs_every_label() -> None:
    """A Service's selector matches objects with all its labels."""
    assert selects({"a": "1"}, {"a": "1", "b": "2"})
    assert not selects({"a": "1", "b": "2"}, {"a": "1"})
