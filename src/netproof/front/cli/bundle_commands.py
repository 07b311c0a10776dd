"""`netproof check|snapshot|diff|explain|graph`: a bundle as a regression test, from the shell.

What sends packets is imported by the call that sends them: it takes twice as long to load as a
small bundle to read.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from netproof.errors import OutputError, PolicyError, UsageError
from netproof.front import options as known
from netproof.front import output
from netproof.front.bundlereading import add_reading, reading
from netproof.front.reportfiles import TEXT, Reports, for_reader, wanted
from netproof.model import codec
from netproof.model.check import CheckRecord
from netproof.model.known_gap import CniFacts
from netproof.model.review import DiffRecord, Note, Snapshot
from netproof.model.value import replace
from netproof.policy.mirror import FILE, Mirror, mirror_texts
from netproof.policy.rendering import RENDERED, read_bundle
from netproof.policy.sources import LINK, is_named, piped
from netproof.printing import Printable, counted, several_lines
from netproof.report.review import markdown, terminal
from netproof.report.review.sentences import check_summary
from netproof.report.writers import OF_CHECK
from netproof.review.case import Case, by_reading, check, open_case, read_mirror
from netproof.review.difference import compare_mirrors, compare_snapshots
from netproof.review.explanation import explain
from netproof.review.snapshot import is_snapshot, read_snapshot, take, views, write_snapshot
from netproof.verdict import check_exit_code

if TYPE_CHECKING:
    from netproof.model.picture import Picture

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

EXIT_OK = 0
EXIT_FINDINGS = 1

Renderers = Mapping[str, Callable[..., Printable]]


_DIFF: Renderers = {"text": terminal.diff, "markdown": markdown.diff, "json": codec.dumps}
_EXPLAIN: Renderers = {
    "text": terminal.explanations,
    "markdown": markdown.explanations,
    "json": codec.dumps,
}


def add(commands: Commands) -> None:
    """Hang the commands about bundles into the parser."""
    _add_check(commands.add_parser("check", help="do the policies of a bundle say what is meant?"))
    shot = commands.add_parser("snapshot", help="write down who reaches whom")
    _add_bundle(shot)
    output.add_file(shot)
    shot.set_defaults(run=_snapshot)
    _add_diff(commands.add_parser("diff", help="what does a change of a bundle open and close?"))
    why = commands.add_parser("explain", help="why does a flow go as it goes?")
    why.add_argument("bundle", metavar="BUNDLE", help=_BUNDLE)
    why.add_argument("statement", metavar="STATEMENT", help='for example "api -> postgres:5432"')
    add_reading(why)
    _add_format(why, _EXPLAIN)
    why.set_defaults(run=_explain)
    _add_graph(commands.add_parser("graph", help="draw who reaches whom"))


_BUNDLE = "a file, a folder, git:REVISION:PATH, or - for standard input"


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_bundle_or_cluster(parser)
    parser.add_argument(
        "--intents", action="append", default=[], help="an intents file; repeatable"
    )
    parser.add_argument("--mutate", action="store_true", help="which changes would nobody notice?")
    parser.add_argument("--strict", action="store_true", help="warnings count as findings")
    parser.add_argument("--static", action="store_true", help="send no packets")
    _add_cluster(parser)
    known.declare(parser.add_argument, (known.REPORT,))
    shown = "the same as --report FORMAT=- (with -o: =FILE)"
    parser.add_argument("--format", choices=tuple(OF_CHECK.writers), help=shown)
    output.add_file(parser)
    parser.set_defaults(run=_check)


def _add_diff(parser: argparse.ArgumentParser) -> None:
    for name in ("old", "new"):
        parser.add_argument(name, metavar=name.upper(), help=f"{_BUNDLE}; or a kept snapshot")
    add_reading(parser)
    parser.add_argument(
        "--fail-on",
        choices=tuple(_FAILS_ON),
        default="open",
        help="which changes make the exit code 1 (default: open, what gets through that did not)",
    )
    _add_format(parser, _DIFF)
    parser.set_defaults(run=_diff)


_FAILS_ON: Mapping[str, Callable[[DiffRecord], object]] = {
    "open": lambda found: found.opened,
    "close": lambda found: found.closed,
    "any": lambda found: found.changes,
    "never": lambda _found: False,
}


_DRAWN = {"html": "html", "htm": "html", "svg": "svg", "dot": "dot", "gv": "dot"}
_DRAWN |= {"mermaid": "mermaid", "mmd": "mermaid"}
"""What a picture is written as, by the ending of its file's name."""


def _add_graph(parser: argparse.ArgumentParser) -> None:
    _add_bundle_or_cluster(parser)
    known.declare(parser.add_argument, known.EXISTING)
    output.add_file(parser)
    parser.add_argument(
        "--format",
        choices=tuple(dict.fromkeys(_DRAWN.values())),
        help="as which it is drawn (as the file's name ends; svg on standard output)",
    )
    parser.set_defaults(run=_graph)


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", nargs="+", metavar="BUNDLE", help=_BUNDLE)
    add_reading(parser)


def _add_bundle_or_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", nargs="*", metavar="BUNDLE", help=_BUNDLE)
    add_reading(parser)
    parser.add_argument(
        "--from-cluster",
        action="store_true",
        help="read what a cluster holds (--context, --kubeconfig; -n: one namespace of it)",
    )


def _name(options: argparse.Namespace) -> str:
    """Return what is read, as reports call it."""
    return " ".join(options.bundle) or f"cluster {options.context}".strip()


def _add_format(parser: argparse.ArgumentParser, renderers: Renderers) -> None:
    parser.add_argument("--format", choices=tuple(renderers), default="text")
    output.add_file(parser)


def _check(options: argparse.Namespace) -> int:
    began = time.monotonic()
    if options.static and options.require_packets:
        raise UsageError("--static sends no packets and --require-packets asks for them; name one")
    kept = not output.is_stdout(options.output)
    reports = _reports(options, kept=kept)
    reports.prepare()
    case = open_case(
        options.bundle,
        name=_name(options),
        also=_from_cluster(options),
        intents=options.intents,
        stdin=piped([*options.bundle, *options.intents]),
        cni=_cni_facts(options),
        reading=reading(options, options.namespace),
    )
    cni = options.cni or options.cluster.partition(":")[2]
    record = check(case, cni=cni, with_mutations=options.mutate)
    record = by_reading(record) if options.static else _with_packets(case, record, options)
    code = check_exit_code(record, strict=options.strict)
    record = replace(record, seconds=round(time.monotonic() - began, 3), exit_code=code)
    sentence = record.exit_reason or check_summary(record)
    if reports.has("html"):
        record = _drawn(record, case)
    if problems := reports.write(record):
        raise OutputError("\n".join([*problems, sentence]))
    if kept and reports.stdout is None:
        output.say(sentence)
    return record.exit_code


def _drawn(record: CheckRecord, case: Case) -> CheckRecord:
    """Return a check with its picture for the page: of what was probed, or read."""
    from netproof.review.picture import read_picture

    try:
        return replace(record, picture=record.picture or read_picture(case.mirror, case.name))
    except PolicyError as error:
        output.tell(f"netproof: the page has no picture: {error}")
        return record


def _reports(options: argparse.Namespace, *, kept: bool) -> Reports[CheckRecord]:
    """Return the reports that are asked for; a sentence takes the place of a text that is kept."""
    also = [(options.format or TEXT, str(options.output or output.STDOUT))]
    also = also if options.format or options.output else []
    return wanted(options.report, OF_CHECK, options.report_dir, also=also, text=not kept)


def _from_cluster(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Return what the cluster holds that is to be read, nothing where none is."""
    if options.from_cluster and not options.static:
        raise UsageError("--from-cluster reads a cluster and sends no packet: add --static")
    return _held_by_cluster(options, "checked")


def _held_by_cluster(options: argparse.Namespace, what: str) -> list[tuple[str, str]]:
    if not options.from_cluster:
        if not options.bundle:
            raise UsageError(f"what is to be {what}? Name a BUNDLE, or --from-cluster")
        return []
    from netproof.cluster.api.client import Client
    from netproof.cluster.backend import ClusterRef
    from netproof.cluster.contents import read_contents

    client = Client(ClusterRef("existing", options.context, options.kubeconfig, options.context))
    try:
        return list(read_contents(client, options.namespace))
    finally:
        client.close()


def _cni_facts(options: argparse.Namespace) -> CniFacts | None:
    """Return what is declared of a CNI that is named, where no packets will tell."""
    if not options.static or not (options.cni or ":" in options.cluster):
        return None
    from netproof.front import places

    return places.cni_facts(options)


def _mirror(
    sources: Sequence[str], options: argparse.Namespace, also: Iterable[tuple[str, str]] = ()
) -> Mirror:
    how = reading(options, options.namespace)
    return _told(read_mirror(sources, stdin=piped(sources), also=also, reading=how))


_REQUIRED = (known.REQUIRE_ENFORCEMENT, known.REQUIRE_PACKETS)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where packets are sent."""
    add = parser.add_argument_group("where packets are sent").add_argument
    add("--cluster", default="lab", help="lab (default), existing or kind:CNI")
    known.declare(add, (*known.PLACES, *_REQUIRED, known.REPORT_DIR))


def _with_packets(case: Case, checked: CheckRecord, options: argparse.Namespace) -> CheckRecord:
    """Return the check with what packets show; nothing is left behind, also after a signal."""
    import uuid

    from netproof.front import places
    from netproof.front.interruption import told_to_end_as_ctrl_c
    from netproof.front.screen import progress
    from netproof.run import bundle_run
    from netproof.run.controller import Controller
    from netproof.run.session import RunSession

    run_id = uuid.uuid4().hex[:8]
    wishes = places.wishes(options, nodes=True)
    screen = progress()
    where = places.backend(options, run_id, screen.say, command="check")
    controller = Controller(where, run_id, wishes, screen.phase)
    run = RunSession(controller, run_id, options.require_enforcement, options.require_packets)
    with told_to_end_as_ctrl_c(), closing(screen):
        screen.phase(places.beginning(options))
        handout = run.start()
        try:
            screen.phase(f"packets: trying {counted(checked.flows, 'flow')}")
            probed = bundle_run.probe(case, checked.intents, handout, wishes.settings(handout.ref))
            run.take(probed)
        finally:
            run.finish()
    return bundle_run.with_packets(checked, run.evidence(), probed.notes)


def _snapshot(options: argparse.Namespace) -> int:
    mirror = _mirror(options.bundle, options)
    output.put(write_snapshot(_snapshot_of(mirror)), options.output)
    return EXIT_OK


def _diff(options: argparse.Namespace) -> int:
    names = (options.old, options.new)
    old, new = (_state(source, options) for source in names)
    record = _compared(old, new, names)
    _put(_DIFF[options.format](record), options)
    return EXIT_FINDINGS if _FAILS_ON[options.fail_on](record) else EXIT_OK


def _put(text: Printable, options: argparse.Namespace) -> None:
    """Write what a command found; a text on standard output as a person there can read it best."""
    if options.format == TEXT and output.is_stdout(options.output):
        text = for_reader(text)
    output.put(text, options.output)


def _state(source: str, options: argparse.Namespace) -> Mirror | Snapshot:
    notes: list[Note] = []
    how = reading(options, options.namespace, wanted=False)  # the other state may be the chart
    texts = list(read_bundle([source], how, piped([source]), notes))
    if len(texts) == 1 and is_snapshot(texts[0][1]):
        name, text = texts[0]
        return read_snapshot(text, name)
    found = partial(_is_found, source)
    return _told(mirror_texts(texts, default_namespace=options.namespace, notes=notes, found=found))


def _is_found(source: str, name: str) -> bool:
    """Tell whether a text was only found in what was named."""
    return not is_named(name, [source])


def _told(mirror: Mirror) -> Mirror:
    """Say on standard error what was not read and may matter; a snapshot has no room for it."""
    for note in mirror.notes:
        if note.what in (LINK, FILE, RENDERED):
            output.tell(f"netproof: {note.place}: {note.text}")
    for remark in mirror.remarks:
        output.tell(f"netproof: {remark}")
    return mirror


def _compared(old: Mirror | Snapshot, new: Mirror | Snapshot, names: tuple[str, str]) -> DiffRecord:
    if isinstance(old, Mirror) and isinstance(new, Mirror):
        return compare_mirrors(old, new, names)
    if isinstance(new, Mirror):
        (after,) = views(new, also=(old.strangers or ()) if isinstance(old, Snapshot) else ())
        return compare_snapshots(_snapshot_of(old), take(after), names, after)
    return compare_snapshots(_snapshot_of(old, new.strangers or ()), new, names)


def _snapshot_of(state: Mirror | Snapshot, also: Iterable[str] = ()) -> Snapshot:
    """Return the snapshot of a bundle, with further strangers told apart; a kept one as it is."""
    return take(views(state, also=also)[0]) if isinstance(state, Mirror) else state


def _explain(options: argparse.Namespace) -> int:
    mirror = _mirror([options.bundle], options)
    _put(_EXPLAIN[options.format](explain(mirror, options.statement)), options)
    return EXIT_OK


def _graph(options: argparse.Namespace) -> int:
    """Draw a bundle; what draws is imported by the call that does."""
    form = _form(options)
    mirror = _mirror(options.bundle, options, _held_by_cluster(options, "drawn"))
    from netproof.report.picture import drawing, languages
    from netproof.review.picture import read_picture

    writers: Mapping[str, Callable[[Picture], str]] = {
        "html": drawing.html,
        "svg": drawing.svg,
        "dot": languages.dot,
        "mermaid": languages.mermaid,
    }
    text = several_lines(writers[form](read_picture(mirror, _name(options))))
    output.put(text, options.output)
    return EXIT_OK


def _form(options: argparse.Namespace) -> str:
    """Return what a picture is to be written as: what is asked for, else by the file's name."""
    if options.format:
        return str(options.format)
    if output.is_stdout(options.output):
        return "svg"
    ending = options.output.suffix.lstrip(".").lower()
    if ending not in _DRAWN:
        endings = ", ".join(f".{one}" for one in _DRAWN)
        raise UsageError(f"{options.output}: name it by one of {endings}, or say --format")
    return _DRAWN[ending]
