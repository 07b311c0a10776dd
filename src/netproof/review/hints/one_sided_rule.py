"""A rule that lets traffic pass on its side while the other side denies all of it."""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.flow import Direction, Expected
from netproof.model.review import Hint, Severity
from netproof.review.hints.look import Look, rule_name

NAME = "one-sided-rule"

_OTHER = {Direction.INGRESS: "egress of the sources", Direction.EGRESS: "ingress of the targets"}
_SAYS = {Direction.INGRESS: "lets in", Direction.EGRESS: "lets out"}


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each rule whose every flow is denied by the other side."""
    for policy, rule in look.rules():
        became = look.passed.get(f"{policy.key} {rule}")
        if became and set(became) == {Expected.DENIED}:
            other = _OTHER[rule.direction]
            yield Hint(
                NAME,
                Severity.WARNING,
                str(rule.origin),
                rule_name(policy, rule),
                f"{_SAYS[rule.direction]} {became.total()} flows, and the {other} denies every one",
                f"let them pass on the other side too: the {other} needs a rule of its own",
            )
