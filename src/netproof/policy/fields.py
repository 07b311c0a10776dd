"""Reading a manifest's fields by path, and collecting what is wrong with them.

A Field is a value together with its path (`spec.ingress[0].from`) and its place. A reader asks
for what it needs; a value of the wrong type is noted as a problem and read as if it were absent,
so that one pass finds all problems of an object. Wording and paths are those of the API server
(k8s.io/apimachinery/pkg/util/validation/field); what to do about it is ours.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from netproof.policy.document import Node, Origin
from netproof.policy.scalars import Scalar

ECHO = 80
"""How much of a refused value a message repeats: enough to find it, short enough for one line."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that the API server would refuse."""

    origin: Origin
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


@dataclass(frozen=True, slots=True)
class Field:
    """A value with its path; `node` is None where nothing was written, `origin` is then nearby."""

    node: Node | None
    origin: Origin
    problems: list[Problem]
    path: str = ""

    @classmethod
    def root(cls, node: Node) -> Field:
        """Return the field that a whole object is, with no problems yet."""
        return cls(node, node.origin, [])

    @property
    def present(self) -> bool:
        """Tell whether there is a value; `null` is none, as it is to the API server."""
        return self.node is not None and self.node.value is not None

    def child(self, name: str) -> Field:
        """Return a field of this mapping, absent where this is no mapping or has no such key."""
        path = f"{self.path}.{name}" if self.path else name
        if self.node is None or not isinstance(self.node.value, Mapping):
            return Field(None, self.origin, self.problems, path)
        node = self.node.value.get(name)
        origin = self.node.keys.get(name, self.origin)
        return Field(node, node.origin if node else origin, self.problems, path)

    def mapping(self, known: Collection[str] = ()) -> Field:
        """Note a problem unless this is a mapping, with no keys but the known ones if any given."""
        if self.present and not isinstance(self._value, Mapping):
            self._wrong_type("a mapping")
        elif known and self.node is not None and isinstance(self.node.value, Mapping):
            for key in self.node.value:
                if key not in known:
                    self._unknown(key, known)
        return self

    def items(self) -> list[Field]:
        """Return the items of a list; none for anything else."""
        if not self.present:
            return []
        value = self._value
        if not isinstance(value, tuple):
            self._wrong_type("a list")
            return []
        return [
            Field(node, node.origin, self.problems, f"{self.path}[{i}]")
            for i, node in enumerate(value)
        ]

    def text(self) -> str | None:
        """Return the string, or None where there is none."""
        if not self.present:
            return None
        if isinstance(self._value, str):
            return self._value
        self._wrong_type("a string")
        return None

    def integer(self) -> int | None:
        """Return the whole number, or None where there is none; 80.0 is 80, as it is in JSON."""
        if not self.present:
            return None
        value = self._value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self._wrong_type("a whole number")
        return None

    def number_or_text(self) -> int | str | None:
        """Return what an IntOrString holds, or None where there is none."""
        return self.text() if isinstance(self._value, str) else self.integer()

    def boolean(self) -> bool:
        """Return the truth value, False where there is none."""
        if self.present and not isinstance(self._value, bool):
            self._wrong_type("true or false")
        return self._value is True

    def texts(self) -> dict[str, str]:
        """Return a mapping of strings; `null` for a value is the empty string, as in JSON."""
        self.mapping()
        if self.node is None or not isinstance(self.node.value, Mapping):
            return {}
        return {key: self.child(key).text() or "" for key in self.node.value}

    def required(self, detail: str = "") -> None:
        """Note that a value is missing."""
        self.note("Required value", detail)

    def forbidden(self, detail: str) -> None:
        """Note that a value must not be here."""
        self.note("Forbidden", detail)

    def invalid(self, value: object, detail: str) -> None:
        """Note that a value is not acceptable, and why."""
        self.note(f"Invalid value: {_echo(value)}", detail)

    def duplicate(self, value: object) -> None:
        """Note that a value is given a second time where each may be given once."""
        self.note(f"Duplicate value: {_echo(value)}", "")

    def unsupported(self, value: object, supported: Collection[str]) -> None:
        """Note that a value is none of those there are."""
        listed = ", ".join(_echo(word) for word in sorted(supported))
        hint = _like(str(value), supported)
        self.note(f"Unsupported value: {_echo(value)}", f"supported values: {listed}{hint}")

    def note(self, problem: str, detail: str) -> None:
        """Add a problem of this field."""
        text = f"{problem}: {detail}" if detail else problem
        self.problems.append(Problem(self.origin, self.path, text))

    @property
    def _value(self) -> Mapping[str, Node] | tuple[Node, ...] | Scalar:
        return self.node.value if self.node else None

    def _unknown(self, key: str, known: Collection[str]) -> None:
        assert self.node is not None  # noqa: S101 - for the type checker; `mapping` looked
        path = f"{self.path}.{key}" if self.path else key
        hint = _like(key, known) or f"; there are {', '.join(known)}"
        self.problems.append(Problem(self.node.keys[key], path, f"unknown field{hint}"))

    def _wrong_type(self, wanted: str) -> None:
        value = self._value
        if isinstance(value, Mapping | tuple):
            given = "a list" if isinstance(value, tuple) else "a mapping"
        else:
            given = _echo(value)
        quotes = ""
        if wanted == "a string" and isinstance(value, int | float):
            quotes = "; put it in quotes"
        self.note("Invalid value", f"must be {wanted}, not {given}{quotes}")


def _like(word: str, known: Collection[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def _echo(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= ECHO else text[:ECHO] + "..."
