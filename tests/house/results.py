"""The tables of docs/results/README.md, made of the records that lie beside it.

`python -m tests.house.results` writes them into the page. Each record is one of `netproof publish`;
its name is that of the CNI's profile.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from netproof.cluster.profiles import reading
from netproof.cluster.profiles.profile import Profile
from netproof.front.cli import record_commands
from netproof.model.record import TOLD, CaseOutcome, CaseRecord, RunRecord, RunVerdict
from netproof.report.run.summary import case_views
from netproof.report.text import counted
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
    seen = {
        table.family.value
        for canary in run.canaries
        for step in canary.steps
        for table in step.tables
    } | {t.family.value for one in run.scenarios for step in one.steps for t in step.tables}
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


def duration(seconds: float) -> str:
    """Say a time in minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


COLUMNS = (
    *("CNI", "Kubernetes", "nodes", "families", "date", "verdict", "cases"),
    *("flows told", "suites", "in all"),
)


def overview() -> Iterator[str]:
    """Yield the rows that say what was run, and how it came out."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for name, run in records().items():
        profile = PROFILES[name]
        tried = duration(run.suite_seconds) if run.suite_seconds else "not measured"
        cells = (
            f"[{profile.title} {version(run, profile)}]({name}{RECORD})",
            run.cluster.version,
            str(len(run.cluster.nodes)),
            family(run),
            run.started[:10],
            run.verdict.value,
            cases(run),
            f"{sum(_told(run)):,}",
            tried,
            duration(run.seconds),
        )
        yield f"| {' | '.join(cells)} |"


def _told(run: RunRecord) -> Iterator[int]:
    for one in run.scenarios:
        for step in one.steps:
            yield sum(step.counts.get(verdict, 0) for verdict in TOLD)


def themes() -> Iterator[str]:
    """Yield the rows that say how the cases of each theme came out."""
    runs = {n: run for n, run in records().items() if run.verdict is not RunVerdict.NOT_ENFORCED}
    yield f"| theme | {' | '.join(PROFILES[name].title for name in runs)} |"
    yield f"|---|{'---|' * len(runs)}"
    for theme in sorted({_theme(case) for run in runs.values() for case in tests(run)} - {""}):
        cells = (
            _worded(case.outcome for case in tests(run) if _theme(case) == theme) or "none"
            for run in runs.values()
        )
        yield f"| {theme} | {' | '.join(cells)} |"


def _theme(case: CaseRecord) -> str:
    file = case.id.partition("::")[0]  # of a scenario without a test it is the theme
    return file.rpartition("/")[0].rpartition("/")[2] or file


def gaps() -> Iterator[str]:
    """Yield a line for each known gap of a CNI that was run, with the cases in which it showed."""
    for name, run in records().items():
        for gap in PROFILES[name].gaps:
            shown = sum(f"known gap {gap.id}:" in one.known_gap for one in run.scenarios)
            moments = ", for moments" if gap.transient else ""
            what = f"{PROFILES[name].title}, `{gap.id}`{moments}: {gap.text}"
            yield f"- {what} ([source]({gap.link})); it showed in {counted(shown, 'case')}."


def lacks() -> Iterator[str]:
    """Yield a line for what a run did not try, and for each CNI that was not run."""
    for name, run in records().items():
        reasons = Counter(c.reason for c in tests(run) if c.outcome is CaseOutcome.UNTRIED)
        for why, number in sorted(reasons.items()):
            yield f"- {PROFILES[name].title}: {counted(number, 'case')}, because {why}."
    for name, profile in PROFILES.items():
        if name not in records():
            yield f"- {profile.title}: nothing; it was not run."


TABLES = {"overview": overview, "themes": themes, "gaps": gaps, "lacks": lacks}


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
