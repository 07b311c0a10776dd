"""Putting tables in force: in one transaction where it fits, else in stages.

Without the capability in the first user namespace the kernel's socket buffer limits a transaction
(net.core.wmem_max). A table without base chains has no effect, so a large one is built piece by
piece beside the one in force; the last, small transaction gives it its base chains and deletes
the other. Either way no packet sees half a table. Must not know: what a table is for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from netlab.dataplane.nft import TransactionTooLargeError
from netlab.dataplane.table import Chain, Set, Table

_SPARE = "_spare"
# Characters of text per stage. A rule takes about five times its text on the wire, so this stays
# below 212,992 bytes, the smallest default limit of the kernel.
_STAGE = 6_000
_ELEMENTS = 200  # of a set, per command


class Commands(Protocol):
    """What takes nftables commands: `nft.Nft`."""

    def run(self, ruleset: str) -> object:
        """Apply commands in one transaction; raise NftError."""


class Loader:
    """Puts tables in force in one namespace, and knows which are."""

    def __init__(self, nft: Commands) -> None:
        self._nft = nft
        self._in_force: dict[str, Table] = {}
        self._spares: set[str] = set()

    def load(self, table: Table) -> bool:
        """Put a table in force in place of the one before; tell whether it was another one.

        Raises NftError; the one before is in force then.
        """
        if self._in_force.get(table.name) == table:
            return False
        try:
            self._nft.run(_removal(table.name + _SPARE) + table.replacement())
            self._spares.discard(table.name)
        except TransactionTooLargeError:
            self._load_in_stages(table)
        self._in_force[table.name] = table
        return True

    def _load_in_stages(self, table: Table) -> None:
        old, new = table.name, table.name + _SPARE
        if table.name in self._spares:
            old, new = new, old
        for stage in stages(replace(table, name=new), instead_of=old):
            self._nft.run(stage)
        self._spares ^= {table.name}


def stages(table: Table, *, instead_of: str) -> Iterator[str]:
    """Return the transactions that build a table and then put it in another one's place."""
    yield from _packed(_building(table))
    bases = [chain for chain in table.chains if chain.hook]
    last = [f"add chain inet {table.name} {c.name} {{ {c.hook}; }}\n" for c in bases]
    last += [command for chain in bases for command in _rules(table, chain)]
    yield "".join(last) + _removal(instead_of)


def _building(table: Table) -> Iterator[str]:
    """Yield commands that make everything but the base chains, in an order that is possible."""
    yield _removal(table.name) + f"add table inet {table.name}\n"
    plain = [chain for chain in table.chains if not chain.hook]
    for chain in plain:
        yield f"add chain inet {table.name} {chain.name}\n"
    for one in table.sets:
        yield f"table inet {table.name} {{\n{one.opening} }}\n}}\n"
        yield from _elements(table, one)
    for chain in plain:
        yield from _rules(table, chain)


def _elements(table: Table, one: Set) -> Iterator[str]:
    for start in range(0, len(one.elements), _ELEMENTS):
        listed = ", ".join(one.elements[start : start + _ELEMENTS])
        yield f"add element inet {table.name} {one.name} {{ {listed} }}\n"


def _rules(table: Table, chain: Chain) -> Iterator[str]:
    return (f"add rule inet {table.name} {chain.name} {rule}\n" for rule in chain.rules)


def _removal(name: str) -> str:
    """Return commands that delete a table that may not be there."""
    return f"add table inet {name}\ndelete table inet {name}\n"


def _packed(commands: Iterable[str]) -> Iterator[str]:
    """Join commands to transactions of about the size of a stage."""
    together = ""
    for command in commands:
        if together and len(together) + len(command) > _STAGE:
            yield together
            together = ""
        together += command
    if together:
        yield together
