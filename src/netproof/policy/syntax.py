"""The spelling rules of Kubernetes: names, label keys and values, ports.

Each function returns what is wrong with a text, in the API server's words without its regular
expressions; an empty list means it is well spelt.
Source: k8s.io/apimachinery/pkg/api/validate/content and pkg/util/validation.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", re.ASCII)
_PORT_NAME = re.compile(r"[-a-z0-9]+", re.ASCII)

_ENDS = "and must start and end with an alphanumeric character"


def dns_label(text: str) -> list[str]:
    """Check the name of a namespace (RFC 1123 label)."""
    problems = _too_long(text, 63)
    if not _LABEL.fullmatch(text):
        problems.append(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "
            f"'-', {_ENDS}"
        )
    return problems


def dns_subdomain(text: str) -> list[str]:
    """Check the name of most objects (RFC 1123 subdomain)."""
    problems = _too_long(text, 253)
    if not all(_LABEL.fullmatch(part) for part in text.split(".")):
        problems.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            f"'-' or '.', {_ENDS}"
        )
    return problems


def service_name(text: str) -> list[str]:
    """Check the name of a Service (RFC 1035 label, which newer API servers no longer insist on)."""
    problems = _too_long(text, 63)
    if not _SERVICE.fullmatch(text):
        problems.append(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
            "with an alphabetic character, and end with an alphanumeric character"
        )
    return problems


def label_key(text: str) -> list[str]:
    """Check the key of a label: a name, with a DNS subdomain and a slash before it or not."""
    *prefix, name = text.split("/")
    if len(prefix) > 1:
        return ["a valid label key has at most one '/', after a DNS subdomain"]
    problems = []
    if prefix:
        wrong = dns_subdomain(prefix[0]) if prefix[0] else ["must be non-empty"]
        problems = [f"prefix part {message}" for message in wrong]
    problems += [f"name part {message}" for message in _too_long(name, 63)]
    if not _QUALIFIED.fullmatch(name):
        problems.append(
            f"name part must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"
        )
    return problems


def label_value(text: str) -> list[str]:
    """Check the value of a label; it may be empty."""
    problems = _too_long(text, 63)
    if text and not _QUALIFIED.fullmatch(text):
        problems.append(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', "
            f"'_' or '.', {_ENDS}"
        )
    return problems


def port_number(number: int) -> list[str]:
    """Check a port's number."""
    return [] if 1 <= number <= 65535 else ["must be between 1 and 65535, inclusive"]


def port_name(text: str) -> list[str]:
    """Check a port's name (RFC 6335, in lower case)."""
    problems = _too_long(text, 15)
    if not _PORT_NAME.fullmatch(text):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        number = "; write a port's number without quotes" if text.isdigit() else ""
        problems.append(f"must contain at least one letter (a-z){number}")
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def _too_long(text: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} bytes"] if len(text.encode()) > limit else []
