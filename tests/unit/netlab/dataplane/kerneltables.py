"""Takes nftables' commands as far as the lab uses them, and knows what tables come of them."""

import re
from typing import Any

from netlab.dataplane.nft import NftError
from netlab.dataplane.rulesets import NftTable

Obj = dict[str, Any]


class KernelTables:
    """Tables by name: their sets, with kind and elements, and their chains.

    Refuses what Linux would: what is there twice or not at all, and an end of what is in use.
    """

    def __init__(self) -> None:
        self.tables: dict[str, Obj] = {}
        self.made = 0
        """How often a table was made from nothing."""

    def meant(self, table: NftTable) -> Obj:
        """Return what a table is in here."""
        chains = {c.name: [*([c.hook + ";"] if c.hook else []), *c.rules] for c in table.chains}
        return {
            "sets": {one.name: (one.kind, set(one.elements)) for one in table.sets},
            "chains": chains,
        }

    def run(self, ruleset: str) -> None:
        """Obey commands in one transaction; raise NftError."""
        before = {name: _copy(table) for name, table in self.tables.items()}
        try:
            lines = iter(ruleset.splitlines())
            for line in lines:
                if line.endswith("{"):
                    self._block(line, lines)
                else:
                    self._command(line)
            for table in self.tables.values():
                _check(table)
        except (KeyError, AssertionError) as error:
            self.tables = before
            raise NftError(f"refused: {error!r}") from error

    def _command(self, line: str) -> None:
        verb, what, _, name, *rest = line.split()
        if what == "table":
            if verb == "add":
                self.tables.setdefault(name, {"sets": {}, "chains": {}})
            else:
                del self.tables[name]
            return
        table = self.tables[name]
        if (verb, what) == ("flush", "chain"):
            hooks = [rule for rule in table["chains"][rest[0]] if " hook " in rule]
            table["chains"][rest[0]] = hooks
        elif what == "chain":
            assert table["chains"].pop(rest[0]) == [], "in use"
        elif what == "element":
            kind, there = table["sets"][rest[0]]
            listed = _elements(line)
            if verb == "add":
                keys = {one.partition(" : ")[0] for one in there}
                assert not keys & {one.partition(" : ")[0] for one in listed}, "exists"
                there |= set(listed)
            else:
                gone = {one for one in there if one.partition(" : ")[0] in listed}
                assert len(gone) == len(listed), "no such element"
                there -= gone
            table["sets"][rest[0]] = kind, there
        else:
            del table["sets"][rest[0]]
            _check(table)

    def _block(self, line: str, lines: Any) -> None:
        name = line.split()[2]
        if not self.tables[name]["chains"] if name in self.tables else True:
            self.made += 1
        table = self.tables.setdefault(name, {"sets": {}, "chains": {}})
        for inner in lines:
            if inner == "}":
                return
            if inner.startswith("chain "):
                rules = table["chains"].setdefault(inner.split()[1], [])
                for rule in lines:
                    if rule == "}":
                        break
                    if rule not in rules[:1] or " hook " not in rule:
                        rules.append(rule)
            else:
                _, called, *_ = inner.split()
                kind = inner.partition("{ type ")[2].partition("; elements")[0].removesuffix("; }")
                assert called not in table["sets"], "exists"
                table["sets"][called] = kind, set(_elements(inner))


def _elements(line: str) -> list[str]:
    _, found, listed = line.rpartition("{ ")
    if "elements" not in line and "element inet" not in line:
        return []
    return listed.split(" }")[0].split(", ") if found else []


def _copy(table: Obj) -> Obj:
    sets = {name: (kind, set(elements)) for name, (kind, elements) in table["sets"].items()}
    return {"sets": sets, "chains": {name: list(rules) for name, rules in table["chains"].items()}}


def _check(table: Obj) -> None:
    """Hold that everything which is named is there."""
    rules = [rule for rules in table["chains"].values() for rule in rules]
    elements = [one for _, listed in table["sets"].values() for one in listed]
    for text in [*rules, *elements]:
        for kind, name in re.findall(r"(?:(goto|jump) |(?:@))([\w.-]+)", text):
            assert name in table["chains" if kind else "sets"], f"{name} is in use"
