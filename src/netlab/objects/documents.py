"""Texts of JSON and YAML, read into JSON values within the limits; pure.

Where Go reads a text otherwise than Python does, it is read as Go does: half of a surrogate pair
becomes U+FFFD, 1:30 in YAML is a string, and a number that no float holds is refused.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml

from netlab.objects.limits import MAX_DEPTH, MAX_VALUES, check_value

_MAX_DIGITS = 400
"""Signs in a number; the largest float has 309 digits."""


class UnreadableText(ValueError):  # noqa: N818 - names what is wrong with the text
    """A text is no JSON or no YAML, or holds what JSON cannot say."""


def parse_json(data: bytes) -> Any:
    """Return the value of a JSON text; raise UnreadableText, or ApiError beyond the limits."""
    try:
        text = data.decode()
        if _HALF.search(text):  # hardly ever, and to look at each escape takes most of the time
            text = _ESCAPE.sub(_without_half_pairs, text)
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise UnreadableText(_reason(error)) from error
    check_value(value)
    return value


def parse_yaml(data: bytes) -> Any:
    """Return the value of a YAML text; raise UnreadableText, or ApiError beyond the limits."""
    try:
        text = data.decode()
        _check_events(text)
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
        check_value(value)
        # Through JSON, so that dates and the like are refused here and not found out later.
        return parse_json(json.dumps(value, allow_nan=False).encode())
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UnreadableText(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"exceeded max depth of {MAX_DEPTH}"
    return str(error)[:1000]


_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)",
    re.DOTALL,
)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_HALF_PAIR = 6
"""Signs in the escape of half of a surrogate pair."""


def _without_half_pairs(match: re.Match[str]) -> str:
    escape = match.group()
    is_half = len(escape) == _HALF_PAIR
    return "\\ufffd" if is_half else escape


def _refuse_constant(name: str) -> None:
    # Python reads and writes NaN and Infinity, which no other JSON reader takes.
    raise ValueError(f"invalid value {name}")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"cannot unmarshal number {text[:40]} into a float64")
    return number


def _check_events(text: str) -> None:
    """Refuse a text that nests too deep or has too much in it, before anything is built of it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ValueError(f"exceeded max depth of {MAX_DEPTH}")
        if count > 2 * MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, with numbers as Go has them and merges that end."""

    _merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge what << names into a mapping; the library does it as often as it is told."""
        super().flatten_mapping(node)
        self._merged += len(node.value)
        if self._merged > MAX_VALUES:
            raise ValueError("document contains excessive aliasing")


def _yaml_number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    text = loader.construct_scalar(node)
    if ":" in text:
        return text
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} signs")
    if node.tag.endswith(":int"):
        return loader.construct_yaml_int(node)
    return loader.construct_yaml_float(node)


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _yaml_number)
