"""The part of `netproof check` that needs a cluster: which one, and what packets show there."""

from __future__ import annotations

import argparse
import signal
import sys
import uuid
from pathlib import Path

from netproof.front import options as places
from netproof.model.check import CheckRecord
from netproof.review.check import Case
from netproof.run import bundles
from netproof.run.controller import Controller
from netproof.run.scenario import Wishes
from netproof.run.session import RunSession


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where packets are sent."""
    add = parser.add_argument_group("where packets are sent").add_argument
    add("--cluster", default="lab", help="lab (default), existing or kind:CNI")
    places.add_places(add)
    add("--require-enforcement", action="store_true", help="fail where nothing is enforced")
    add("--report-dir", type=Path, default=Path("reports"), help="where kind logs are written")


def with_packets(case: Case, checked: CheckRecord, options: argparse.Namespace) -> CheckRecord:
    """Return the check with what packets show; nothing is left behind, also after SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run_id = uuid.uuid4().hex[:8]
    image, patience = options.probe_image, (options.probe_timeout, options.converge_timeout)
    wishes = Wishes(image, *patience, nodes=True)
    controller = Controller(places.backend(options, run_id, _say), run_id, wishes)
    run = RunSession(controller, run_id, options.require_enforcement)
    handout = run.start()
    try:
        probed = bundles.probe(case, checked.intents, handout, wishes.settings(handout.ref))
        run.take(probed)
    finally:
        run.finish()
    return bundles.with_packets(checked, run.evidence(), probed.notes)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
