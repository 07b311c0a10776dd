"""Pods end: as long as one terminates it is itself, and once it has ended its address is not."""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce, Read
from netproof.model.flow import Flow
from netproof.model.flows import mixed_flows
from netproof.model.workload import Topology
from netproof.run.changes import Complete, DeletePod, LabelPod, ReplacePolicies, Restart, Terminate
from netproof.run.scenario import After

pytestmark = pytest.mark.usefixtures("enforcing")

WEB, HEIR = "production/web", "staging/postgres"


def _concerned(topology: Topology) -> Iterator[Flow]:
    """Yield the flows to and from the pods that end, or have to do with their end."""
    for flow in mixed_flows(topology):
        if {flow.source.name, flow.destination.name} & {WEB, HEIR}:
            yield flow


def test_terminating_pod(enforce: Enforce) -> None:
    """Until it is gone, a pod that was deleted keeps what policies give it and take from it."""
    given = [
        "production/web -> production/api:9100/TCP",
        "production/postgres -> production/web:80/TCP",
    ]
    taken = [
        "production/web -> production/api:9200/TCP",
        "production/web -> production/postgres",
        "production/web -> staging/*",
        "production/postgres -> production/web:5432/TCP",
        "production/api -> production/web",
        "staging/* -> production/web",
    ]
    enforce(
        "around-web",
        allowed=given,
        denied=taken,
        then=[After(Terminate(WEB), allowed=given, denied=taken)],
        flows=_concerned,
        name="terminating-pod",
    )


def test_changes_while_a_pod_terminates(enforce: Enforce, bundle: Read) -> None:
    """New policies and labels count for a pod that terminates as for any other.

    They come after its deletion: who has come to obey them has come to know of that as well.
    """
    enforce(
        "around-web",
        then=[
            After(Terminate(WEB)),
            After(
                ReplacePolicies(bundle("around-web-turned")),
                allowed=[f"{WEB} -> production/postgres", f"production/api -> {WEB}"],
                denied=[f"{WEB} -> production/api", f"production/postgres -> {WEB}"],
            ),
            After(
                LabelPod(WEB, {"app": "other"}),
                allowed=[f"{WEB} -> staging/*", f"staging/* -> {WEB}"],
                denied=[f"{WEB} -> production/postgres", f"production/api -> {WEB}"],
            ),
        ],
        flows=_concerned,
        name="changes-while-a-pod-terminates",
    )


def test_address_of_a_completed_pod(enforce: Enforce) -> None:
    """A pod that gets the address of a completed one gets nothing of what policies said of it."""
    given = [f"{HEIR} -> staging/web", f"staging/api -> {HEIR}", f"{HEIR} -> ingress-nginx/*"]
    taken = [f"{HEIR} -> production/api", f"ingress-nginx/* -> {HEIR}"]
    enforce(
        "two-lives",
        allowed=[f"{WEB} -> production/api", f"ingress-nginx/* -> {WEB}", *given],
        denied=[f"{WEB} -> ingress-nginx/*", f"staging/api -> {WEB}", *taken],
        then=[
            After(Complete(WEB), allowed=given, denied=taken),
            After(Restart(HEIR, address_of=WEB), allowed=given, denied=taken),
            After(DeletePod(WEB), allowed=given, denied=taken),
        ],
        flows=_concerned,
        name="address-of-a-completed-pod",
    )
