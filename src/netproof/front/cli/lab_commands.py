"""`netproof lab ...`: the embedded cluster, for use by hand."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import TYPE_CHECKING

from netproof.cluster.lab import LabCluster, end_lab, environment
from netproof.front import output
from netproof.front.options import LAB, declare
from netproof.front.places import lab

if TYPE_CHECKING:
    from netproof.cluster.backend import ClusterRef

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

MAX_PORT = 65535
MAX_AGENTS = 10_000


def _port(text: str) -> int:
    return _whole(text, MAX_PORT, f"a port from 1 to {MAX_PORT}, or 0 for a free one")


def _agents(text: str) -> int:
    return _whole(text, MAX_AGENTS, f"a number of pods from 0 to {MAX_AGENTS}")


def _whole(text: str, most: int, what: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text!r}: write {what}")
    return int(text)


def add(commands: Commands) -> None:
    """Hang `netproof lab` and its actions into the parser."""
    actions = commands.add_parser("lab", help="the embedded cluster").add_subparsers(
        required=True, metavar="ACTION"
    )
    _add_up(actions.add_parser("up", help="start a lab and leave it running"))
    down = actions.add_parser("down", help="end a lab")
    down.add_argument("--name", default="lab", help="which one (default: lab)")
    down.set_defaults(run=_down)
    for name, text in (("preflight", "try what a lab needs"), ("defects", "list the defects")):
        asked = actions.add_parser(name, help=text)
        asked.set_defaults(run=_ask_lab, question=name)


def _add_up(up: argparse.ArgumentParser) -> None:
    up.add_argument("--name", default="lab", help="to tell several labs apart (default: lab)")
    declare(up.add_argument, LAB)
    up.add_argument("--port", type=_port, default=0, help="of the API on 127.0.0.1 (default: free)")
    up.add_argument(
        "--agents", type=_agents, default=0, help="probe pods to deploy (default: none)"
    )
    up.set_defaults(run=_up)


def _up(options: argparse.Namespace) -> int:
    wanted = lab(options, name=options.name, port=options.port, outlive=True)
    cluster = LabCluster(wanted)
    try:
        ref = _started(cluster, options.agents)
        named = "" if options.name == "lab" else f" --name {options.name}"
        output.say(
            f"The lab is up: {options.nodes} nodes, dataplane {ref.dataplane}.",
            f"  use it:  export KUBECONFIG={ref.kubeconfig}",
            f"  end it:  netproof lab down{named}",
        )
        cluster.let_go()
    except BaseException:
        cluster.stop()  # nobody was told of it, so that nobody would end it
        raise
    return 0


def _started(cluster: LabCluster, agents: int) -> ClusterRef:
    """Start a lab, with agents where some are wanted, and return how to reach it."""
    started = cluster.begin()
    # The Kubernetes client takes as long to import as the lab to start; they do it side by side.
    from netproof.run.agent_fleets import deploy_agents

    ref = started()
    if agents:
        deploy_agents(ref, agents)
    return ref


def _down(options: argparse.Namespace) -> int:
    ended = end_lab(options.name)
    output.say(
        f"The lab {options.name} is gone." if ended else f"No lab {options.name} was running."
    )
    return 0


def _ask_lab(options: argparse.Namespace) -> int:
    command = [sys.executable, "-P", "-m", "netlab", options.question]
    shown = subprocess.PIPE if output.fold_at() else None
    ended = subprocess.run(command, env=environment(), check=False, stdout=shown, text=True)
    if ended.stdout:
        output.say(*ended.stdout.splitlines())
    return ended.returncode
