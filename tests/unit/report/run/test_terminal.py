"""The report for people at a terminal."""

import re
import shlex

import pytest

from netproof.model import flows
from netproof.model.record import CauseRecord, RunVerdict
from netproof.model.value import replace
from netproof.report.run import terminal
from netproof.verdict import canary_verdict
from tests.unit.report.run.test_bypass import RESULTS
from tests.unit.report.sample import (
    ALL_PASS,
    ENFORCES,
    EVERYTHING,
    FLAT,
    LEAKED,
    LEAKING,
    OPEN,
    PASSING,
    TOPOLOGY,
    guarded,
    run_of,
    step,
    wide,
)

MATRIX = """
  TCP 5432 · IPv4+IPv6
                            │ production         │ staging            │ ingress-nginx
                            │ web  api  postgres │ web  api  postgres │ controller
  production     web        │ -    ·    x        │ ·    ·    ·        │ ·
                 api        │ ·    -    ·        │ ·    ·    ·        │ ·
                 postgres   │ ·    ·    -        │ ·    ·    ·        │ ·
  staging        web        │ ·    ·    L!       │ -    ·    ·        │ ·
                 api        │ ·    ·    x        │ ·    -    ·        │ ·
                 postgres   │ ·    ·    x        │ ·    ·    -        │ ·
  ingress-nginx  controller │ ·    ·    x        │ ·    ·    ·        │ -
"""

LEAK = """
  LEAK  staging/web -> production/postgres  TCP 5432 · IPv4+IPv6 · across nodes
    expected  denied
    seen      connected after 2 ms
    because   production/api-to-postgres isolates production/postgres for ingress and none of its
              rules lets staging/web in on 5432/TCP IPv4
              (suites/peers/bundles/api-to-postgres.yaml:3)
"""


def test_a_matrix_shows_who_reaches_whom() -> None:
    """Ports and families that behave alike share one matrix, namespaces head their pods."""
    assert MATRIX in terminal.scenario(LEAKING)


def test_a_mismatch_says_what_was_expected_seen_and_why() -> None:
    """Both families are told at once, with the deciding policy and its line."""
    assert LEAK in terminal.scenario(LEAKING)


def test_a_lost_answer_shows_as_a_leak_that_arrived() -> None:
    """The destination's testimony is part of what was seen."""
    told = terminal.scenario(LEAKING)
    assert "dropped after 1.00 s (no answer in 1 s), the request arrived\n" in told


def test_what_is_as_expected_takes_a_line() -> None:
    """A failing scenario does not print matrices in which nothing is wrong."""
    told = terminal.scenario(LEAKING)
    assert "TCP 80 · IPv4; TCP 80 · UDP 8125 · IPv6: all 147 flows as expected" in told


def test_a_passed_scenario_is_a_row_of_the_summary() -> None:
    """Nobody reads matrices of what is as it should be, unless asked for."""
    told = terminal.render(ALL_PASS)
    assert "Nobody reaches anybody" not in told
    assert re.search(r"^PASS +588 +546 .*isolation/default-deny-all$", told, re.MULTILINE)


@pytest.mark.parametrize(("width", "left_out"), [(120, 0), (100, 1), (80, 4)])
def test_the_table_leaves_out_columns_before_names(width: int, left_out: int) -> None:
    """A row without the name of its scenario says nothing."""
    told = terminal.render(EVERYTHING, width=width).splitlines()
    heads = next(line for line in told if line.startswith("verdict"))
    rows = [line for line in told if re.match(r"(PASS|FAIL|INCONCLUSIVE) +\d+ ", line)]
    assert 10 - left_out == len(heads.split())
    assert [one.id for one in EVERYTHING.scenarios] == [row.split()[-1] for row in rows]


def test_matrices_of_passed_scenarios_are_shown_on_request() -> None:
    """With `matrices`, every step of every scenario is drawn."""
    told = terminal.render(ALL_PASS, matrices=True)
    assert "policies in force (production/api-to-postgres): 294 flows, converged in 2" in told


CAUSE = CauseRecord(
    "what `except` takes out of an ipBlock gets through",
    "write the blocks around the exception, and no `except`",
    leaks=3,
    blocked=0,
    cases=1,
    example=LEAKING.id,
    flow=str(LEAKED),
    repeat="/usr/bin/python3 -P -m netproof test 'peers/test_peers.py::test_it[a b]' --cluster lab "
    "--defect ignores-except",
    fault="ignores-except",
)


def test_the_end_goes_from_the_sentence_to_what_to_run_next() -> None:
    """Causes, what was not tried, three cases in full, the others as a line each, the reports."""
    many = tuple(replace(LEAKING, id=f"peers/case-{n}") for n in range(5))
    run = replace(
        run_of((*many, LEAKING)),
        causes=(CAUSE,),
        notes=("2 cases not tried: no SCTP",),
        exit_reason="FAIL: 3 leaks in 1 of 6 cases",
    )
    told = terminal.render(run, reports="reports/report.html and beside it")
    order = (
        *("FAIL: 3 leaks in 1 of 6 cases", "2 cases not tried: no SCTP", "Cause:"),
        *("what `except` takes out", "shows in   1 case: 3 leaks", "instead    write the blocks"),
        *("FAIL  peers/api-to-postgres\n", "FAIL  peers/case-0\n", "FAIL  peers/case-1\n"),
        *("and 3 cases more:", "FAIL  peers/case-2: LEAK", "FAIL  peers/case-4: LEAK"),
        *("reports  reports/report.html", "next     /usr/bin/python3"),
    )
    places = [told.index(words) for words in order]
    assert places == sorted(places)
    assert 3 == told.count("because   production/api-to-postgres isolates") - 3


@pytest.mark.parametrize("width", [80, 100])
def test_nothing_wraps(width: int) -> None:
    """Neither commands nor ids nor the lines of other cases are wider than the terminal."""
    long = replace(LEAKING, id=f"peers/{'long-' * 20}", repeat=CAUSE.repeat, bundle="x " * 60)
    others = tuple(replace(LEAKING, id=f"peers/{'case-' * 15}{n}") for n in range(5))
    run = replace(run_of((long, *others), doors=RESULTS), causes=(CAUSE,), notes=("why " * 40,))
    told = terminal.render(run, width=width, reports="reports/report.html and beside it")
    assert max(map(len, told.splitlines())) <= width


def test_a_command_on_several_lines_is_the_same_command() -> None:
    """A shell reads on behind a backslash; what is quoted stays whole."""
    told = terminal.render(replace(run_of((LEAKING,)), causes=(CAUSE,)), width=60)
    tail = told[told.index("next     ") + 9 :]
    assert shlex.split(CAUSE.repeat) == shlex.split(tail.replace("\\\n", "\n"))


def test_a_table_of_many_scenarios_is_shown_on_request() -> None:
    """Nobody reads hundreds of rows; the page has them."""
    many = run_of(tuple(replace(PASSING, id=f"isolation/{n}") for n in range(30)))
    assert "rounds" not in terminal.render(many)
    assert "isolation/29" in terminal.render(many, matrices=True)


def test_a_cluster_that_enforces_nothing_is_told_once() -> None:
    """The canary's sentence and a count stand for all the leaks."""
    told = terminal.render(FLAT)
    assert 1 == told.count("The cluster does not enforce NetworkPolicies")
    assert "34 leaks follow from what the canary says and are not listed." in told
    assert "LEAK" not in told


def test_a_leak_of_the_canary_is_told_where_others_bite() -> None:
    """A cluster that enforces some of the canary's denials has its leaks listed."""
    partly = replace(ENFORCES, steps=(step("in force", [LEAKED], guarded, {LEAKED: OPEN}),))
    judged = replace(partly, verdict=canary_verdict(partly))
    told = terminal.render(replace(ALL_PASS, canaries=(judged,)))
    assert "FAIL  canary/canary" in told
    assert "LEAK  staging/web -> production/postgres" in told


def test_a_known_gap_is_a_line() -> None:
    """What the CNI's documentation admits is said, and not told as a failure."""
    known = replace(LEAKING, known_gap="UDP answers are dropped late")
    told = terminal.render(replace(ALL_PASS, scenarios=(PASSING, known)))
    assert "LEAK" not in told
    assert "  - peers/api-to-postgres: UDP answers are dropped late\n" in told


def test_errors_of_the_harness_are_listed() -> None:
    """What broke is neither lost nor able to write to the terminal."""
    assert r"ClusterError: no \x1b[31mapi" in terminal.render(EVERYTHING)


def test_without_colour_there_are_no_escapes() -> None:
    """A file or a CI log gets plain text."""
    assert "\x1b" not in terminal.render(EVERYTHING, matrices=True)


def test_colour_changes_nothing_but_colour() -> None:
    """Without its colour codes the coloured report is the plain one."""
    coloured = terminal.render(EVERYTHING, colour=True)
    assert terminal.render(EVERYTHING) == re.sub("\x1b" + r"\[[0-9;]*m", "", coloured)


def test_without_unicode_there_is_ascii_alone() -> None:
    """A terminal that knows ASCII only gets other symbols and borders."""
    told = terminal.render(EVERYTHING, unicode=False)
    assert told.isascii()
    assert "staging        web        | .    .    L!       | -" in told


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("pods", [7, 40, 100])
def test_a_matrix_fits_the_terminal(pods: int, width: int) -> None:
    """However many pods there are, no line of a matrix is cut by the terminal."""
    told = terminal.scenario(wide(pods, leaks=3), width=width)
    drawn = [line for line in told.splitlines() if "│" in line]
    assert max(map(len, drawn)) <= width


def test_a_wide_matrix_shows_where_it_is_wrong() -> None:
    """Of 40 pods that do not fit, those with a group are shown."""
    told = terminal.scenario(wide(40, leaks=2), width=80)
    assert "team-0  pod-0 │ L!     x\n" in told
    assert "38 rows and 38 columns as expected are left out" in told


def test_a_wide_matrix_without_a_mismatch_is_drawn_in_blocks() -> None:
    """Numbers stand for the columns, and the rows carry the same numbers."""
    told = terminal.scenario(wide(40, leaks=0), width=80, matrices=True)
    assert " 40 pod-39 │" in told
    assert 3 == told.count("  1 pod-0 ")


def test_columns_that_are_no_rows_have_a_key() -> None:
    """Numbered columns whose names stand nowhere else are named below."""
    tried = [one for one in flows.pod_flows(TOPOLOGY) if one.source == LEAKED.source]
    one = replace(PASSING, steps=(step("open", tried),))
    told = terminal.scenario(one, width=50, matrices=True)
    assert "columns:   1 staging/web   2 production/web\n" in told


def test_a_long_list_of_mismatches_ends_with_a_count() -> None:
    """The terminal shows the first and says where the rest is."""
    told = terminal.scenario(wide(100, leaks=30), width=200)
    assert 20 == told.count("\n  LEAK  ")
    assert "and 10 more; the JSON record has all of them" in told


def test_a_run_without_scenarios_still_ends_with_its_sentence() -> None:
    """A run that broke at once has an empty table and a verdict."""
    told = terminal.render(replace(EVERYTHING, scenarios=(), errors=("no cluster",)))
    assert "Errors of the harness:\n  - no cluster\n" in told


def test_the_brief_names_the_gravest_flow() -> None:
    """A failed test's message is one line; the report at the end tells the rest."""
    failed = next(one for one in EVERYTHING.scenarios if one.verdict is RunVerdict.FAIL)
    told = terminal.brief(failed)
    assert "\n" not in told
    assert told.startswith(f"FAIL  {failed.id}: OVER-BLOCKED  production/web -> outside")
