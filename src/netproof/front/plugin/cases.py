"""What the fixtures do for a case: read bundles, play scenarios, try doors, keep what was seen.

The fixtures themselves are in the package `netproof.fixtures`, which pytest loads in every project;
this module comes with the first case that asks for one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pytest

from netproof.bypass.trial import ActingUser, Isolated, try_door
from netproof.cluster.access import holders, required
from netproof.errors import ClusterError, NotReusedError, UnreachableError, UsageError
from netproof.front.plugin import outcomes, rerun
from netproof.front.plugin.configuration import HANDOUT
from netproof.front.plugin.evidence import DOORS, NOTES, RECORDS
from netproof.front.statements import statements_of
from netproof.model import flows as flow_sources
from netproof.model.doors import Door, DoorResult, Stance
from netproof.model.record import RunVerdict, ScenarioRecord
from netproof.model.value import replace
from netproof.model.workload import Family, Topology
from netproof.policy import Bundle, load_text
from netproof.printing import one_line
from netproof.report.run import terminal
from netproof.run.changes import Change
from netproof.run.scenario import After, FlowSource, Scenario, stated
from netproof.run.worker import Worker
from netproof.verdict import contradiction, follows_from_no_enforcement

POSTGRES = "production/postgres"
"""A pod of the fleet, and the Service before it, that no door may reach by default."""

_ADDRESS = re.compile(r"\$\{(IPv4|IPv6)(/\d+)? (of|beside) ([^}]+)\}")

NOWHERE = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}
"""Addresses of documentation (RFC 5737, RFC 3849), which stand for those that a host has not."""


class Player:
    """Plays scenarios for one test, which fails unless all is as it must be."""

    def __init__(self, worker: Worker, test: pytest.Item) -> None:
        """Keep the means."""
        self._worker = worker
        self._test = test

    def __call__(self, scenario: Scenario, *, options: Sequence[str] = ()) -> ScenarioRecord:
        """Run a scenario and put it on record; skip the test where it cannot be tried here."""
        try:
            judged = self._worker.run(scenario).record
        except NotReusedError as error:
            outcomes.skip(str(error))
        case = f"{self._test.path.parent.name}/{self._test.name.partition('[')[0]}"
        record = replace(
            judged,
            repeat=rerun.command(self._test, options),
            statements=statements_of(self._test.path.parent.parent, case, judged.id),
        )
        self._test.stash.setdefault(RECORDS, []).append(record)
        if record.known_gap:
            outcomes.xfail(record.known_gap)
        if record.gap_gone:
            outcomes.fail(one_line(record.gap_gone))
        unenforced = record.verdict is RunVerdict.FAIL and self._is_unenforced()
        if unenforced and follows_from_no_enforcement(record):
            outcomes.skip(outcomes.UNENFORCED)
        if record.verdict is not RunVerdict.PASS:
            outcomes.fail(terminal.brief(record))
        return record

    def _is_unenforced(self) -> bool:
        handout = self._test.config.stash.get(HANDOUT, None)
        return handout is not None and handout.enforces is False


class BundleReader:
    """Reads bundles that lie beside one test."""

    def __init__(self, worker: Worker, test: Path) -> None:
        """Keep the means; `test` is the test's file."""
        self._worker = worker
        self._test = test

    def __call__(self, name: str) -> Bundle:
        """Return the bundle of a name, with the addresses of this cluster's pods."""
        path = bundle_file(self._test, name)
        text = path.read_text(encoding="utf-8")
        return load_text(with_addresses(text, self._worker.topology), str(near(path)))


class Enforcer:
    """Puts bundles into force for one test, and plays what follows."""

    def __init__(
        self,
        play: Callable[[Scenario], ScenarioRecord],
        read: Callable[[str], Bundle],
        request: pytest.FixtureRequest,
    ) -> None:
        """Keep the means."""
        self._play = play
        self._read = read
        self._request = request

    def __call__(
        self,
        bundle: str | Bundle = "",
        *,
        allowed: Sequence[str] = (),
        denied: Sequence[str] = (),
        flows: FlowSource = flow_sources.mixed_flows,
        then: Sequence[After] = (),
        given: Sequence[Change] = (),
        name: str = "",
    ) -> ScenarioRecord:
        """Make a scenario of all that is said, and play it."""
        file = bundle if isinstance(bundle, str) else ""
        read = (self._read(file) if file else Bundle()) if isinstance(bundle, str) else bundle
        scenario = Scenario(
            id=self._id(name or file),
            title=self._title(),
            bundle=read,
            source=str(near(bundle_file(self._request.path, file))) if file else "",
            flows=flows,
            statements=stated(allowed, denied),
            then=then,
            given=given,
        )
        return self._play(scenario)

    def _id(self, bundle: str) -> str:
        theme, test = self._request.path.parent.name, self._request.node.name
        return f"{theme}/{bundle or test.removeprefix('test_').replace('_', '-')}"

    def _title(self) -> str:
        doc = self._request.function.__doc__ or self._request.node.name
        return str(doc).strip().splitlines()[0]


Judge = Callable[[DoorResult], str]
"""Says what is wrong with a result, "" where nothing is."""


class DoorTrier:
    """Tries doors of a pod that default-deny-all isolates, for one test."""

    def __init__(
        self,
        worker: Worker,
        read: Callable[[str], Bundle],
        test: pytest.Item,
        stance: str,
    ) -> None:
        """Keep the means; `stance` is what the command line says must be, "" where nothing."""
        self._worker = worker
        self._read = read
        self._test = test
        self._stance = Stance(stance or worker.client.ref.stance)

    def __call__(
        self,
        door: Door,
        *given: Change,
        pod: str = POSTGRES,
        service: str = POSTGRES,
        user: ActingUser | None = None,
        judge: Judge | None = None,
    ) -> tuple[DoorResult, ...]:
        """Try a door, put it on record, fail where it is not as it must be."""
        if user is None:
            self._note_missing_keys(door)
        isolated = Isolated(pod, service, self._read("default-deny-all"))
        fault = judge or (lambda one: contradiction(one, self._stance))
        seen = try_door(
            self._worker,
            door,
            isolated,
            lambda pods: self._worker.with_pods(pods, *given),
            user,
        )
        results = tuple(replace(one, fault=fault(one)) for one in seen)
        self._test.stash.setdefault(DOORS, []).extend(results)
        if any(one.fault for one in results):
            outcomes.fail(one_line("; ".join(one.fault for one in results if one.fault)))
        return results

    def _note_missing_keys(self, door: Door) -> None:
        """Say where the run's own user has no key: such a door is closed to it, and no more."""
        for lacking in required.missing(self._worker.client, required.keys_of(door)):
            note = f"the door {door!s} is closed to the user of this run, who lacks {lacking}"
            self._test.stash.setdefault(NOTES, []).append(note)


class AccountMaker:
    """Makes service accounts with some rights, in the namespace of one worker's production."""

    def __init__(self, worker: Worker, test: pytest.Item) -> None:
        """Keep the means; nothing is made yet."""
        self._worker = worker
        self._test = test
        self._holders: list[holders.Holder] = []

    def __call__(self, *rights: tuple[str, str]) -> ActingUser:
        """Make an account; skip the test where that is not allowed, which is asked before."""
        client, namespace = self._worker.client, self._worker.naming.namespace("production")
        lacking = holders.lacking(client, namespace, rights)
        if lacking:
            outcomes.skip(f"doors are not tried as somebody else: missing {'; '.join(lacking)}")
        try:
            holder = holders.make_holder(client, namespace, f"door-{len(self._holders)}", rights)
        except UnreachableError:
            raise
        except ClusterError as error:
            outcomes.skip(f"doors are not tried as somebody else: {error}")
        self._holders.append(holder)
        listed = ", ".join(f"{verb} {resource}" for verb, resource in rights)
        return ActingUser(
            holder.ref, f"a user who may {listed}" if listed else "a user without rights on it"
        )

    def remove(self) -> None:
        """Remove accounts, roles and bindings; what is left of them is noted, and goes later."""
        notes = self._test.stash.setdefault(NOTES, [])
        notes += filter(None, [holder.remove() for holder in self._holders])


def with_addresses(text: str, topology: Topology) -> str:
    """Return a bundle's text with the addresses that pods and hosts have in this cluster.

    `${IPv4/24 of production/web}` is the block of that width around the address, `${IPv4/25 beside
    outside}` the other half of what the two make. Raises UsageError for a pod or host that is not
    there, and for a pod that has no address of the family.
    """

    def address(match: re.Match[str]) -> str:
        family, width, which, key = match.groups()
        ip = _address_of(key, Family(family), topology)
        if ip is None:
            raise UsageError(
                f"{match[0]}: there is nobody of that name, or without such an address"
            )
        if not (width or which == "beside"):
            return ip
        block = ip_network(f"{ip}{width or ''}", strict=False)
        return str(block if which == "of" else _sibling(block))

    return _ADDRESS.sub(address, text)


def _address_of(key: str, family: Family, topology: Topology) -> str | None:
    pods = [pod for pod in topology.pods if pod.key == key]
    hosts = [host for host in topology.hosts if host.name == key]
    if hosts and not pods:
        return hosts[0].ip(family) or NOWHERE[family]
    return pods[0].ip(family) if pods else None


def _sibling(block: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return the other half of the block that is twice as wide."""
    halves = block.supernet().subnets()
    return next(half for half in halves if half != block)


def bundle_file(test: Path, name: str) -> Path:
    """Return the file of a bundle that lies beside a test."""
    return test.parent / "bundles" / f"{name}.yaml"


def near(path: Path) -> Path:
    """Return a path as a person in the current folder would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
