"""All hints there are, in the order of their names, and how the comments silence them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from netproof.model.review import Hint, Severity
from netproof.model.value import replace
from netproof.review.hints import (
    block_covers_cluster,
    dns_forgotten,
    end_port,
    no_default_deny,
    one_sided_rule,
    or_where_and,
    own_namespace_only,
    policy_types_default,
    rule_for_itself,
    selects_nothing,
    service_port,
    superfluous_rule,
    unused_rule,
)
from netproof.review.hints.look import Look
from netproof.review.silence import Silences

Finder = Callable[[Look], Iterator[Hint]]

HINTS: Mapping[str, Finder] = {
    module.NAME: module.find
    for module in (
        block_covers_cluster,
        dns_forgotten,
        end_port,
        no_default_deny,
        one_sided_rule,
        or_where_and,
        own_namespace_only,
        policy_types_default,
        rule_for_itself,
        selects_nothing,
        service_port,
        superfluous_rule,
        unused_rule,
    )
}

NAMES = tuple(HINTS)

_ORDER = tuple(Severity)


def find_all(look: Look) -> tuple[Hint, ...]:
    """Return every hint, the most severe first; those that a comment silences carry its reason.

    Raises PolicyError for a comment that silences what is no hint, or says no reason.
    """
    silences = Silences(look.world.mirror.texts, NAMES)
    whole = {policy.key: str(policy.origin) for policy in look.world.policies}
    found = [
        replace(hint, silenced=silences.reason(hint.name, hint.place, whole.get(_policy(hint), "")))
        for find in HINTS.values()
        for hint in find(look)
    ]
    return tuple(sorted(found, key=lambda h: (_ORDER.index(h.severity), _place(h.place), h.name)))


def _policy(hint: Hint) -> str:
    """Return the policy that a hint's subject, a policy or one of its rules, belongs to."""
    return hint.subject.partition(" ")[0]


def _place(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return file, int(line) if line.isdigit() else 0
