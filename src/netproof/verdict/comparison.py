"""Records side by side: one value of several runs, with what of them may be compared.

A row of cases is about a statement or a theme; what each record shows of it is the gravest of its
cases, and only what was tried counts. Times are those that a run measured anyway: a kind that no
record has is not among the rows.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from netproof.model.comparison import (
    AMISS,
    SAYING,
    WELL,
    ComparedCell,
    ComparedRow,
    ComparedRun,
    ComparedSection,
    Comparison,
    Difference,
    Standing,
    Tone,
    Trend,
)
from netproof.model.doors import FACTS, Door, DoorState
from netproof.model.record import UNENFORCED, RunRecord, StepRecord
from netproof.model.review import Kept
from netproof.printing import counted
from netproof.verdict.relations import statement_number
from netproof.verdict.standings import Column, Named, case_name, columns, compared_run
from netproof.verdict.turns import doors, gravest, intents, turns

Table = Sequence[tuple[str, frozenset[str]]]
"""Each statement with the cases that test it, as a suite's table has them."""

STATEMENTS, THEMES, DOORS = "Statements of NetworkPolicy", "Themes", "Doors"
"""The titles of sections."""

IN_PART = "enforced in part"
SLOWEST = 5
"""So many of what took longest, and of what never came to rest, stand behind a time."""

UNMEASURED = ComparedCell("not measured", Tone.QUIET)
UNTRIED = ComparedCell("not tried", Tone.QUIET)

_TIMES = (
    "Until all flows were as expected in two looks, the time of looking included. On machines that "
    "are unlike, or were busy, they do not compare one CNI with another."
)
_OF_DOORS = "Ways around the policies are no fault of a CNI; what guards them is in docs/doors.md."
_TONES = {
    **dict.fromkeys(AMISS, Tone.BAD),
    **dict.fromkeys(WELL, Tone.GOOD),
    Standing.NOT_OFFERED: Tone.LACKING,
    Standing.INCONCLUSIVE: Tone.UNSURE,
    Standing.NOT_TRIED: Tone.QUIET,
}
_DOOR_TONES = {
    DoorState.OPEN: Tone.UNSURE,
    DoorState.CLOSED: Tone.GOOD,
    DoorState.UNDETERMINED: Tone.QUIET,
}
_KEPT_TONES = {Kept.KEPT: Tone.GOOD, Kept.BROKEN: Tone.BAD}


def compare(runs: Sequence[Named], statements: Table) -> Comparison:
    """Compare some records by the statements that their cases test, by theme, and by the first."""
    told = columns(runs)
    names = sorted({name for column in told for name in column.cases})
    sections = (
        _of_cases(STATEMENTS, told, _by_statement(told, names, statements)),
        _of_cases(THEMES, told, _by_theme(names)),
        ComparedSection("Intents", _ordered(_intent_rows(runs))),
        ComparedSection(DOORS, _ordered(_door_rows(runs)), _OF_DOORS),
        ComparedSection("Times", tuple(_time_rows(runs)), _TIMES),
    )
    heads = tuple(map(compared_run, told))
    against = tuple(turns(told[0], later) for later in told[1:])
    shared = tuple(_shared(told, names)) if told[1:] else ()
    return Comparison(
        runs=heads,
        notes=(*shared, *_unlike(heads)),
        sections=tuple(section for section in sections if section.rows),
        against=against,
    )


def trend(comparison: Comparison) -> Trend | None:
    """Return the gravest of what became of the first record in the later ones."""
    return gravest(one.trend for one in comparison.against)


def _by_statement(
    told: Sequence[Column], names: Sequence[str], statements: Table
) -> dict[str, list[str]]:
    """Return the cases of each statement that any record has a case of, in the table's order.

    A case that the table does not know tests what its own suite said.
    """
    rows: dict[str, list[str]] = {text: [] for text, _ in statements}
    testing = [(text, set(map(case_name, cases))) for text, cases in statements]
    for name in names:
        of_table = [text for text, cases in testing if name.partition("[")[0] in cases]
        ours = [text for c in told if name in c.cases for text in c.cases[name].statements]
        for text in dict.fromkeys(of_table or ours):
            rows.setdefault(text, []).append(name)
    return {text: rows[text] for text in sorted(rows, key=statement_number) if rows[text]}


def _by_theme(names: Iterable[str]) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for name in names:
        rows.setdefault(name.partition("/")[0], []).append(name)
    return rows


def _of_cases(
    title: str, told: Sequence[Column], rows: Mapping[str, Sequence[str]]
) -> ComparedSection:
    compared = (
        ComparedRow(subject, _difference(told, names), tuple(_cell(one, names) for one in told))
        for subject, names in rows.items()
    )
    return ComparedSection(title, _ordered(compared))


def _ordered(rows: Iterable[ComparedRow]) -> tuple[ComparedRow, ...]:
    """Return rows as they are read: what differs, and of what is alike the worse, first."""
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                list(Difference).index(row.difference),
                # Who enforces nothing differs in every row: what else went wrong comes first.
                all(cell.word not in AMISS for cell in row.cells),
                all(cell.tone not in (Tone.BAD, Tone.LACKING, Tone.UNSURE) for cell in row.cells),
                all(cell.tone is Tone.QUIET for cell in row.cells),
            ),
        )
    )


def _difference(told: Sequence[Column], names: Sequence[str]) -> Difference:
    """Tell whether two records say otherwise of one case, or of which cases they say anything."""
    stands = [[column.standing(name) for column in told] for name in names]
    alike = {Standing.PASSED: Standing.ENFORCED}
    said = [{alike.get(one, one) for one in row if one in SAYING} for row in stands]
    if any(len(some) > 1 for some in said):
        return Difference.DIFFERS
    tried = {tuple(one in SAYING for one in column) for column in zip(*stands, strict=True)}
    return Difference.UNEQUALLY_TRIED if len(tried) > 1 else Difference.ALIKE


def _cell(column: Column, names: Sequence[str]) -> ComparedCell:
    """Return what a record shows of some cases: the gravest that went wrong, else what is well."""
    there = sorted((column.cases[n] for n in names if n in column.cases), key=lambda one: one.rank)
    counts = Counter(column.standing(name) for name in names)
    known = tuple(one.told.case for one in there)
    wrong = next((one for one in AMISS if counts[one]), None)
    well = sum(counts[one] for one in WELL)
    if wrong:
        total = sum(counts[one] for one in (*SAYING, Standing.INCONCLUSIVE))
        flows = sum(one.told.leaks + one.told.blocked for one in there)
        detail = f"{counts[wrong]} of {counted(total, 'case')}"
        detail += f", {counted(flows, 'flow')}" if flows else ""
        known_gaps = sum(one.told.standing in AMISS and bool(one.told.known_gap) for one in there)
        if known_gaps:
            total = sum(counts[one] for one in AMISS)
            detail += f"; known gap{'' if known_gaps == total else f' in {known_gaps}'}"
        return ComparedCell(wrong, _TONES[wrong], detail, known)
    if well == len(names):
        word = Standing.ENFORCED if counts[Standing.ENFORCED] else Standing.PASSED
        return ComparedCell(word, Tone.GOOD, counted(well, "case"), known)
    rest = (Standing.INCONCLUSIVE, Standing.NOT_OFFERED, Standing.NOT_TRIED)
    if well:
        others = [f"{counts[one]} {one}" for one in rest if counts[one]]
        detail = f"{well} of {counted(len(names), 'case')}; {', '.join(others)}"
        return ComparedCell(IN_PART, Tone.UNSURE, detail, known)
    word = next(one for one in rest if counts[one])
    return ComparedCell(word, _TONES[word], _why(column, known, names), known)


def _why(column: Column, known: Sequence[str], names: Sequence[str]) -> str:
    """Say why nothing was told of some cases: the reason that most of them have."""
    reasons = Counter(column.cases[name].told.reason for name in known)
    if missing := len(names) - len(known):
        reasons[column.absent] += missing
    why = reasons.most_common(1)[0][0]
    return "" if why == UNENFORCED else why  # the record's verdict says so once


def _intent_rows(runs: Sequence[Named]) -> Iterator[ComparedRow]:
    cells = [_intent_cells(one.run) for one in runs]
    for subject in dict.fromkeys(name for some in cells for name in some):
        yield _row(subject, [some.get(subject, UNTRIED) for some in cells])


def _intent_cells(run: RunRecord) -> dict[str, ComparedCell]:
    """Return how each intent of a run is kept, with why it is not and where it is stated."""
    behind: dict[str, dict[str, None]] = {}
    for finding in run.findings:
        behind.setdefault(finding.subject, {})[finding.text] = None
    for one in run.intents:
        behind.setdefault(one.intent, {})[f"stated in {one.place}"] = None
    return {
        name: ComparedCell(kept, _KEPT_TONES.get(kept, Tone.UNSURE), evidence=tuple(behind[name]))
        for name, kept in intents(run).items()
    }


def _door_rows(runs: Sequence[Named]) -> Iterator[ComparedRow]:
    states = [doors(one.run) for one in runs]
    for door in Door:
        names = [
            {name: state for name, state in some.items() if name.partition(", ")[0] == door}
            for some in states
        ]
        if any(names):
            yield _row(str(door), [_door_cell(door, some) for some in names])


def _door_cell(door: Door, ways: Mapping[str, DoorState]) -> ComparedCell:
    if not ways:
        return UNTRIED
    order = (DoorState.OPEN, DoorState.CLOSED, DoorState.UNDETERMINED)
    state = next(one for one in order if one in ways.values())
    number = sum(one is state for one in ways.values())
    lines = [f"{name}: {one}" for name, one in sorted(ways.items())]
    detail = f"{number} of {counted(len(ways), 'try')}"
    evidence = (*lines, f"guarded by: {FACTS[door].guard}")
    return ComparedCell(state, _DOOR_TONES[state], detail, evidence=evidence)


def _row(subject: str, cells: Sequence[ComparedCell]) -> ComparedRow:
    words = {cell.word for cell in cells if cell not in (UNTRIED, UNMEASURED)}
    difference = Difference.DIFFERS if len(words) > 1 else Difference.ALIKE
    if difference is Difference.ALIKE and UNTRIED in cells and words:
        difference = Difference.UNEQUALLY_TRIED
    return ComparedRow(subject, difference, tuple(cells))


_MEASURES: Mapping[str, Callable[[StepRecord], bool]] = {
    "policies are in force": lambda step: step.name in ("policies in force", "policies changed"),
    "policies are removed": lambda step: step.name == "policies removed",
    "a pod is restarted": lambda step: " restarted" in step.name,
    "a pod is new": lambda step: step.name.endswith((" created", " added")),
    "labels are changed": lambda step: " labelled " in step.name,
}
"""What a step waits for, by its name."""


def _time_rows(runs: Sequence[Named]) -> Iterator[ComparedRow]:
    for what, concerns in _MEASURES.items():
        cells = [_time_cell(one.run, concerns) for one in runs]
        if any(cell != UNMEASURED for cell in cells):
            yield ComparedRow(f"after {what}", Difference.ALIKE, tuple(cells))
    for what, seconds in (
        ("the suite", [one.run.suite_seconds for one in runs]),
        ("the whole run", [one.run.seconds for one in runs]),
    ):
        if any(seconds):
            cells = [ComparedCell(minutes(s), Tone.PLAIN) if s else UNMEASURED for s in seconds]
            yield ComparedRow(what, Difference.ALIKE, tuple(cells))


def _time_cell(run: RunRecord, concerns: Callable[[StepRecord], bool]) -> ComparedCell:
    """Return the median and the ninety-ninth of a hundred, of those that came to rest."""
    steps = [(one.id, step) for one in run.scenarios for step in one.steps if concerns(step)]
    slow = sorted(
        (step.convergence.seconds, f"{name}, {step.name}")
        for name, step in steps
        if step.convergence.settled
    )
    restless = [f"{name}, {step.name}" for name, step in steps if not step.convergence.settled]
    lines = [f"{seconds:.2f} s: {what}" for seconds, what in slow[: -SLOWEST - 1 : -1]]
    evidence = (*lines, *(f"did not come to rest: {what}" for what in restless[:SLOWEST]))
    if not steps:
        return UNMEASURED
    if not slow:
        return ComparedCell(
            "did not come to rest", Tone.UNSURE, f"0 of {len(steps)} did", evidence=evidence
        )
    at = (len(slow) * 99 + 99) // 100 - 1
    late = f"p99 {slow[at][0]:.2f} s" if len(slow) >= 100 else f"longest {slow[-1][0]:.2f} s"
    never = f"; {len(restless)} did not come to rest" if restless else ""
    median = statistics.median(seconds for seconds, _ in slow)
    detail = f"{late} of {len(slow)}{never}"
    return ComparedCell(f"{median:.2f} s", Tone.PLAIN, detail, evidence=evidence)


def minutes(seconds: float) -> str:
    """Say a time in minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _shared(told: Sequence[Column], names: Sequence[str]) -> Iterator[str]:
    """Say how many cases all records told, and how many more each of them did."""
    by = [{name for name in names if column.standing(name) in SAYING} for column in told]
    both = set.intersection(*by)
    yield f"What every record told is compared: {counted(len(both), 'case')}."
    for column, some in zip(told, by, strict=True):
        if more := len(some - both):
            yield f"{column.named.label}: {counted(more, 'case')} more, which not all have told."
        if left := len(both.union(*by)) - len(some):
            cut = f" ({column.absent})" if any(n not in column.cases for n in names) else ""
            yield f"{column.named.label}: {counted(left, 'case')} not told that another told{cut}."


_LIKENESS: Sequence[tuple[str, Callable[[ComparedRun], str]]] = (
    ("netproof", lambda run: run.netproof),
    ("Kubernetes", lambda run: run.kubernetes or "unknown"),
    ("nodes", lambda run: str(run.nodes)),
    ("IP families", lambda run: "+".join(run.families) or "none"),
)


def _unlike(runs: Sequence[ComparedRun]) -> Iterator[str]:
    """Say in what the records are unlike."""
    for what, of in _LIKENESS:
        values = [of(run) for run in runs]
        if len(set(values)) > 1:
            listed = ", ".join(f"{v} ({r.label})" for r, v in zip(runs, values, strict=True))
            yield f"{what} differ: {listed}."
