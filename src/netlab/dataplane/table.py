"""An nftables table as a value, and its text. Knows nftables' syntax and nothing of policies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; `hook` is its `type ... hook ...` line where packets enter by themselves."""

    name: str
    rules: tuple[str, ...]
    hook: str = ""


@dataclass(frozen=True, slots=True)
class Set:
    """A named set, or with `map` in its `kind` a map."""

    name: str
    kind: str
    elements: tuple[str, ...]

    @property
    def opening(self) -> str:
        keyword = "map" if " : " in self.kind else "set"
        return f"{keyword} {self.name} {{ type {self.kind};"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the inet family."""

    name: str
    sets: tuple[Set, ...] = ()
    chains: tuple[Chain, ...] = ()

    def replacement(self) -> str:
        """Return commands that replace whatever the table holds now, in one transaction."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        # "add" first: deleting a table that is not there is an error.
        yield f"add table inet {self.name}"
        yield f"delete table inet {self.name}"
        yield f"table inet {self.name} {{"
        for one in self.sets:
            elements = f" elements = {{ {', '.join(one.elements)} }}" if one.elements else ""
            yield f"{one.opening}{elements} }}"
        for chain in self.chains:
            yield from _chain_lines(chain)
        yield "}"


def _chain_lines(chain: Chain) -> Iterator[str]:
    yield f"chain {chain.name} {{"
    if chain.hook:
        yield f"{chain.hook};"
    yield from chain.rules
    yield "}"


@dataclass(slots=True)
class Sets:
    """Collects the named sets of a table; the same content twice is one set."""

    _names: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def name(self, kind: str, elements: Sequence[str]) -> str:
        """Return a reference (`@name`) to a set with these elements."""
        key = (kind, tuple(elements))
        return "@" + self._names.setdefault(key, f"s{len(self._names)}")

    def all(self) -> tuple[Set, ...]:
        """Return the sets in the order in which they were first asked for."""
        return tuple(Set(name, kind, elements) for (kind, elements), name in self._names.items())
