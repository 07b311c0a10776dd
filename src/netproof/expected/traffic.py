"""What meets the policies of a pod: the party at the other end, and the packets it exchanges."""

from __future__ import annotations

from dataclasses import dataclass

from netproof.model.workload import Family, Host, HostKind, Pod, Protocol


@dataclass(frozen=True, slots=True)
class Party:
    """The other end of a flow.

    `rewritten` says, as the end of a sentence, why its packets may carry a node's address on
    arrival; it is empty where they carry the party's own.
    """

    who: Pod | Host
    rewritten: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.who.key if isinstance(self.who, Pod) else self.who.name

    @property
    def pod(self) -> Pod | None:
        """The pod it is, if it is one."""
        return self.who if isinstance(self.who, Pod) else None


SOME_NODE = Party(Host(HostKind.NODE, "a node"))
"""A node of which it is not known which one."""


@dataclass(frozen=True, slots=True)
class Packets:
    """What is sent: to a port of the destination as its pod serves it, in one IP family."""

    port: int
    protocol: Protocol
    family: Family

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"
