"""The part of `netproof check` that needs a cluster: which one, and what packets show there."""

from __future__ import annotations

import argparse
import sys
import uuid

from netproof.front import options as known
from netproof.front import places
from netproof.front.interruption import sigterm_as_ctrl_c
from netproof.model.check import CheckRecord
from netproof.review.case import Case
from netproof.run import bundle_run
from netproof.run.controller import Controller
from netproof.run.session import RunSession


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where packets are sent."""
    add = parser.add_argument_group("where packets are sent").add_argument
    add("--cluster", default="lab", help="lab (default), existing or kind:CNI")
    known.declare(add, (*known.PLACES, known.REQUIRE_ENFORCEMENT, known.REPORT_DIR))


def with_packets(case: Case, checked: CheckRecord, options: argparse.Namespace) -> CheckRecord:
    """Return the check with what packets show; nothing is left behind, also after SIGTERM."""
    run_id = uuid.uuid4().hex[:8]
    wishes = places.wishes(options, nodes=True)
    controller = Controller(places.backend(options, run_id, _say), run_id, wishes)
    run = RunSession(controller, run_id, options.require_enforcement)
    with sigterm_as_ctrl_c():
        handout = run.start()
        try:
            probed = bundle_run.probe(case, checked.intents, handout, wishes.settings(handout.ref))
            run.take(probed)
        finally:
            run.finish()
    return bundle_run.with_packets(checked, run.evidence(), probed.notes)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
