"""The ports of a rule (NetworkPolicyPort).

Source: k8s.io/api/networking/v1/types.go, pkg/apis/networking/validation/validation.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netproof.model.workload import TRANSPORTS, Protocol
from netproof.policy.document import NOWHERE, Origin
from netproof.policy.fields import Field
from netproof.policy.syntax import port_name, port_number


@dataclass(frozen=True, slots=True)
class PortMatch:
    """A port by number, by name (str), a range up to `end_port`, or with None every port.

    `protocol` is after defaulting: TCP where none is written, never all protocols.
    """

    protocol: Protocol = Protocol.TCP
    port: int | str | None = None
    end_port: int | None = None
    origin: Origin = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        if self.port is None:
            return f"every {self.protocol} port"
        last = f"-{self.end_port}" if self.end_port else ""
        return f"{self.port}{last}/{self.protocol}"


def read_port(at: Field) -> PortMatch:
    """Read one entry of `ports` and note what the API server would refuse of it."""
    at.mapping(("protocol", "port", "endPort"))
    port = at.child("port").number_or_text()
    end = at.child("endPort").integer()
    if isinstance(port, str):
        _refuse_all(at.child("port"), port, port_name(port))
    elif port is not None:
        _refuse_all(at.child("port"), port, port_number(port))
    if end is not None:
        _check_end(at.child("endPort"), port, end)
    return PortMatch(read_protocol(at.child("protocol")), port, end, at.origin)


def read_protocol(at: Field) -> Protocol:
    """Read a protocol, TCP where none is written."""
    word = at.text()
    if word is None:
        return Protocol.TCP
    if word not in TRANSPORTS:
        at.unsupported(word, TRANSPORTS)
        return Protocol.TCP
    return Protocol(word)


def _check_end(at: Field, port: int | str | None, end: int) -> None:
    if port is None:
        at.invalid(end, "may not be specified when `port` is not specified")
    elif isinstance(port, str):
        at.invalid(end, "may not be specified when `port` is non-numeric")
    else:
        if end < port:
            at.invalid(end, "must be greater than or equal to `port`")
        _refuse_all(at, end, port_number(end))


def _refuse_all(at: Field, value: object, messages: list[str]) -> None:
    for message in messages:
        at.invalid(value, message)
