"""The syntax of names, labels and keys."""

from collections.abc import Callable

import pytest

from netlab.objects import namesyntax

RULES: dict[str, Callable[[str], list[str]]] = {
    "label": namesyntax.dns_label,
    "subdomain": namesyntax.dns_subdomain,
    "1035": namesyntax.dns_1035_label,
    "key": namesyntax.qualified_name,
    "value": namesyntax.label_value,
    "port": namesyntax.port_name,
    "config": namesyntax.config_key,
}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("label", "a"),
        ("label", "1-a"),
        ("label", "a" * 63),
        ("subdomain", "a.b-c.d"),
        ("1035", "a1"),
        ("key", "app"),
        ("key", "app.kubernetes.io/name"),
        ("key", "A_b.c"),
        ("value", ""),
        ("value", "A_b.c-1"),
        ("port", "http"),
        ("port", "a1-b2"),
        ("config", "file.yaml"),
    ],
)
def test_a_good_name(rule: str, value: str) -> None:
    """Nothing is said about a good name."""
    assert RULES[rule](value) == []


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("label", ""),
        ("label", "A"),
        ("label", "a-"),
        ("label", "a" * 64),
        ("label", "a\n"),
        ("subdomain", "a..b"),
        ("subdomain", "a" * 254),
        ("1035", "1a"),
        ("key", ""),
        ("key", "/a"),
        ("key", "a/b/c"),
        ("key", "A.b/c"),
        ("value", "a b"),
        ("value", "a" * 64),
        ("port", ""),
        ("config", "a/b"),
        ("config", ".."),
    ],
)
def test_a_wrong_name(rule: str, value: str) -> None:
    """Something is said about a wrong one."""
    assert RULES[rule](value)


def test_a_label_with_dots_is_told_so() -> None:
    """A name that would be good elsewhere gets the short complaint."""
    assert namesyntax.dns_label("a.b") == ["must not contain dots"]


def test_the_wording_is_the_api_servers() -> None:
    """Examples and pattern included, stray comma and all."""
    said = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "
        "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    )
    assert namesyntax.dns_label("A") == [said]
