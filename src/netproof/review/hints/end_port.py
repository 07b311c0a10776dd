"""endPort, which needs a CNI that reads it; one that does not applies `port` alone.

Sources: the endPort section of the NetworkPolicy documentation; the CNIs' own code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netproof.model.review import Hint, Severity
from netproof.review.hints.look import Look, rule_name

NAME = "end-port"

IGNORED_BY: Mapping[str, str] = {"weave": "Weave Net", "weave-net": "Weave Net"}


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each range of ports where the CNI ignores it, or none was named."""
    chosen = look.cni.lower()
    if chosen and chosen not in IGNORED_BY:
        return
    ignored = f"{IGNORED_BY[chosen]} ignores endPort" if chosen else "not every CNI reads endPort"
    for policy, rule in look.rules():
        for match in rule.ports:
            if match.end_port is not None and match.end_port != match.port:
                yield Hint(
                    NAME,
                    Severity.ERROR if chosen else Severity.INFO,
                    str(match.origin),
                    rule_name(policy, rule),
                    f"{ignored} (Weave Net does not): the rule is for {match.port} alone there"
                    if not chosen
                    else f"{ignored}: the rule is for {match.port} alone there",
                    "list the ports, or name your CNI: --static --cni NAME",
                )
