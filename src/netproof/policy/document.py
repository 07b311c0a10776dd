"""YAML text -> trees of values that know their line.

Made from PyYAML's events instead of its objects, so that each item has its place, a key that
comes twice is an error, and no anchor can make a small file endless. Knows nothing of Kubernetes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from netproof.errors import PolicyError
from netproof.policy.limits import MAX_DEPTH, MAX_NODES
from netproof.policy.scalars import Scalar, resolve, tagged

_LIBYAML_TOO_DEEP = "exceeded maximum nesting depth"
"""How the libyaml of PyYAML 6.0.4 words it: it reads ahead, so on one line it gives up first."""

_SPLIT = dict.fromkeys(("apiVersion", "kind"), "; is a line `---` missing between two objects?")
"""What may be forgotten where a key comes twice that each object has once."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A file, as it was named by the caller (`-` is standard input), and a line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class RenderedName(str):
    """The name of a text that a tool made of others; `sources` says from which line of which.

    Places in it are `SOURCE, NAME:LINE`: the line is that of the rendered text.
    """

    sources: tuple[tuple[int, str], ...] = ()

    def at(self, line: int) -> str:
        """Return what a line of it is called: after its source, where that is known."""
        place = bisect_right(self.sources, line, key=lambda one: one[0])
        source = self.sources[place - 1][1] if place else ""
        return f"{source}, {self}" if source else str(self)


NOWHERE = Origin("", 0)
"""The place of a value that was made by hand, not read."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value: a mapping of Nodes, a tuple of Nodes or a scalar; `keys` has the keys' lines."""

    value: Mapping[str, Node] | tuple[Node, ...] | Scalar
    origin: Origin
    keys: Mapping[str, Origin] = field(default_factory=dict)

    def having(self, key: str, value: Node) -> Node:
        """Return this mapping with another value of a key, which stands where the value does."""
        assert isinstance(self.value, Mapping)  # noqa: S101 - for the type checker
        keys = {key: value.origin, **self.keys}
        return Node({**self.value, key: value}, self.origin, keys)


def plain(node: Node) -> Any:
    """Return the value without places, as `json.loads` would give it."""
    if isinstance(node.value, Mapping):
        return {key: plain(value) for key, value in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.value]
    return node.value


def read_documents(text: str, name: str) -> tuple[Node, ...]:
    """Return the documents of a YAML or JSON text that are not empty.

    Raises PolicyError with the line where the text is not YAML, repeats a key, contains itself
    or nests too deep.
    """
    if text.lstrip()[:1] == "{":
        # JSON may be indented with tabs, YAML may not; inside JSON strings a tab is illegal.
        text = text.replace("\t", " ")
    try:
        return tuple(node for node in _Composer(text, name).documents() if node.value is not None)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, name) from error


class _Composer:
    """Puts the events of one text together."""

    def __init__(self, text: str, name: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._name = name
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open: set[str] = set()
        self._count = 0

    def documents(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                yield self._node(next(self._events), 0)

    def _node(self, event: Any, depth: int) -> Node:
        origin = self._origin(event)
        self._grow(1, origin)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), origin)
        if depth > MAX_DEPTH:
            raise _too_deep(str(origin))
        before = self._count
        if event.anchor:
            self._open.add(event.anchor)
        node = self._content(event, origin, depth)
        if event.anchor:
            self._open.discard(event.anchor)
            self._anchors[event.anchor] = (node, self._count - before + 1)
        return node

    def _content(self, event: Any, origin: Origin, depth: int) -> Node:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(origin, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(tuple(self._items(depth)), origin)
        return Node(self._scalar(event, origin), origin)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, origin: Origin, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, Origin] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                merged.append(value)
                continue
            name = _key(key)
            if name in values:
                first = keys[name]
                text = f"the key {name!r} was given in {first} already{_SPLIT.get(name, '')}"
                raise PolicyError(str(key.origin), text)
            values[name], keys[name] = value, key.origin
        for node in merged:
            _merge(node, values, keys)
        return Node(values, origin, keys)

    def _scalar(self, event: Any, origin: Origin) -> Scalar:
        if event.tag is None:
            return resolve(event.value) if event.implicit[0] else str(event.value)
        try:
            return tagged(event.tag, event.value)
        except ValueError as error:
            raise PolicyError(str(origin), f"{error}; remove the tag") from error

    def _alias(self, anchor: str, origin: Origin) -> Node:
        if anchor in self._open:
            raise PolicyError(str(origin), f"*{anchor} stands inside of what it refers to")
        if anchor not in self._anchors:
            raise PolicyError(str(origin), f"*{anchor} refers to an anchor that is not there")
        node, size = self._anchors[anchor]
        self._grow(size, origin)
        return node

    def _grow(self, nodes: int, origin: Origin) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            raise PolicyError(
                str(origin), f"holds more than {MAX_NODES} values with its aliases; write it out"
            )

    def _origin(self, event: Any) -> Origin:
        line = event.start_mark.line + 1
        name = self._name.at(line) if isinstance(self._name, RenderedName) else self._name
        return Origin(name, line)


def _key(node: Node) -> str:
    if isinstance(node.value, bool):
        return str(node.value).lower()  # as kubectl: `on:` becomes the key "true"
    if isinstance(node.value, str | int | float):
        return str(node.value)
    raise PolicyError(str(node.origin), "a key must be a word; put it in quotes")


def _merge(node: Node, values: dict[str, Node], keys: dict[str, Origin]) -> None:
    sources = node.value if isinstance(node.value, tuple) else (node,)
    for source in sources:
        if not isinstance(source.value, Mapping):
            raise PolicyError(str(source.origin), "<< merges mappings only")
        for key, value in source.value.items():
            values.setdefault(key, value)
            keys.setdefault(key, source.keys[key])


def _syntax_error(error: yaml.YAMLError, text: str, name: str) -> PolicyError:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return PolicyError(name, f"is not YAML: {error}")
    place = f"{name}:{mark.line + 1}"
    problem = getattr(error, "problem", None) or "cannot be read"
    if problem == _LIBYAML_TOO_DEEP:
        return _too_deep(place)
    context = getattr(error, "context", None)
    what = f"{problem} ({context})" if context else str(problem)
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    tab = "; the line has a tab, indent with spaces" if "\t" in line else ""
    return PolicyError(place, f"is not YAML: {what}{tab}")


def _too_deep(place: str) -> PolicyError:
    return PolicyError(place, f"is nested deeper than {MAX_DEPTH} levels")
