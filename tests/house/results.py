"""The tables of docs/results/README.md, made of the records that lie beside it.

`python -m tests.house.results` writes them into the page. Each record is one of `netproof publish`;
its name is that of the CNI's profile.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial

from netproof.cluster.profiles import reading
from netproof.cluster.profiles.profile import Profile
from netproof.front.cli import record_commands
from netproof.front.statements import table
from netproof.model.comparison import Comparison
from netproof.model.record import CaseOutcome, CaseRecord, RunRecord
from netproof.report.comparison.tables import section_table
from netproof.report.comparison.words import gap_lines
from netproof.report.run.summary import case_views
from netproof.report.text import counted
from netproof.verdict.comparison import DOORS, STATEMENTS, THEMES, compare, minutes
from netproof.verdict.standings import Named, families
from tests.house.project import ROOT

FOLDER = ROOT / "docs" / "results"
PAGE = FOLDER / "README.md"
RECORD = ".json.gz"

PROFILES = {
    name: reading.load(name, ROOT / "kind-configs") for name in reading.names(ROOT / "kind-configs")
}
_NOT_TRIED = re.compile(r"(\d+) cases? not tried: (.*)")
_VERSION = re.compile(r"v?\d+\.\d+\.\d+\S*")


@cache
def records() -> Mapping[str, RunRecord]:
    """Return the published records by the name of their profile."""
    found = sorted(FOLDER.glob(f"*{RECORD}"))
    return {path.name.removesuffix(RECORD): record_commands.read(path) for path in found}


def version(run: RunRecord, profile: Profile) -> str:
    """Return the CNI's version as it was installed, else as the profile declares it of the run."""
    found = _VERSION.search(run.cluster.dataplane)
    return found[0] if found else profile.verified.version if profile.verified else ""


def family(run: RunRecord) -> str:
    """Return which IP families had flows, as profiles call them."""
    seen = families(run)
    return "dual" if len(seen) > 1 else "".join(seen).lower()


def cases(run: RunRecord) -> str:
    """Return how the cases came out, in words, those that no case of the run is about left out."""
    return "; ".join(filter(None, (_worded(one.outcome for one in tests(run)), run.cut_short)))


def tests(run: RunRecord) -> Iterator[CaseRecord]:
    """Yield the tests of a run; those that were not tried stand in notes where there are no others.

    Records of before tests were told have scenarios and notes.
    """
    yield from (view.case for view in case_views(run))
    for note in run.notes if not run.cases else ():
        if found := _NOT_TRIED.fullmatch(note):
            yield from [CaseRecord("", CaseOutcome.UNTRIED, 0.0, found[2])] * int(found[1])


def _worded(outcomes: Iterable[CaseOutcome]) -> str:
    counts = Counter(outcomes)
    return ", ".join(f"{counts[outcome]} {WORDS[outcome]}" for outcome in WORDS if counts[outcome])


WORDS = {
    CaseOutcome.PASSED: "passed",
    CaseOutcome.KNOWN_GAP: "with a known gap",
    CaseOutcome.FAILED: "failed",
    CaseOutcome.BROKEN: "broken",
    CaseOutcome.UNTRIED: "not tried",
}


COLUMNS = (
    *("CNI", "Kubernetes", "nodes", "families", "date", "verdict", "cases"),
    *("flows told", "suites", "in all"),
)


@cache
def comparison() -> Comparison:
    """Return what `netproof compare` says of the published records."""
    named = (
        Named(f"{PROFILES[name].title} {version(run, PROFILES[name])}", run, PROFILES[name].gaps)
        for name, run in records().items()
    )
    return compare(tuple(named), table(ROOT / "suites"))


def overview() -> Iterator[str]:
    """Yield the rows that say what was run, and how it came out."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for (name, run), told in zip(records().items(), comparison().runs, strict=True):
        cells = (
            f"[{told.label}]({name}{RECORD})",
            told.kubernetes,
            str(told.nodes),
            family(run),
            told.started[:10],
            told.verdict.value,
            cases(run),
            f"{told.flows:,}",
            minutes(told.suite_seconds) if told.suite_seconds else "not measured",
            minutes(told.seconds),
        )
        yield f"| {' | '.join(cells)} |"


def compared(title: str) -> Iterator[str]:
    """Yield the rows of a section of the comparison."""
    told = comparison()
    section = next(one for one in told.sections if one.title == title)
    yield section_table(section, told.runs)


def gaps() -> Iterator[str]:
    """Yield a line for each known gap of a CNI that was run, with the cases in which it showed."""
    for run in comparison().runs:
        yield from (f"- {run.label}, {line}." for line in gap_lines(run))


def lacks() -> Iterator[str]:
    """Yield a line for what a run did not try, and for each CNI that was not run."""
    for run in comparison().runs:
        for why, number in sorted(run.untried.items()):
            yield f"- {run.label}: {counted(number, 'case')}, because {why}."
    for name, profile in PROFILES.items():
        if name not in records():
            yield f"- {profile.title}: nothing; it was not run."


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    "overview": overview,
    "statements": partial(compared, STATEMENTS),
    "themes": partial(compared, THEMES),
    "doors": partial(compared, DOORS),
    "gaps": gaps,
    "lacks": lacks,
}


def filled(page: str) -> str:
    """Return the page with its tables as the records have them."""
    for name, rows in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        page = "\n".join((f"{before}{begin}", *rows(), f"{end}{rest.partition(end)[2]}"))
    return page


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for name, run in records().items():
        print(f"{name}: cases: {cases(run)}")


if __name__ == "__main__":
    main()
