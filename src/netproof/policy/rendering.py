"""Bundles that a tool has to render: kustomizations and Helm charts -> texts with their sources.

What such a folder holds is not what is applied: names, namespaces and labels are the tool's to set.
So its files are never read as they are. Copies of those that it uses are rendered in a folder of
their own. Lines are those of what was rendered; what it was made from is named beside, where the
renderer wrote it down, and without a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from netproof.errors import PolicyError, UsageError
from netproof.model.review import Note
from netproof.policy.document import Node, RenderedName, read_documents
from netproof.policy.intentdocuments import states_intents
from netproof.policy.limits import MAX_ALL_BYTES, MAX_BYTES, MAX_FILES, refuse_more
from netproof.policy.renderers import Renderer, helm, kustomize, run
from netproof.policy.sources import GIT, LINK, STDIN, SUFFIXES, Reader, content, decode, opened
from netproof.policy.syntax import dns_label
from netproof.policy.trees import TOP, DiskTree, RevisionTree, Tree, joined

CHART = "Chart.yaml"
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The names that kustomize looks for (sigs.k8s.io/kustomize/api/konfig)."""

RENDERED = "Rendered"
"""What a note is about that says of a folder that a tool rendered it."""

_SPLIT = "render it yourself, and pipe that"
_FLUX = re.compile(r"^apiVersion:\s*[\"']?kustomize\.toolkit\.fluxcd\.io/", re.MULTILINE)
_FILE = re.compile(r"(?P<folder>(git:[^:]*:)?(.*/)?)(?P<name>[^/]+)", re.DOTALL)
_RELEASE = 53
"""Characters of the name of a release (helm.sh/helm/v3/pkg/chartutil/validate_name.go)."""

_OBJECTS = ("resources", "bases", "components")
"""Fields of a kustomization that name files, folders, or what is to be fetched."""

_REMOTE = re.compile(r"\w+://|git@|git::|gh:|(www\.)?github\.com[/:]")
_PLUGINS = ("generators", "transformers", "validators")
"""Fields of a kustomization whose files name further files."""

_STARTS = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SOURCE = re.compile(r"\A---[^\n]*\n# Source: (?P<path>[^\n]+)")
_ORIGIN = re.compile(
    r"^ +config\.kubernetes\.io/origin: \|-?\n(?P<lines>(?: +\S[^\n]*\n?)+)", re.MULTILINE
)
_PATH = re.compile(r"^\s+(?P<key>path|configuredIn|repo): (?P<value>\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a bundle is read: the values of its chart, and where objects go that name no namespace.

    `values` are files, `sets` words as helm takes them, `allowed` says whether tools may run.
    `wanted` tells whether it is an error where those go to no chart.
    """

    allowed: bool = True
    values: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    release: str = ""
    kube_version: str = ""
    namespace: str = ""
    wanted: bool = True


PLAINLY = ReadingOptions()


def read_bundle(
    sources: Iterable[str],
    reading: ReadingOptions,
    stdin: str | bytes | None = None,
    notes: list[Note] | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of everything that people name, rendered where it has to be.

    Raises as `read_texts` does; PolicyError too for what cannot be rendered, with the command whose
    output can be piped instead.
    """
    found: list[_Folder] = []
    reader = Reader(notes, stdin)
    for source in _meant([*sources], notes):
        here = _Here(source)
        reader.apart = here.takes
        for name, text in reader.texts(source):
            yield (_sourced(name, text, str) if name == STDIN else name), text
        chosen = here.chosen(reading)
        for folder in chosen:
            yield from folder.texts(reading, reader)
        found += chosen
        if notes is not None:
            notes += here.notes(chosen)
    charts = [folder for folder in found if folder.is_chart]
    if reading.wanted and (reading.values or reading.sets) and len(charts) != 1:
        named = ", ".join(folder.shown for folder in charts) or "none"
        raise UsageError(f"--values and --set are for one Helm chart (there are: {named})")


def _meant(sources: Sequence[str], notes: list[Note] | None) -> Iterator[str]:
    """Yield what people name; the file that makes a folder a kustomization or chart means that.

    Unless files beside it are named, too, as a shell does for `*.yaml`: those are to be read.
    """
    parts = [_FILE.fullmatch(source) for source in sources]
    folders = [part["folder"] if part else "" for part in parts]
    for source, part in zip(sources, parts, strict=True):
        if part is None or part["name"] not in (*KUSTOMIZATIONS, CHART):
            yield source
        elif folders.count(part["folder"]) == 1:
            yield f"{part['folder']}."
        elif notes is not None:
            text = "is passed over: files beside it are named, and read as they are"
            notes.append(Note(RENDERED, source, text))


class _Here:
    """The folders below one thing that people name that are to be rendered."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._tree: Tree | None = None
        self._found: list[_Folder] = []

    def takes(self, shown: str, names: Sequence[str]) -> bool:
        """Take a folder, unless it is to be read as it is."""
        marks = [name for name in (*KUSTOMIZATIONS, CHART) if name in names]
        if not marks:
            return False
        if self._tree is None:
            git = self.source.startswith(GIT)
            self._tree = RevisionTree(self.source) if git else DiskTree(self.source)
        folder = _Folder(self._tree, self._tree.inside(shown), shown, marks[0])
        if folder.is_of_flux:
            return False
        self._found.append(folder)
        return True

    def chosen(self, reading: ReadingOptions) -> list[_Folder]:
        """Return those that are not parts of others; raise PolicyError for states of one thing."""
        for one in self._found if not reading.allowed else ():
            why = f"is {one.kind}, and --render never says not to render it"
            raise PolicyError(one.shown, f"{why}; pipe what it comes to: {one.pipe}")
        if [self._named] == [one.shown for one in self._found]:
            return self._found
        whole = [one for one in self._found if not one.is_part]
        used = self._used
        tops = [one for one in whole if one.path not in used] or whole
        for at, one in enumerate(tops):
            others = [other for other in tops[at + 1 :] if one.bases & other.bases]
            if others:
                named = ", ".join(other.shown for other in (one, *others))
                raise PolicyError(
                    self.source.removeprefix(GIT),
                    f"holds several states of one thing, for they use the same base: {named}; "
                    "name one of them",
                )
        return tops

    def notes(self, chosen: Sequence[_Folder]) -> Iterator[Note]:
        """Yield what is to be said of the folders, those that were left out among them."""
        for folder in chosen:
            yield Note(RENDERED, folder.shown, f"is read as `{folder.command}` renders it")
        for folder in self._found:
            if folder.is_part and folder not in chosen and folder.path not in self._used:
                yield Note(RENDERED, folder.shown, "is a part of others, none of which is here")
        for place, text in self._tree.left if self._tree else ():
            yield Note(LINK, place, text)

    @property
    def _named(self) -> str:
        git = self.source.startswith(GIT)
        return self.source.removeprefix(GIT).rstrip("/") if git else str(Path(self.source))

    @cached_property
    def _used(self) -> set[PurePosixPath]:
        return {path for one in self._found for path in one.closure.folders if path != one.path}


@dataclass(frozen=True)
class _Folder:
    """A folder that a tool renders; `mark` is the file that says so."""

    tree: Tree
    path: PurePosixPath
    shown: str
    mark: str

    @property
    def is_chart(self) -> bool:
        """Tell a Helm chart from a kustomization."""
        return self.mark == CHART

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return "a Helm chart" if self.is_chart else "a kustomization"

    @property
    def is_of_flux(self) -> bool:
        """Tell whether the file is called so, but is an object of Flux's."""
        return not self.is_chart and bool(_FLUX.search(self._text(self.mark)))

    @cached_property
    def is_part(self) -> bool:
        """Tell whether it makes sense within others only."""
        kind = self._value("type" if self.is_chart else "kind")
        return kind in ("library", "Component")

    @property
    def bases(self) -> set[PurePosixPath]:
        """The folders whose objects are among its own; components bring none of their own."""
        return self.closure.folders - self.closure.components

    @property
    def command(self) -> str:
        """What people type to have it rendered."""
        return f"{'helm template' if self.is_chart else 'kustomize build'} {self.shown}"

    @property
    def pipe(self) -> str:
        """What people type to have it checked without rendering it here."""
        return f"`{self.command} | netproof check -`"

    @cached_property
    def closure(self) -> _Closure:
        """The files that it is made from."""
        made = _Closure(self.tree, self.pipe)
        if self.is_chart:
            made.folders.add(self.path)
            made.take(self.tree.below(self.path))
        else:
            made.follow(self.path)
        return made

    def texts(self, reading: ReadingOptions, reader: Reader) -> Iterator[tuple[str, str]]:
        """Yield what the tool makes of it by its sources, and the intents that lie in it."""
        renderer = helm() if self.is_chart else kustomize()
        if renderer is None:
            tool = "helm" if self.is_chart else "kustomize or kubectl"
            why = f"is {self.kind}, and {tool} is not installed"
            raise PolicyError(
                self.shown, f"{why}; install it, or pipe what it comes to: {self.pipe}"
            )
        data = self._rendered(renderer, reading, f"or pipe what it comes to: {self.pipe}")
        name = f"{renderer.name} {self.shown}"
        text = reader.taken(name, data)
        yield _sourced(name, text, self._called), text
        yield from self._intents(reader)

    def _rendered(self, renderer: Renderer, reading: ReadingOptions, remedy: str) -> bytes:
        import tempfile  # noqa: PLC0415 - 5 ms of each start, for the few folders that are rendered

        with tempfile.TemporaryDirectory(prefix="netproof-") as made:
            top, home = Path(made, "tree"), Path(made, "home")
            home.mkdir()
            self.closure.write(top)
            words = [f"./{self.path}"]
            if self.is_chart:
                words = [*self._release(reading), *words, *_values(reading, Path(made))]
            return run(renderer, words, folder=top, home=home, place=self.shown, remedy=remedy)

    def _release(self, reading: ReadingOptions) -> list[str]:
        name = reading.release or self._value("name")
        wrong = bool(dns_label(name)) or len(name) > _RELEASE
        if wrong and reading.release:
            raise UsageError(f"{name!r} is no name of a release: {_RELEASE} of a-z, 0-9 and -")
        release = "release-name" if wrong else name
        return [release, "--namespace", reading.namespace] if reading.namespace else [release]

    def _intents(self, reader: Reader) -> Iterator[tuple[str, str]]:
        """Yield the files beside it that state intents and nothing else: no tool renders those."""
        for name in self.tree.names(self.path):
            if name.endswith(SUFFIXES) and "intents" in (text := self._text(name)):
                shown = self.tree.shown(self.path / name)
                nodes = _documents(text, shown)
                if nodes and all(map(states_intents, nodes)):
                    yield shown, reader.taken(shown, text)

    def _called(self, source: str) -> str:
        """Return what people call a file that the tool wrote down, if it is one of these."""
        path = PurePosixPath(source)
        near = "/".join(path.parts[1:]) if self.is_chart else source
        whole = joined(self.path, near)
        return self.tree.shown(whole) if whole and whole in self.closure.files else source

    def _value(self, key: str) -> str:
        shown = self.tree.shown(self.path / self.mark)
        return _value(_documents(self._text(self.mark), shown), key)

    def _text(self, name: str) -> str:
        return _text(self.tree, self.path / name)


def _text(tree: Tree, path: PurePosixPath) -> str:
    ((_, data),) = tree.contents([path])
    return decode(data, tree.shown(path))


def _documents(text: str, name: str) -> tuple[Node, ...]:
    """Return what a file says, nothing where it cannot be read: the tool will say so."""
    try:
        return read_documents(text, name)
    except PolicyError:
        return ()


def _value(nodes: Sequence[Node], key: str) -> str:
    value = nodes[0].value if nodes else None
    found = value.get(key) if isinstance(value, Mapping) else None
    return found.value if found and isinstance(found.value, str) else ""


class _Closure:
    """The files of a tree that a kustomization or chart is made from."""

    def __init__(self, tree: Tree, pipe: str) -> None:
        self.files: dict[PurePosixPath, bytes] = {}
        self.folders: set[PurePosixPath] = set()
        self.components: set[PurePosixPath] = set()
        self._tree = tree
        self._pipe = pipe
        self._size = 0

    def take(self, paths: Iterable[PurePosixPath]) -> None:
        """Take files; raise PolicyError where they are too many."""
        for path, data in self._tree.contents(path for path in paths if path not in self.files):
            self.files[path] = data
            self._size += len(data)
            shown = self._tree.shown(path)
            refuse_more(len(data), MAX_BYTES, "bytes", shown, _SPLIT)
            refuse_more(len(self.files), MAX_FILES, "files", shown, _SPLIT)
            refuse_more(self._size, MAX_ALL_BYTES, "bytes in all files", shown, _SPLIT)

    def follow(self, folder: PurePosixPath) -> None:
        """Take a kustomization and all that it names, bases and components too."""
        to_do = [folder]
        while to_do:
            here = to_do.pop()
            mark = next((n for n in KUSTOMIZATIONS if n in self._tree.names(here)), None)
            if here in self.folders or mark is None:
                continue
            self.folders.add(here)
            to_do += self._named_by(here, here / mark)

    def _named_by(self, folder: PurePosixPath, file: PurePosixPath) -> list[PurePosixPath]:
        """Take the files that one file names, by paths from a folder; return the folders."""
        self.take([file])
        shown = self._tree.shown(file)
        folders: list[PurePosixPath] = []
        nodes = _documents(decode(self.files[file], shown), shown)
        if file.name in KUSTOMIZATIONS and _value(nodes, "kind") == "Component":
            self.components.add(folder)
        for key, node in _scalars(nodes):
            if key in _OBJECTS and isinstance(node.value, str) and _REMOTE.match(node.value):
                raise PolicyError(
                    str(node.origin),
                    f"{node.value} would have to be fetched, and netproof fetches nothing for a "
                    f"bundle; pipe what it comes to: {self._pipe}",
                )
            for word in _words(node.value):
                path = joined(folder, word)
                if path is None and word.startswith("../"):
                    raise PolicyError(
                        str(node.origin),
                        f"{word} lies out of {self._tree.shown(TOP)}, and is not read; pipe what "
                        f"it comes to: {self._pipe}",
                    )
                if path is None or path in self.files:
                    continue
                if path.name in self._tree.names(path.parent):
                    self.take([path])
                    if key in _PLUGINS:
                        folders += self._named_by(folder, path)
                else:
                    folders.append(path)
        return folders

    def write(self, top: Path) -> None:
        """Write copies of all files below a folder that is made for it."""
        for path, data in self.files.items():
            file = top / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def _scalars(nodes: Iterable[Node]) -> Iterator[tuple[str, Node]]:
    """Yield all values of a kustomization, each with the field that it stands below."""
    to_do = [("", node) for node in nodes]
    while to_do:
        key, node = to_do.pop()
        if isinstance(node.value, Mapping):
            to_do += [(key or name, value) for name, value in node.value.items()]
        elif isinstance(node.value, tuple):
            to_do += [(key, item) for item in node.value]
        else:
            yield key, node


def _words(value: object) -> Iterator[str]:
    """Yield what of a value may be a path: itself, or what it says that a name stands for."""
    if not isinstance(value, str):
        return
    for word in value.split() if "\n" in value else [value]:
        plain = word.strip("\"'")
        yield from filter(None, {plain, plain.partition("=")[2]})


def _values(reading: ReadingOptions, made: Path) -> Iterator[str]:
    for number, name in enumerate(reading.values):
        copy = made / f"values-{number}.yaml"
        with opened(Path(name)) as (descriptor, _, _):
            copy.write_bytes(content(descriptor, name))
        yield from ("--values", str(copy))
    yield from (f"--set={word}" for word in reading.sets)
    if reading.kube_version:
        yield f"--kube-version={reading.kube_version}"


def _sourced(name: str, text: str, called: Callable[[str], str]) -> str:
    """Return the name of a rendered text that knows which lines were made from which source."""
    starts = [0, *(match.start() for match in _STARTS.finditer(text))]
    sources = []
    line = 1
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        source = _source_of(text[start:end])
        sources.append((line, called(source) if source else ""))
        line += text.count("\n", start, end)
    if not any(source for _, source in sources):
        return name
    made = RenderedName(name)
    made.sources = tuple(sources)
    return made


def _source_of(part: str) -> str:
    """Return what a renderer wrote down as the source of a document, "" where it did not."""
    if source := _SOURCE.match(part):
        return source["path"].strip()
    origin = _ORIGIN.search(part)
    if not origin:
        return ""
    told = {one["key"]: one["value"] for one in _PATH.finditer(origin["lines"])}
    if "repo" in told:
        return f"{told['repo']} {told.get('path', '')}".strip()
    return told.get("path") or told.get("configuredIn", "")
