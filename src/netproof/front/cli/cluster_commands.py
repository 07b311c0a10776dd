"""`netproof doctor`, `rbac` and `clean`: what to do with a cluster that is somebody's."""

from __future__ import annotations

import argparse
import datetime
import math
import uuid
from typing import TYPE_CHECKING

import yaml

from netproof.cluster import owners
from netproof.cluster.access import required
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet import cleanup
from netproof.cluster.kind import containers
from netproof.errors import UsageError
from netproof.front import options, output, places
from netproof.printing import several_lines
from netproof.report.text import counted
from netproof.run import doctor
from netproof.run.scenario import Wishes

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

DOCTOR_CONVERGE_S = 10.0
"""An answer within half a minute: a CNI that takes longer is told from none by the suites."""


def add(commands: Commands) -> None:
    """Hang the commands into the parser."""
    _add_doctor(commands.add_parser("doctor", help="does this cluster enforce NetworkPolicies?"))
    _add_rbac(commands.add_parser("rbac", help="print the ClusterRole that a run needs"))
    _add_clean(commands.add_parser("clean", help="remove what crashed runs left on a cluster"))


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    taken = (*options.EXISTING, *options.PODS, options.REQUIRE_VERIFIED, options.PROBE_TIMEOUT)
    options.declare(parser.add_argument, taken)
    parser.add_argument(
        "--limit",
        type=float,
        default=doctor.LIMIT_S,
        metavar="SECONDS",
        help="for the answer; more where the image has to be pulled (default: %(default)g)",
    )
    parser.set_defaults(run=_doctor)


def _doctor(option: argparse.Namespace) -> int:
    if not 0 < option.limit < math.inf:  # NaN too
        raise UsageError(f"--limit {option.limit:g}: write a number of seconds above 0")
    wishes = Wishes(option.probe_image, option.probe_timeout, DOCTOR_CONVERGE_S)
    run_id = uuid.uuid4().hex[:8]
    where = places.existing(option, command="doctor")
    found = doctor.ask(where, run_id, wishes, limit_s=option.limit)
    output.say(found.text)
    return found.exit_code


def _add_rbac(parser: argparse.ArgumentParser) -> None:
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--user", help="bind the role to this user")
    who.add_argument("--group", help="bind the role to this group")
    who.add_argument("--service-account", help="bind the role to it: NAMESPACE/NAME")
    parser.add_argument(
        "--for",
        dest="command",
        choices=(*required.COMMANDS, required.FROM_CLUSTER, required.DOORS),
        default="",
        help="for one command only, or for test with every door tried (default: all commands)",
    )
    output.add_file(parser)
    parser.set_defaults(run=_rbac)


def _rbac(option: argparse.Namespace) -> int:
    made = required.manifests(_subject(option), required.of(option.command))
    output.put(several_lines(yaml.safe_dump_all(made, sort_keys=False)), option.output)
    return 0


def _subject(option: argparse.Namespace) -> required.Obj | None:
    for kind, name in (("User", option.user), ("Group", option.group)):
        if name:
            return {"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    if not option.service_account:
        return None
    namespace, slash, name = option.service_account.partition("/")
    if not (slash and namespace and name):
        raise UsageError(f"--service-account {option.service_account}: write NAMESPACE/NAME")
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def _add_clean(parser: argparse.ArgumentParser) -> None:
    options.declare(parser.add_argument, options.EXISTING)
    parser.description = owners.__doc__
    parser.add_argument(
        "--older-than",
        type=float,
        default=owners.OLD_S / 3600,
        metavar="HOURS",
        help="age at which things from elsewhere go (default: %(default)g)",
    )
    parser.add_argument("--run", default="", dest="run_id", help="all things of this run")
    parser.add_argument(
        "--containers",
        action="store_true",
        help="only the containers of kind runs on this machine; no cluster is asked",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")
    parser.set_defaults(run=_clean)


def _clean(option: argparse.Namespace) -> int:
    if not option.older_than >= 0:  # NaN too
        raise UsageError(f"--older-than {option.older_than:g}: write a number of hours, from 0 on")
    there = _clean_containers(option)
    if not option.containers:
        there += _clean_cluster(option)
    if option.run_id and option.run_id not in there:
        others = sorted(set(there))
        more = f"; there is something of {', '.join(others)}" if others else ", nor of any other"
        output.say(f"There is nothing of a run {option.run_id} here{more}.")
    return 0


def _clean_containers(option: argparse.Namespace) -> list[str]:
    """Remove the containers that are to go; return the runs that there are containers of."""

    def find(run: str) -> tuple[containers.LeftContainer, ...]:
        return containers.find(older_than_s=option.older_than * 3600, run=run)

    found = find(option.run_id)
    for one in found:
        _tell(one.leftover, dry_run=option.dry_run)
    gone = () if option.dry_run else containers.remove_all(found)
    if found or (option.containers and not option.run_id):
        output.say(f"{len(gone)} of {counted(len(found), 'container')} of netproof removed")
    return [one.leftover.run for one in found or (find("") if option.run_id else ())]


def _tell(leftover: owners.Leftover, *, dry_run: bool) -> None:
    verb = ("would go" if dry_run else "goes") if leftover.goes else "stays"
    output.say(f"{leftover.name} {verb}: {leftover.why}")


def _clean_cluster(option: argparse.Namespace) -> list[str]:
    """Remove the namespaces that are to go; return the runs that there are namespaces of."""
    client = Client(ClusterRef("existing", option.context, option.kubeconfig, option.context))

    def find(run: str) -> tuple[owners.Leftover, ...]:
        now, older_than_s = datetime.datetime.now(datetime.UTC), option.older_than * 3600
        return cleanup.find(client, now=now, older_than_s=older_than_s, run=run)

    try:
        required.check(client, required.of("clean"))
        found = find(option.run_id)
        for leftover in found:
            _tell(leftover, dry_run=option.dry_run)
        gone = () if option.dry_run else cleanup.remove(client, found)
        runs = [one.run for one in found or (find("") if option.run_id else ())]
    finally:
        client.close()
    if found or not option.run_id:
        output.say(f"{len(gone)} of {counted(len(found), 'namespace')} of netproof removed")
    return runs
