"""Looking for a bundle on which the cluster does something else than is expected, and shrinking it.

Hypothesis makes the bundles and shrinks; what differs is for the worker and the verdict to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample

from netproof.front.plugin.cases import with_addresses
from netproof.model import flows
from netproof.model.flow import Flow
from netproof.model.record import RunVerdict
from netproof.model.workload import Topology
from netproof.policy import Bundle, load_text
from netproof.run.changes import MOST_GRACE_S, Terminate
from netproof.run.worker import Worker
from netproof.suites.fuzz.strategies import bundles
from netproof.suites.generated.case import dump

Obj = dict[str, Any]
Bundled = tuple[Obj, ...]

IP_BLOCKS = "fuzz/ip-blocks"
"""Where a known gap names it, random bundles have no ipBlock: it would hide all else."""

KEPT_FLOWS = 12
"""Of the flows that differ, so many are looked at while a bundle is shrunk."""


ENDING = Terminate("production/web")
"""Policies mean for a pod that terminates what they mean for any other, so one always does."""

RENEWED_S = MOST_GRACE_S / 2
"""It is made anew after so long: as long again is left for what was begun before."""


class Hunt:
    """Tries bundles until one differs, then smaller ones on the flows that did.

    `policies` counts what was tried before anything differed.
    """

    def __init__(self, worker: Worker) -> None:
        """Keep the worker; nothing is tried yet."""
        self._worker = worker
        self._blocks = not any(gap.concerns(IP_BLOCKS) for gap in worker.client.ref.gaps)
        self._fragments = not worker.why_no_fragments()
        self._flows: tuple[Flow, ...] = tuple(self.all_flows(worker.topology))
        self._found = False
        self._ending, self._since = ExitStack(), -RENEWED_S
        self.policies = 0

    def all_flows(self, topology: Topology) -> Iterator[Flow]:
        """Yield what is tried of each bundle: every port, and by UDP large datagrams as well."""
        yield from flows.pod_flows(topology)
        if self._fragments:
            yield from flows.fragment_flows(topology)

    def run(self, seed: int, examples: int) -> Bundled | None:
        """Return the smallest bundle found that differs, None where none of the examples does.

        Raises ClusterError where the pod that terminates is gone before its grace is over.
        """
        with self._ending:
            return self._smallest(seed, examples)

    def _smallest(self, seed: int, examples: int) -> Bundled | None:
        try:
            found = find(
                bundles(blocks=self._blocks),
                self._differs,
                settings=settings(
                    max_examples=examples,
                    database=None,
                    deadline=None,
                    phases=(Phase.generate, Phase.shrink),
                    suppress_health_check=list(HealthCheck),
                ),
                random=Random(seed),  # noqa: S311 - chooses policies, guards nothing
            )
        except NoSuchExample:
            return None
        return fewest(found, self._differs)

    def _differs(self, policies: Bundled) -> bool:
        if not self._found:
            self.policies += len(policies)
        self._have_one_terminate()
        step = self._worker.trial(self.read(dump(policies)), self._flows).record
        if step.verdict is not RunVerdict.FAIL:
            return False
        self._worker.fleet.see_terminating()
        if not self._found:
            self._found = True
            self._flows = tuple(finding.flow for finding in step.findings[:KEPT_FLOWS])
        return True

    def _have_one_terminate(self) -> None:
        now = time.monotonic()
        if now - self._since >= RENEWED_S:
            self._ending.close()
            self._ending.enter_context(self._worker.with_changes(ENDING))
            self._since = now

    def read(self, text: str) -> Bundle:
        """Return a bundle from its text, with the addresses of this cluster's pods."""
        return load_text(with_addresses(text, self._worker.topology), "<fuzz>")


def fewest(policies: Bundled, differs: Callable[[Bundled], bool]) -> Bundled:
    """Leave policies out, one at a time, for as long as the others still differ.

    Hypothesis ends its shrinking after five minutes, which are few attempts on a cluster.
    """
    for left_out in policies:
        others = tuple(policy for policy in policies if policy is not left_out)
        if others and differs(others):
            return fewest(others, differs)
    return policies
