"""What a bare word of YAML stands for, in the reading that kubectl gives it.

kubectl turns YAML into JSON with a YAML 1.1 reader (sigs.k8s.io/yaml). PyYAML reads YAML 1.1 too,
but also takes `1:30` for a number and `2024-01-01` for a date, which kubectl does not, and does
not take `y`, `n` and `1e3` for what kubectl does. So the table is written out here.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

TAG = "tag:yaml.org,2002:"

LONGEST = 40
"""The most characters of a number: beyond that it fits no field, and Python limits it as well."""

_WORDS: dict[str, Scalar] = {
    word: value
    for value, words in (
        (True, ("y", "yes", "true", "on")),
        (False, ("n", "no", "false", "off")),
        (None, ("null",)),
    )
    for base in words
    for word in (base, base.capitalize(), base.upper())
}
_WORDS |= {"": None, "~": None}

_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)")
_OCTAL = re.compile(r"[-+]?0[0-7_]*")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}


def resolve(text: str) -> Scalar:
    """Return what an unquoted scalar stands for; text that is nothing else stands for itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) <= LONGEST:
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def tagged(tag: str, text: str) -> Scalar:
    """Return what `!!str`, `!!int` and the like make of a text; raise ValueError if they cannot."""
    if tag in ("!", TAG + "str"):
        return text
    value = resolve(text)
    fits = _TYPES.get(tag.removeprefix(TAG), ())
    if type(value) not in fits:
        raise ValueError(f"the tag {tag} does not fit {text!r} or is not known here")
    return value


def _integer(text: str) -> Scalar:
    octal = _OCTAL.fullmatch(text)
    try:
        return int(text.replace("_", ""), 8 if octal else 0)
    except ValueError:
        return text  # 0x_ and the like: a prefix without digits is a word
