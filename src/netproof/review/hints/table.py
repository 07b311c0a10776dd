"""All hints there are, and how comments silence them.

`# netproof: ignore HINT because REASON` leaves a hint as it is, in place and with a reason. A
comment counts for its own line, or, on lines of its own, for the next line that is no comment. On
the first line of an object it counts for all of the object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping

from netproof.errors import PolicyError
from netproof.model.review import Hint, Severity, in_text
from netproof.model.value import replace
from netproof.review.hints import (
    idle_rules,
    missing_policies,
    ports_and_blocks,
    unreached,
    wrong_pods,
)
from netproof.review.hints.context import HintContext

Finder = Callable[[HintContext], Iterator[Hint]]

HINTS: Mapping[str, Finder] = {
    ports_and_blocks.BLOCK_COVERS_CLUSTER: ports_and_blocks.block_covers_cluster,
    ports_and_blocks.CLIENT_ADDRESS: ports_and_blocks.client_address,
    missing_policies.DNS_FORGOTTEN: missing_policies.dns_forgotten,
    ports_and_blocks.DOUBTFUL_BLOCK: ports_and_blocks.doubtful_block,
    missing_policies.EMPTY_LIST: missing_policies.empty_list,
    ports_and_blocks.END_PORT: ports_and_blocks.end_port,
    unreached.HOST_PORT: unreached.host_port,
    wrong_pods.HOST_NETWORK_PEER: wrong_pods.host_network_peer,
    missing_policies.NO_DEFAULT_DENY: missing_policies.no_default_deny,
    idle_rules.ONE_SIDED_RULE: idle_rules.one_sided_rule,
    wrong_pods.OR_WHERE_AND: wrong_pods.or_where_and,
    wrong_pods.OWN_NAMESPACE_ONLY: wrong_pods.own_namespace_only,
    idle_rules.PEERS_UNDONE: idle_rules.peers_undone,
    missing_policies.POLICY_TYPES_DEFAULT: missing_policies.policy_types_default,
    idle_rules.POLICY_WITHOUT_EFFECT: idle_rules.policy_without_effect,
    wrong_pods.RULE_FOR_ITSELF: wrong_pods.rule_for_itself,
    wrong_pods.SELECTS_NOTHING: wrong_pods.selects_nothing,
    ports_and_blocks.SERVICE_ADDRESS: ports_and_blocks.service_address,
    ports_and_blocks.SERVICE_PORT: ports_and_blocks.service_port,
    unreached.SHUT_API_SERVER: unreached.shut_api_server,
    unreached.SHUT_SCRAPE: unreached.shut_scrape,
    unreached.SHUT_SERVICE: unreached.shut_service,
    unreached.SHUT_WEBHOOK: unreached.shut_webhook,
    wrong_pods.SPLIT_RULE: wrong_pods.split_rule,
    idle_rules.SUPERFLUOUS_RULE: idle_rules.superfluous_rule,
    idle_rules.UNUSED_RULE: idle_rules.unused_rule,
}
"""What finds a hint, by the word that silences it."""

NAMES = tuple(HINTS)

_SEVERITIES = tuple(Severity)
_COMMENT = re.compile(r"#\s*netproof\s*:\s*(?P<order>.*)$")
_ORDER = re.compile(r"ignore\s+(?P<name>[a-z-]+)\s+because\s+(?P<reason>\S.*)")


def find_all(context: HintContext) -> tuple[Hint, ...]:
    """Return every hint, the most severe first; those that a comment silences carry its reason.

    Raises PolicyError for a comment that silences what is no hint, or says no reason.
    """
    silences = _Silences(context.reach.mirror.texts)
    whole = {policy.key: str(policy.origin) for policy in context.reach.policies}
    hints = [
        replace(hint, silenced=silences.reason(hint.name, hint.place, whole.get(_policy(hint), "")))
        for find in HINTS.values()
        for hint in find(context)
    ]
    return tuple(sorted(hints, key=_order))


def _order(hint: Hint) -> tuple[int, str, int, str]:
    file, _, line = in_text(hint.place).rpartition(":")
    number = int(line) if line.isdigit() else 0
    return _SEVERITIES.index(hint.severity), file, number, hint.name


def _policy(hint: Hint) -> str:
    """Return the policy that a hint's subject, a policy or one of its rules, belongs to."""
    return hint.subject.partition(" ")[0]


class _Silences:
    """What the comments of some texts silence, by file and line."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Read the comments; raise PolicyError for one that cannot be understood."""
        self._reasons: dict[tuple[str, str], str] = {}
        for file, text in texts.items():
            self._read(file, text.splitlines(), NAMES)

    def reason(self, name: str, *places: str) -> str:
        """Return the reason for which a hint is silenced at one of the places, "" if it is not."""
        reasons = (self._reasons.get((name, in_text(place)), "") for place in places)
        return next(filter(None, reasons), "")

    def _read(self, file: str, lines: list[str], known: Collection[str]) -> None:
        for number, line in enumerate(lines, 1):
            comment = _COMMENT.search(line)
            if not comment:
                continue
            name, reason = _ignored(comment["order"], f"{file}:{number}", known)
            about = number
            if line.lstrip().startswith("#"):
                about = _next(lines, number)
            self._reasons[name, f"{file}:{about}"] = reason


def _ignored(text: str, place: str, known: Collection[str]) -> tuple[str, str]:
    order = _ORDER.fullmatch(text.strip())
    if not order:
        raise PolicyError(place, "write `# netproof: ignore HINT because REASON`")
    if order["name"] not in known:
        raise PolicyError(place, f"there is no hint {order['name']}; there are {', '.join(known)}")
    return order["name"], order["reason"].strip()


def _next(lines: list[str], number: int) -> int:
    """Return the number of the first line after `number` that holds more than a comment."""
    for later, line in enumerate(lines[number:], number + 1):
        if line.strip() and not line.lstrip().startswith("#") and line.strip() != "---":
            return later
    return number
