"""`netproof compare`: records side by side, for choosing a CNI and for the check after an upgrade.

What is compared, and what is worse, is said in `netproof.verdict`. Without `--fail-on worse` a
comparison is a table like any other and exits 0, whatever it shows.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netproof.cluster.profiles import reading
from netproof.errors import OutputError, UsageError
from netproof.front import options, output
from netproof.front.cli.record_commands import read
from netproof.front.reportfiles import TEXT, wanted
from netproof.front.statements import table
from netproof.model.comparison import Trend
from netproof.model.known_gap import KnownGap
from netproof.model.record import RunRecord
from netproof.model.value import replace
from netproof.report.comparison import tables
from netproof.report.comparison.words import against_sentence
from netproof.report.writers import ENDINGS, OF_COMPARISON
from netproof.verdict.comparison import compare, trend
from netproof.verdict.standings import Named

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

SUITES = Path(__file__).parents[2] / "suites"

MOST = 20
"""So many records side by side are read by somebody."""

NEVER, WORSE = "never", "worse"


def add(commands: Commands) -> None:
    """Hang the command into the parser."""
    parser = commands.add_parser("compare", help="records side by side: which CNI, what got worse?")
    parser.add_argument(
        "records",
        nargs="+",
        metavar="[NAME=]RECORD",
        help="record.json of a run, or .json.gz; NAME heads its column",
    )
    output.add_file(parser)
    options.declare(parser.add_argument, (options.REPORT, options.REPORT_DIR))
    parser.add_argument(
        "--format",
        choices=tuple(OF_COMPARISON.writers),
        help=f"without it, by the file's ending ({' '.join(ENDINGS)}), else text",
    )
    parser.add_argument(
        "--fail-on",
        choices=(NEVER, WORSE),
        default=NEVER,
        help="worse: exit 1 where a later record is worse than the first (default: never)",
    )
    parser.set_defaults(run=_compare)


def _compare(option: argparse.Namespace) -> int:
    form, shown = _form(option), output.is_stdout(option.output)
    also = [(form, str(option.output or output.STDOUT))] if option.format or not shown else []
    reports = wanted(option.report, OF_COMPARISON, option.report_dir, also=also, text=shown)
    reports.prepare()
    if option.fail_on == WORSE and not option.records[1:]:
        raise UsageError("--fail-on worse holds later records against the first: name two or more")
    comparison = compare(_named(option.records), table(SUITES.resolve()))
    if reports.stdout is OF_COMPARISON.writers[TEXT]:
        colour, width = output.screen()
        output.out(tables.text(comparison, colour=colour, width=width))
        reports = replace(reports, stdout=None)
    if problems := reports.write(comparison):
        raise OutputError("\n".join(problems))
    if not shown and reports.stdout is None:
        verdicts = [f"{run.verdict}: {run.label}" for run in comparison.runs]
        output.say(str(option.output), *verdicts, *map(against_sentence, comparison.against))
    worse = trend(comparison) in (Trend.WORSE, Trend.UNTOLD)
    return 1 if worse and option.fail_on == WORSE else 0


def _form(option: argparse.Namespace) -> str:
    """Return the form that is asked for, by its name or by the ending of the file."""
    if option.format:
        return str(option.format)
    if output.is_stdout(option.output):
        return "text"
    form = ENDINGS.get(option.output.suffix.lower())
    if form is None:
        raise UsageError(
            f"{option.output}: no form is written to a file that ends so; name --format, or end it "
            f"in one of {' '.join(ENDINGS)}"
        )
    return form


def _named(words: Sequence[str]) -> tuple[Named, ...]:
    """Return the records with the heads of their columns, no two of which are the same."""
    if len(words) > MOST:
        raise UsageError(f"{len(words)} records are more than anybody reads; name {MOST} at most")
    parts = [_parted(word) for word in words]
    runs = [read(file) for _, file in parts]
    given = [name for name, _ in parts]
    labels = [name or _title(run) for name, run in zip(given, runs, strict=True)]
    return tuple(
        Named(label, run, _declared(run))
        for label, run in zip(_told_apart(labels, runs, parts), runs, strict=True)
    )


def _parted(word: str) -> tuple[str, Path]:
    """Return the name and the file of `NAME=FILE`; a file may have the sign in its own name."""
    name, sign, file = word.partition("=")
    if not sign or not file or Path(word).exists():
        return "", Path(word)
    return name, Path(file)


def _title(run: RunRecord) -> str:
    cluster = run.cluster
    known = cluster.dataplane or cluster.name or "no cluster"
    return f"lab {known}" if cluster.kind == "lab" else known


def _told_apart(
    labels: Sequence[str], runs: Sequence[RunRecord], parts: Sequence[tuple[str, Path]]
) -> list[str]:
    """Add to labels that are alike what differs between their records, their number at the last."""
    ways = [[run.cluster.version for run in runs], [f"netproof {run.netproof}" for run in runs]]
    ways += [[run.started for run in runs], [str(file) for _, file in parts]]
    ways.append([f"no {number}" for number in range(1, len(runs) + 1)])
    for more in ways:
        seen = Counter(labels)
        longer = [f"{one} ({also})" for one, also in zip(labels, more, strict=True)]
        alike = {one for one in labels if seen[one] > 1}
        apart = {
            one
            for one in alike
            if len({b for a, b in zip(labels, longer, strict=True) if a == one}) > 1
        }
        labels = [b if a in apart else a for a, b in zip(labels, longer, strict=True)]
    return list(labels)


def _declared(run: RunRecord) -> tuple[KnownGap, ...]:
    """Return the gaps that the profile of a record's CNI declares, in the version that was run."""
    configs, dataplane = reading.folder(), run.cluster.dataplane
    for name in reading.names(configs):
        if dataplane.lower().startswith(name):
            profile = reading.load(name, configs)
            if dataplane in (profile.title, f"{profile.title} {profile.version}"):
                return profile.gaps
    return ()
