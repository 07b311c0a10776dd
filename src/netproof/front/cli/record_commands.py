"""`netproof publish`: the record of a run as it may be shown to anybody.

A record names the machine that it was made on: files and folders in commands, nodes, hosts, who
holds which keys. What is taken out is told in the record itself. No flow, no count and no verdict
is another afterwards: texts are changed, and nothing is judged by them.
"""

from __future__ import annotations

import argparse
import gzip
import re
import shlex
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netproof.errors import UsageError
from netproof.front import options, output
from netproof.model import codec
from netproof.model.record import RunRecord
from netproof.model.value import replace
from netproof.report.text import counted, with_texts

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

COMPRESSED = ".gz"

SUITES = "netproof/suites/"
"""From here on a file is the same wherever netproof is installed."""

LARGEST = 512 * 1024 * 1024
"""Bytes of a record; that of all suites has one million."""

OWN_NAMES = ("context", "cluster-name", "node-image", "bundle", "outside")

_PRIVATE = {
    option.name
    for option in options.ALL
    if option.is_path or option in options.PODS or option.name in OWN_NAMES
}
"""Options whose values name files, hosts or what somebody calls his own."""

_PATH = re.compile(
    r"(?<![\w./:~}*-])(?:/(?!apis?/|healthz|livez|readyz|version\b)|(?:\.\./)+)"
    r"[^\s\"'`,;:()\[\]{}<>|]*"
)
"""A file's name from the root or from above, and no path of an API."""

_HOST = re.compile(r"(https?://)([^\s/\"'`)\]}>]+)")

_MACHINE = re.compile(r"(outside but for )the machine \S+, at [^\s,;]+(, [^\s,;]*[.:][^\s,;]*)*")
"""Who stood for the world outside, with the addresses that were tried."""

PUBLIC_HOSTS = ("github.com", "kubernetes.io", "docs.cilium.io", "docs.tigera.io")
"""Where profiles and messages of netproof lead to."""


def add(commands: Commands) -> None:
    """Hang the command into the parser."""
    parser = commands.add_parser("publish", help="a record without what names your machine")
    parser.add_argument("record", type=Path, metavar="RECORD", help="record.json of a run")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=_publish)


def _publish(option: argparse.Namespace) -> int:
    run = published(read(option.record))
    text = codec.dumps(run).encode()
    compressed = option.output.suffix == COMPRESSED
    try:
        # Without a time, so that the same record is the same file.
        option.output.write_bytes(gzip.compress(text, mtime=0) if compressed else text)
    except OSError as error:
        raise UsageError(f"{option.output}: {error.strerror}") from error
    output.say(f"{option.output}: {run.notes[-1]}")
    return 0


def read(file: Path) -> RunRecord:
    """Return the record in a file, compressed as .gz or not; raise UsageError for none."""
    try:
        with gzip.open(file) if file.suffix == COMPRESSED else file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > LARGEST:
        raise UsageError(f"{file}: more than {LARGEST} bytes are no record")
    try:
        return codec.loads(content.decode())
    except (UsageError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {error}") from error


def published(run: RunRecord) -> RunRecord:
    """Return a record without names of files, nodes, hosts and people, which says so in a note."""
    taken = Counter[str]()
    names = {name: f"node-{number}" for number, name in enumerate(run.cluster.nodes, start=1)}
    names[run.cluster.name] = "cluster"
    # The longest first: one may be part of another.
    names = {name: names[name] for name in sorted(filter(None, names), key=len, reverse=True)}
    scenarios = tuple(replace(one, repeat=_command(one.repeat, taken)) for one in run.scenarios)
    told = Counter[str]()  # a cause's command is that of a scenario, and was counted there
    causes = tuple(replace(one, repeat=_command(one.repeat, told)) for one in run.causes)
    cleared = replace(run, scenarios=scenarios, causes=causes, keys=())
    changed = with_texts(cleared, lambda text: _cleared(text, names, taken))
    note = (
        "published: left out are "
        f"{counted(taken['option'], 'option')} of commands, the places of "
        f"{counted(taken['file'], 'file')}, {counted(taken['host'], 'host')} and "
        f"{counted(len(run.keys), 'holder')} of keys; the cluster and its nodes have other names"
    )
    return replace(changed, notes=(*changed.notes, note))


def _cleared(text: str, names: Mapping[str, str], taken: Counter[str]) -> str:
    """Return a text without what names a machine."""
    if text in names:
        return names[text]

    def place(found: re.Match[str]) -> str:
        taken["file"] += 1
        _, of_suites, rest = found[0].rpartition(SUITES)
        return f".../{of_suites + rest if of_suites else found[0].rstrip('/').rpartition('/')[2]}"

    def host(found: re.Match[str]) -> str:
        known = found[2] in PUBLIC_HOSTS
        taken["host"] += not known
        return found[0] if known else f"{found[1]}..."

    named, machines = _MACHINE.subn(r"\1a machine", text)
    taken["host"] += machines
    return _HOST.sub(host, _PATH.sub(place, _named(named, names)))


def _named(text: str, names: Mapping[str, str]) -> str:
    """Put other names in the place of those that are no plain words, and of `node NAME`."""
    for name, other in names.items():
        if name in text:
            before = r"(?<![\w./-])" if re.search(r"[-.\d]", name) else r"(?<=\bnode )"
            text = re.sub(rf"{before}{re.escape(name)}(?![\w-]|\.\w)", other, text)
    return text


def _command(text: str, taken: Counter[str]) -> str:
    """Return a command by the program that everybody has, without options that name places."""
    try:
        words = shlex.split(text.removeprefix("(").removesuffix(")"))
    except ValueError:
        return ""
    if "-m" in words:  # an interpreter, and the folder that it was called in
        words = words[words.index("-m") + 1 :]
    kept = list[str]()
    rest = iter(words)
    for word in rest:
        name = word.removeprefix("--").removeprefix(options.PREFIX)
        if not (word.startswith("--") and name in _PRIVATE):
            kept.append(word)
            continue
        taken["option"] += 1
        next(rest, "")
    return shlex.join(kept)
