"""The syntax of names: each function returns the complaints about a string, [] where it is good.

Source: k8s.io/apimachinery pkg/util/validation.
"""

from __future__ import annotations

import re

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"

_ALPHANUMERIC = "must start and end with an alphanumeric character"
_ENDS = "and " + _ALPHANUMERIC


def dns_label(value: str) -> list[str]:
    """Check an RFC 1123 label: names of namespaces, containers, volumes."""
    complaints = _length(value, 63)
    if not re.fullmatch(_LABEL, value):
        if re.fullmatch(_SUBDOMAIN, value):
            return [*complaints, "must not contain dots"]
        rule = (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
            + _ENDS
        )
        complaints.append(_regex(rule, _LABEL, "my-name", "123-abc"))
    return complaints


def dns_subdomain(value: str) -> list[str]:
    """Check an RFC 1123 subdomain: names of most objects."""
    complaints = _length(value, 253)
    if not re.fullmatch(_SUBDOMAIN, value):
        rule = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            f"'-' or '.', {_ENDS}"
        )
        complaints.append(_regex(rule, _SUBDOMAIN, "example.com"))
    return complaints


def dns_1035_label(value: str) -> list[str]:
    """Check an RFC 1035 label: names of services."""
    complaints = _length(value, 63)
    if not re.fullmatch(_LABEL_1035, value):
        rule = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
            "with an alphabetic character, and end with an alphanumeric character"
        )
        complaints.append(_regex(rule, _LABEL_1035, "my-name", "abc-123"))
    return complaints


def qualified_name(value: str) -> list[str]:
    """Check a label or annotation key: an optional DNS prefix, a slash, a name."""
    complaints: list[str] = []
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        return [_qualified_rule() + _WITH_PREFIX]
    if slash:
        if not prefix:
            complaints.append("prefix part must be non-empty")
        else:
            complaints += [f"prefix part {complaint}" for complaint in dns_subdomain(prefix)]
    if not name:
        complaints.append("name part must be non-empty")
    complaints += [f"name part {complaint}" for complaint in _length(name, 63)]
    if not re.fullmatch(_QUALIFIED, name):
        complaints.append(f"name part {_qualified_rule()}")
    return complaints


_WITH_PREFIX = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"


def label_value(value: str) -> list[str]:
    """Check a label's value."""
    complaints = _length(value, 63)
    if not re.fullmatch(_LABEL_VALUE, value):
        rule = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "
            f"or '.', {_ENDS}"
        )
        complaints.append(_regex(rule, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return complaints


def port_name(value: str) -> list[str]:
    """Check an IANA service name: names of container ports."""
    complaints = _length(value, 15)
    if not re.fullmatch("[-a-z0-9]+", value):
        complaints.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        complaints.append("must contain at least one letter (a-z)")
    if "--" in value:
        complaints.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        complaints.append("must not begin or end with a hyphen")
    return complaints


def config_key(value: str) -> list[str]:
    """Check a key of a ConfigMap."""
    complaints = _length(value, 253)
    if not re.fullmatch(_CONFIG_KEY, value):
        rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        complaints.append(_regex(rule, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value in {".", ".."} or value.startswith("../"):
        complaints.append(
            f"must not be '{value}'" if value in {".", ".."} else "must not start with '..'"
        )
    return complaints


def path_segment(value: str) -> list[str]:
    """Check a name that only has to fit in a URL: names of roles and bindings."""
    if value in {".", ".."}:
        return [f"may not be '{value}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in value]


def _qualified_rule() -> str:
    rule = f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"
    return _regex(rule, _QUALIFIED, "MyName", "my.name", "123-abc")


def _length(value: str, limit: int) -> list[str]:
    return [] if len(value.encode()) <= limit else [f"must be no more than {limit} bytes"]


def _regex(rule: str, pattern: str, *examples: str) -> str:
    # The stray blanks and commas are the API server's.
    listed = " or ".join(f"'{example}', " for example in examples)
    return f"{rule} (e.g. {listed}regex used for validation is '{pattern}')"
