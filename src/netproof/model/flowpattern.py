"""Naming some of the flows there are in one line, as a person states what must hold of them.

A statement such as `staging/* -> production/api:5432/TCP` names flows by pattern. Port, protocol,
family and path may be left out, and then any will do, but a path on which another address is
dialled has to be named: `web -> service shop/api:80 by cluster-ip`. No line names flows of ICMP, of
which nothing can be stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from netproof.errors import UsageError
from netproof.model.flow import DIRECT, Flow, Path
from netproof.model.flows import is_self
from netproof.model.value import Value
from netproof.model.workload import TRANSPORTS, Family, Protocol

_STATEMENT = re.compile(
    r"^\s*(?P<source>(node )?\S+)\s*->\s*(?P<destination>((service|node) )?[^\s:]+)"
    r"(:(?P<port>\d+|\*)(/(?P<protocol>TCP|UDP|SCTP))?)?"
    r"(\s+(?P<family>IPv4|IPv6))?(\s+by (?P<path>[a-z-]+))?\s*$"
)


class FlowPattern(Value):
    """The flows that one line names; None, "" and "*" stand for any.

    Without a path the ends' own addresses are meant.
    """

    text: str
    source: str
    destination: str
    port: str
    protocol: Protocol | None
    family: Family | None
    path: Path | None

    def matches(self, flow: Flow) -> bool:
        """Tell whether the line names this flow."""
        return (
            fnmatchcase(str(flow.source), self.source)
            and fnmatchcase(str(flow.destination), self.destination)
            and self.port in ("", "*", str(flow.port))
            and flow.protocol in ((self.protocol,) if self.protocol else TRANSPORTS)
            and self.family in (None, flow.family)
            and flow.path in ((self.path,) if self.path else DIRECT)
        )

    def select(self, flows: Iterable[Flow]) -> Sequence[Flow]:
        """Return the flows that the line names, a pod's flows to itself left out.

        Raises UsageError where there is none: a statement about nothing could never fail.
        """
        named = [flow for flow in flows if self.matches(flow) and not is_self(flow)]
        if not named:
            raise UsageError(f"no flow of this scenario matches {self.text!r}")
        return named


def parse_pattern(text: str) -> FlowPattern:
    """Read `source -> destination[:port[/protocol]] [family] [by path]`; raise UsageError else."""
    match = _STATEMENT.match(text)
    if not match or (match["path"] and match["path"] not in set(Path)):
        raise UsageError(
            f"{text!r} names no flows; write `namespace/pod -> namespace/pod:port/protocol`, "
            "with * where any will do"
        )
    port, protocol, family, path = match.group("port", "protocol", "family", "path")
    return FlowPattern(
        text.strip(),
        match["source"],
        match["destination"],
        port or "",
        Protocol(protocol) if protocol else None,
        Family(family) if family else None,
        Path(path) if path else None,
    )
