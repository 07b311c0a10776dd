"""The part of `netproof check` that needs a cluster: which one, and what packets show there."""

from __future__ import annotations

import argparse
import signal
import sys
import uuid
from pathlib import Path

from netproof.front import options as places
from netproof.model.record import CanaryRecord, RunVerdict
from netproof.model.review import CheckRecord
from netproof.model.value import replace
from netproof.review.check import Case
from netproof.run import bundles
from netproof.run.controller import Controller
from netproof.run.scenario import Wishes


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where packets are sent."""
    add = parser.add_argument_group("where packets are sent").add_argument
    add("--cluster", default="lab", help="lab (default), existing or kind:CNI")
    places.add_places(add)
    add("--report-dir", type=Path, default=Path("reports"), help="where kind logs are written")


def with_packets(case: Case, checked: CheckRecord, options: argparse.Namespace) -> CheckRecord:
    """Return the check with what packets show; nothing is left behind, also after SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run_id = uuid.uuid4().hex[:8]
    image, patience = options.probe_image, (options.probe_timeout, options.converge_timeout)
    wishes = Wishes(image, *patience, nodes=True)
    controller = Controller(places.backend(options, run_id, _say), run_id, wishes)
    try:
        handout, canary, _ = controller.start()
        record = bundles.with_packets(case, checked, handout, wishes.settings(handout.ref))
    finally:
        controller.stop()
    return _unless_unenforced(record, canary)


def _unless_unenforced(record: CheckRecord, canary: CanaryRecord) -> CheckRecord:
    """Say once that nothing is enforced, instead of every flow that follows from it."""
    if canary.enforces is not False or record.packets is None:
        return record
    told = replace(
        record.packets, verdict=str(RunVerdict.NOT_ENFORCED), sentence=canary.text, findings=()
    )
    return replace(record, packets=told)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
