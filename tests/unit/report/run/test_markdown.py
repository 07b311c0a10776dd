"""The report as a comment on a pull request."""

from netproof.model.value import replace
from netproof.report.run import markdown
from tests.unit.report.sample import ALL_PASS, EVERYTHING, FLAT, LEAKING, PASSING, run_of, wide


def test_the_heading_is_the_verdict() -> None:
    """The first line says it all."""
    assert "## netproof: FAIL" == markdown.render(EVERYTHING).splitlines()[0]


def test_scenarios_are_rows() -> None:
    """What did not pass stands out."""
    told = markdown.render(EVERYTHING)
    assert "| isolation/default-deny-all | PASS | 588 | 546 | 0 | 0 | 0 | 42 | 2 | 1.25 |" in told
    assert "| peers/api-to-postgres | **FAIL** |" in told


def test_findings_are_listed_with_their_reasons() -> None:
    """Expected, seen and because, as everywhere."""
    told = markdown.render(EVERYTHING)
    assert "- **LEAK** staging/web -&gt; production/postgres  TCP 5432 · IPv4+IPv6" in told
    assert "  - expected: denied\n  - seen: connected after 2 ms\n  - because: " in told


def test_matrices_are_folded() -> None:
    """One matrix a step, of those ports in which something is wrong."""
    told = markdown.render(EVERYTHING)
    assert 3 == told.count("<details><summary>Matrix</summary>\n\n```text\n")
    assert 3 == told.count("```\n\n</details>")


def test_text_has_no_meaning_to_markdown() -> None:
    """Neither tags nor tables, links, or mentions come out of a record."""
    scenario = replace(LEAKING, title="<b>|[x](y) @all `*_#")
    shown = r"&lt;b&gt;&#124;\[&#8288;x\](y) &#64;&#8288;all \`\*&#8288;\_&#35;&#8288;"
    assert f"\n\n{shown}\n\n" in markdown.render(run_of((scenario,)))


def test_a_cluster_that_enforces_nothing_is_told_once() -> None:
    """A count stands for the leaks."""
    told = markdown.render(FLAT)
    assert 1 == told.count("does not enforce NetworkPolicies")
    assert "34 leaks follow from that and are not listed." in told


def test_a_known_gap_is_a_line() -> None:
    """Its findings are not listed."""
    told = markdown.render(run_of((replace(LEAKING, known_gap="as documented"),)))
    assert "Known gap, fails no run: peers/api-to-postgres: as documented" in told
    assert "LEAK" not in told


def test_errors_are_listed() -> None:
    """A test that broke is told."""
    assert "### Errors of the harness\n\n- suites/x.py::test\\_y" in markdown.render(EVERYTHING)


def test_a_passed_run_is_short() -> None:
    """Nobody reads a long comment on what went well."""
    assert len(markdown.render(ALL_PASS).splitlines()) < 15


def test_a_comment_stays_within_its_limit() -> None:
    """Many leaks are cut with a count, not by the host (GitHub: 65,536 characters)."""
    told = markdown.render(run_of((wide(100, leaks=33),)))
    assert len(told) < 65536
    assert "and 13 more in the JSON record" in told


def test_a_failed_scenario_says_how_to_run_it_again() -> None:
    """The command is code, whatever characters it has."""
    told = markdown.render(run_of((replace(LEAKING, repeat="pytest 'a.py::b[*_*]'"),)))
    assert "\n\nAgain: `pytest 'a.py::b[*_*]'`\n" in told


def test_a_command_with_backticks_stays_code() -> None:
    """More backticks stand around it than within."""
    told = markdown.render(run_of((replace(LEAKING, repeat="pytest 'a``b'"),)))
    assert "\n\nAgain: ``` pytest 'a``b' ```\n" in told


def test_a_table_of_many_scenarios_has_those_that_did_not_pass() -> None:
    """A comment has an end; the record has them all."""
    many = tuple(replace(PASSING, id=f"isolation/{n}") for n in range(60))
    told = markdown.render(run_of((*many, LEAKING)))
    assert "| peers/api-to-postgres |" in told
    assert "isolation/7" not in told
    assert "60 scenarios more in the JSON record" in told
