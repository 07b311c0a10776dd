"""Each fault of the lab is named by what it does to the flows of cases that it fails."""

from __future__ import annotations

import pytest

from netlab.dataplane.planes import DEFECTS
from netproof.expected.misreadings import MISREADINGS
from netproof.model.record import ScenarioRecord
from netproof.verdict.causes import causes
from tests.unit.expected.labreading import play_of, played

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "drops-fragments": ("protocols/udp-only",),
    "drops-large-replies": ("protocols/udp-only",),
    "fragments-have-no-ports": ("protocols/udp-only",),
    "fragments-pass": ("protocols/udp-only",),
    "terminating-pod-is-cut-off": ("endings/terminating-pod",),
    "terminating-pod-is-no-peer": ("endings/terminating-pod",),
    "terminating-pod-is-set-free": ("endings/terminating-pod",),
    "terminating-pod-keeps-old-policies": ("endings/while-terminating",),
    "terminating-pod-loses-its-egress": ("endings/terminating-pod",),
    "terminating-pod-loses-its-ingress": ("endings/terminating-pod",),
    "policy-lost-on-pod-restart": ("generated/ingress-action-target-restarted",),
    "new-pods-escape": ("lifecycle/late",),
    "policy-kept-after-delete": ("additive/rules-do-not-mix",),
    "policy-update-ignored": ("generated/ingress-action-peer-updated",),
    "stale-pod-labels": ("generated/ingress-action-target-relabelled",),
    "stale-namespace-labels": ("generated/ingress-action-namespace-relabelled",),
    "ignores-udp": ("additive/rules-do-not-mix",),
    "ignores-tcp": ("additive/rules-do-not-mix",),
    "forgets-ipv6": ("additive/rules-do-not-mix",),
    "tcp-request-leaks": ("additive/rules-do-not-mix",),
    "udp-request-leaks": ("additive/rules-do-not-mix",),
    "second-syn-passes": ("additive/rules-do-not-mix",),
    "drops-udp-replies": ("additive/stacked",),
    "cluster-ip-bypass": ("isolation/default-deny-all",),
    "world-not-policed": ("egress/deny-egress",),
    "enforces-on-one-node-only": ("additive/stacked",),
    "same-node-not-policed": ("additive/rules-do-not-mix",),
    "cross-node-not-policed": ("additive/rules-do-not-mix",),
    "cross-node-overblocks": ("additive/allow-all-wins",),
    "ignores-egress": ("egress/allow-dns",),
    "ignores-ingress": ("additive/rules-do-not-mix",),
    "ingress-isolates-egress": ("additive/allow-all-wins",),
    "egress-isolates-ingress": ("additive/allow-all-egress-wins",),
    "swaps-directions": ("additive/rules-do-not-mix",),
    "directions-share-rules": ("isolation/ingress-and-egress-among-its-own",),
    "first-rule-only": ("additive/rules-do-not-mix",),
    "first-policy-wins": ("additive/stacked",),
    "crosses-namespaces": ("additive/rules-do-not-mix",),
    "long-name-voids-policy": ("limits/names-at-full-length",),
    "many-ports-void-policy": ("limits/many-ports-egress",),
    "policy-keys-run-together": ("limits/names-run-together",),
    "in-first-value-only": ("additive/stacked",),
    "notin-needs-key": ("generated/ingress-from-namespaces-by-expression-on-tcp-range",),
    "exists-means-empty": ("peers/expressions",),
    "ignores-expressions": ("additive/stacked",),
    "expressions-or": ("peers/expressions",),
    "or-as-and": ("peers/and-or",),
    "and-as-or": ("peers/and-or",),
    "ignores-namespace-selector": ("additive/stacked",),
    "ignores-peer-pod-selector": ("additive/rules-do-not-mix",),
    "pod-selector-any-namespace": ("additive/rules-do-not-mix",),
    "first-peer-only": ("peers/and-or",),
    "empty-from-denies": ("emptiness/from-empty",),
    "ignores-except": ("ipblock/egress-except",),
    "except-bars-other-rules": ("generated/both-ways-blocks-in-one-rule-1",),
    "same-block-last-rule-counts": ("generated/both-ways-blocks-in-two-rules-4",),
    "ipblock-skips-pods": ("ipblock/egress-except",),
    "named-port-on-source": ("ports/name-from-peer",),
    "named-port-opens-all": ("ports/name-from-peer",),
    "named-port-voids-policy": ("ports/name-from-peer",),
    "range-as-first-port": ("ports/port-range",),
    "first-port-only": ("ports/ranges-and-numbers",),
    "empty-ports-denies": ("additive/allow-all-egress-wins",),
    "ignores-ports": ("additive/rules-do-not-mix",),
    "ignores-protocol": ("additive/rules-do-not-mix",),
    "narrowest-block-counts": ("ipblock/blocks-inside-blocks",),
    "ipblock-needs-clean-cidr": ("ipblock/host-bits",),
    "target-by-any-label": ("selectors/target-by-expression",),
    "notin-values-are-alternatives": ("selectors/namespaces-by-name",),
    "selectors-take-the-world": ("egress/selectors-and-the-world",),
}
"""Cases of the suites that a defect fails, as many as tell it from all other faults."""


def _failed(defect: str) -> list[ScenarioRecord]:
    records = [played(play_of(name), defect) for name in SHOWN_BY[defect]]
    return [record for record in records if record is not None]


@pytest.mark.parametrize("defect", SHOWN_BY)
def test_the_first_cause_is_the_defects_own(defect: str) -> None:
    """Of some seventy faults, by what its dataplane compiles for a case or two."""
    failed = _failed(defect)
    assert len(SHOWN_BY[defect]) == len(failed)
    assert defect == causes(failed)[0].fault


def test_nearly_every_defect_is_told() -> None:
    """Without a test are those of addresses that completed pods have left, and of DNS."""
    untold = {"leaks-dns", "deleted-pod-takes-its-address-along"}
    untold |= {name for name in DEFECTS if name.startswith("completed-pod-")}
    assert set(DEFECTS) == untold | set(SHOWN_BY)


def test_a_clean_lab_fails_no_case() -> None:
    """What the harness of this test says of a defect is the defect's doing."""
    assert all(
        played(play_of(name), "") is None for name in ("additive/stacked", "ipblock/host-bits")
    )


def test_what_a_misreading_says_reads_on_in_a_sentence() -> None:
    """It stands behind a colon, and with something to do about it."""
    for one in MISREADINGS:
        assert not one.text.endswith(".")
        assert one.instead
        assert one.text[0] == one.text[0].lower() or one.text.startswith(("UDP", "NotIn", "Exists"))
