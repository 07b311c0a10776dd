"""`python -m netlab`: start a lab, check the machine, list the defects."""

import argparse
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from netlab.dataplane.badnetwork import BadNetwork
from netlab.dataplane.compiler import DenyMethod, OpenConnectionFate, PlaneOptions
from netlab.dataplane.planes import PLANES
from netlab.process import lifecycle, preflight
from netlab.process.settings import LabSettings, list_defects
from netlab.process.statedir import Place


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = _parser().parse_args(argv)
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m netlab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(
        commands.add_parser("serve", help="run a lab until the lifeline or a signal ends it")
    )
    stop = commands.add_parser("stop", help="end the lab that lives in a state directory")
    _add_place(stop)
    stop.set_defaults(run=_stop)
    check = commands.add_parser("preflight", help="try what a lab needs of this machine")
    check.set_defaults(run=_preflight)
    defects = commands.add_parser("defects", help="list the deliberate faults a lab can have")
    defects.add_argument("--json", action="store_true", help="as a JSON list")
    defects.set_defaults(run=_defects)
    return parser


def _add_serve(serve: argparse.ArgumentParser) -> None:
    where = serve.add_mutually_exclusive_group()
    where.add_argument("--listen-fd", type=int, metavar="N", help="an inherited listening socket")
    where.add_argument("--port", type=int, default=0, help="of 127.0.0.1; 0 (default): any free")
    serve.add_argument("--nodes", type=int, default=2, help="how many nodes (default: 2)")
    serve.add_argument("--dataplane", default="enforcing", help=f"one of {', '.join(PLANES)}")
    serve.add_argument("--defect", action="append", default=[], metavar="NAME", help="repeatable")
    serve.add_argument(
        "--deny", choices=[d.value for d in DenyMethod], default=DenyMethod.DROP.value
    )
    serve.add_argument(
        "--established",
        choices=[e.value for e in OpenConnectionFate],
        default=OpenConnectionFate.KEPT.value,
    )
    for name, what in _SECONDS.items():
        serve.add_argument(f"--{name}", type=float, default=0.0, metavar="SECONDS", help=what)
    serve.add_argument("--loss", type=float, default=0.0, metavar="SHARE", help="of all packets")
    _add_place(serve)
    serve.add_argument("--ready-fd", type=int, default=1, metavar="N", help="gets one JSON line")
    serve.add_argument("--tell-progress", action="store_true", help="a line more for each step")
    serve.add_argument(
        "--lifeline-fd",
        type=int,
        metavar="N",
        help="a pipe: its end is the lab's, unless a byte comes before",
    )
    serve.set_defaults(run=_serve)


_SECONDS = {
    "delay": "how much longer a round trip takes",
    "jitter": "and by how much that varies, more or less",
    "stall": "how long the API server hangs, at intervals",
}


def _add_place(parser: argparse.ArgumentParser) -> None:
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--state-dir", type=Path, help="made, and removed at the end")
    place.add_argument(
        "--home", type=Path, help="in place of it: where all labs of this user are, by their names"
    )
    parser.add_argument("--name", default="lab", help="of the kubeconfig's context (default: lab)")


def _place(options: argparse.Namespace) -> Place:
    return Place(options.state_dir or options.home / options.name, in_home=bool(options.home))


def _serve(options: argparse.Namespace) -> int:
    how = PlaneOptions(DenyMethod(options.deny), OpenConnectionFate(options.established))
    settings = LabSettings(
        options.name,
        options.nodes,
        options.dataplane,
        tuple(options.defect),
        how,
        BadNetwork(options.delay, options.jitter, options.loss),
        options.stall,
    )
    _raise_file_limit()
    return lifecycle.serve(
        lifecycle.ServeOptions(
            settings=settings,
            place=_place(options),
            ready_fd=options.ready_fd,
            listen_fd=options.listen_fd,
            port=options.port,
            lifeline_fd=options.lifeline_fd,
            tells_progress=options.tell_progress,
        )
    )


def _stop(options: argparse.Namespace) -> int:
    outcome = lifecycle.stop(_place(options))
    _say(json.dumps(outcome))
    return 0 if outcome["ok"] else 1


def _preflight(_: argparse.Namespace) -> int:
    results = preflight.check()
    machine = preflight.KernelSettings.look()
    for result in results:
        if result.passed:
            _say(f"ok        {result.step}")
        elif result.tried:
            remedy = preflight.remedy_for(result.step, result.number, machine)
            _say(f"FAILED    {result.step}: {result.message}\n          remedy: {remedy}")
        else:
            _say(f"untried   {result.step}")
    return 0 if all(result.passed for result in results) else 1


def _defects(options: argparse.Namespace) -> int:
    defects = [asdict(defect) for defect in list_defects()]
    if options.json:
        _say(json.dumps(defects, indent=2))
        return 0
    width = max((len(defect["name"]) for defect in defects), default=0)
    for defect in defects:
        _say(f"{defect['name']:{width}}  {defect['kind']:9}  {defect['summary']}")
    return 0


def _raise_file_limit() -> None:
    """Use all descriptors the user may have: each pod costs several."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _say(text: str) -> None:
    # A reader that has seen enough (`| head`) ends this process without a word, as elsewhere.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.stdout.write(text + os.linesep)


if __name__ == "__main__":
    sys.exit(main())
