"""Faults of the lab's kubelet and API server: each changes what the doors show, and how."""

from __future__ import annotations

from pathlib import Path

from netproof.model.doors import Door, DoorState
from netproof.model.record import RunVerdict
from tests.defects.suites import Outcome, run_pytest

OPEN, CLOSED, UNDETERMINED = DoorState.OPEN, DoorState.CLOSED, DoorState.UNDETERMINED
FORWARD = Door.PORT_FORWARD_POD
GET_ONLY = "a user who may get pods/portforward"


def _doors(reports: Path, *arguments: str, only: str = "port_forward or get_alone") -> Outcome:
    return run_pytest("suites/operational_access", reports, "-k", f"{only} or denied", *arguments)


def _seen(
    outcome: Outcome, door: Door = FORWARD, *, user: str = "", how: str = ""
) -> tuple[DoorState, DoorState, str]:
    """Return what was seen of a door: under policies, without, and the evidence."""
    (one,) = (r for r in outcome.record.doors if (r.door, r.user, r.by) == (door, user, how))
    return one.state, one.control, one.evidence


def test_a_clean_lab_is_as_a_cluster_is(tmp_path: Path) -> None:
    """Port-forward goes around, on loopback, and `get` alone opens nothing."""
    clean = _doors(tmp_path, "--operational-access", "expect-open")
    assert 0 == clean.exit_code, clean.output
    assert (OPEN, OPEN) == _seen(clean)[:2]
    assert (OPEN, OPEN) == _seen(clean, Door.PORT_FORWARD_SERVICE)[:2]
    assert (UNDETERMINED, UNDETERMINED) == _seen(clean, how="listens on pod IP only")[:2]
    assert OPEN is _seen(clean, how="listens on loopback only")[0]
    assert (CLOSED, CLOSED) == _seen(clean, user=GET_ONLY)[:2]


def test_a_kubelet_that_dials_the_pods_address_obeys_the_policy(tmp_path: Path) -> None:
    """Open without policies and shut with them; a pod on loopback only is never reached."""
    seen = _doors(tmp_path, "--defect", "port-forward-dials-pod-ip")
    state, control, evidence = _seen(seen)
    assert (CLOSED, OPEN) == (state, control), evidence
    assert OPEN is _seen(seen, how="listens on pod IP only")[1]
    assert UNDETERMINED is _seen(seen, how="listens on loopback only")[1]
    assert (1, RunVerdict.FAIL) == (seen.exit_code, seen.record.verdict), seen.output


def test_a_kubelet_that_refuses_is_shut_with_and_without_policies(tmp_path: Path) -> None:
    """Its own words are the evidence; where the door is meant to be shut that is a pass."""
    arguments = ("--defect", "port-forward-refused", "--operational-access", "expect-closed")
    seen = _doors(tmp_path, *arguments)
    state, control, evidence = _seen(seen)
    assert (CLOSED, CLOSED) == (state, control), evidence
    assert 0 == seen.exit_code, seen.output


def test_a_door_that_is_shut_fails_where_it_is_meant_to_be_open(tmp_path: Path) -> None:
    """The same lab, the other expectation."""
    arguments = ("--defect", "port-forward-refused", "--operational-access", "expect-open")
    seen = _doors(tmp_path, *arguments)
    assert 1 == seen.exit_code
    assert "port-forward to the pod of production/postgres is expected to be open" in seen.output


def test_a_door_that_is_open_fails_where_it_is_meant_to_be_shut(tmp_path: Path) -> None:
    """A clean lab is no cluster that has shut its doors."""
    seen = _doors(tmp_path, "--operational-access", "expect-closed")
    assert 1 == seen.exit_code
    assert "port-forward to the pod of production/postgres is expected to be closed" in seen.output


def test_get_alone_that_opens_the_door_is_found(tmp_path: Path) -> None:
    """A role that was meant for reading forwards ports."""
    seen = _doors(tmp_path, "--defect", "get-opens-port-forward")
    assert OPEN is _seen(seen, user=GET_ONLY)[0]
    assert (OPEN, OPEN) == _seen(seen)[:2]
    assert (1, RunVerdict.FAIL) == (seen.exit_code, seen.record.verdict), seen.output
