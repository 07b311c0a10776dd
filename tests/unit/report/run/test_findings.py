"""How ports, times and findings are put in words."""

import pytest

from netproof.model.flow import Outcome, Path
from netproof.model.value import replace
from netproof.model.workload import TRANSPORTS, Family
from netproof.report.run import findings
from netproof.report.text import duration
from tests.unit.report.sample import LEAKING

TCP, UDP, SCTP = TRANSPORTS
V4, V6 = Family
FINDING = LEAKING.steps[1].findings[0]


@pytest.mark.parametrize(
    ("doors", "told"),
    [
        ([(TCP, 80, V4)], "TCP 80 · IPv4"),
        ([(TCP, 80, V6), (TCP, 80, V4)], "TCP 80 · IPv4+IPv6"),
        ([(UDP, 53, V4), (TCP, 443, V4), (TCP, 80, V4)], "TCP 80, 443 · UDP 53 · IPv4"),
        ([(TCP, 80, V4), (SCTP, 80, V6)], "TCP 80 · IPv4; SCTP 80 · IPv6"),
    ],
)
def test_doors_are_told_shortly(doors: list[findings.DialledPort], told: str) -> None:
    """Ports by protocol, families together where they have the same ports."""
    assert told == findings.ports_line(doors, Path.POD_IP)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (Path.HOST_IP, "TCP 80 · IPv4"),
        (Path.CLUSTER_IP, "TCP 80 · IPv4 · by cluster-ip"),
        (Path.NAME, "TCP 80 · IPv4 · by name"),
    ],
)
def test_a_path_is_told_where_it_is_not_the_plain_one(path: Path, told: str) -> None:
    """An end's own address needs no mention."""
    assert told == findings.ports_line([(TCP, 80, V4)], path)


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, "0 ms"), (0.0042, "4 ms"), (0.999, "999 ms"), (1.0, "1.00 s")]
)
def test_times_have_the_unit_that_fits(seconds: float, told: str) -> None:
    """Milliseconds below a second."""
    assert told == duration(seconds)


@pytest.mark.parametrize(
    ("arrived", "told"),
    [
        (None, "dropped after 1.00 s"),
        (True, "dropped after 1.00 s, the request arrived"),
        (False, "dropped after 1.00 s, the request did not arrive"),
    ],
)
def test_the_destination_is_quoted(arrived: bool | None, told: str) -> None:
    """What it could not say is not put into its mouth."""
    finding = replace(FINDING, outcome=Outcome.DROPPED, arrived=arrived, detail="", seconds=1.0)
    assert told == findings.observation_line(finding)


def test_repeated_probes_are_counted() -> None:
    """A finding that took several probes says so."""
    assert findings.observation_line(replace(FINDING, attempts=3)).endswith(", 3 probes")


def test_findings_of_one_pair_are_told_once() -> None:
    """The same leak in both families is one group of two findings."""
    assert [1, 2] == [len(one.findings) for one in findings.grouped_findings(LEAKING.steps[1])]


def test_findings_that_differ_in_more_than_the_door_are_told_apart() -> None:
    """Another outcome is another story."""
    first = FINDING
    other = replace(first, outcome=Outcome.REJECTED)
    step = replace(LEAKING.steps[1], findings=(first, other))
    assert [1, 1] == [len(one.findings) for one in findings.grouped_findings(step)]
