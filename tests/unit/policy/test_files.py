"""Files that are no manifests end in a message with their name and line, never in a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from yaml.scanner import ScannerError

from netproof.errors import PolicyError, UsageError
from netproof.policy import document, load_bundle, load_text, sources
from netproof.policy.limits import MAX_BYTES

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"

UNREADABLE: dict[str, tuple[bytes, str]] = {
    "tab": (b"a:\n\tb: 1\n", ":2: is not YAML: found character"),
    "wrong indent": (b"a:\n  b: 1\n c: 2\n", ":3: is not YAML"),
    "no closing bracket": (b"a: [1, 2\nb: 3\n", ":2: is not YAML"),
    "no closing quote": (b'a: "x\nb: 3\n', "is not YAML"),
    "duplicate key": (b"a: 1\nb: 2\na: 3\n", ":3: the key 'a' was given in "),
    "duplicate key in braces": (b"{a: 1, a: 3}\n", ":1: the key 'a' was given in "),
    "cyclic anchor": (b"a: &x\n  b: *x\n", ":2: *x stands inside of what it refers to"),
    "cyclic list": (b"&x [*x]\n", ":1: *x stands inside"),
    "unknown alias": (b"a: 1\nb: *nobody\n", ":2: *nobody refers to an anchor"),
    "unknown tag": (b"a: !ruby/object {}\nb: !secret x\n", ":2: the tag !secret"),
    "python object": (b"a: !!python/object:os.system x\n", ":1: the tag "),
    "key is a list": (b"? [a]\n: 1\n", ":1: a key must be a word"),
    "key is null": (b"~: 1\n", ":1: a key must be a word"),
    "merge of a word": (b"<<: x\n", ":1: << merges mappings only"),
    "UTF-16": ("kind: Pod\n".encode("utf-16"), ":1: is UTF-16; save it as UTF-8"),
    "Latin-1": (b"a: 1\nb: caf\xe9\n", ":2: is not UTF-8"),
    "NUL": (b"a: 1\nb: \0\n", ":2: holds a NUL byte"),
    "binary": (bytes(range(256)), ":1: holds a NUL byte"),
    "control character": (b"a: \x01\n", "is not YAML"),
    "empty": (b"", "holds no object"),
    "only a comment": (b"# nothing yet\n---\n", "holds no object"),
    "a word": (b"hello\n", ":1: is no Kubernetes object"),
    "a list": (b"- a\n", ":1: is no Kubernetes object"),
    "no kind": (b"apiVersion: v1\nmetadata: {}\n", ":1: kind is not set"),
    "no apiVersion": (b"\nkind: Pod\n", ":2: apiVersion is not set"),
    "kind is a list": (b"apiVersion: v1\nkind: []\n", ":2: kind: Invalid value: must be a string"),
    "not JSON": (b'{"a": 1,\n "b" 2}', ":2: is not YAML"),
    "second document": (NAMESPACE.encode() + b"---\nfoo\n", ":5: is no Kubernetes object"),
    "deep": (b"a: " + b"[" * 5000 + b"]" * 5000, ":1: is nested deeper than 100 levels"),
    "deep without end": (b"{" * 100_000, ":1: is nested deeper than 100 levels"),
    "laughs": (
        b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + b"".join(
            f"{n}: &{n} [{', '.join(['*' + m] * 10)}]\n".encode()
            for m, n in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "values with its aliases",
    ),
    "too large": (b"#" * (MAX_BYTES + 1), "has more than the 3145728 bytes"),
}


@pytest.mark.parametrize(("content", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_file(tmp_path: Path, content: bytes, message: str) -> None:
    """A file that holds no manifest is refused with its name, and its line where there is one."""
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load_bundle(file)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(file))


class _ReadsAhead(yaml.SafeLoader):
    """A reader that gives up on deep nesting itself, as the libyaml of PyYAML 6.0.4 does."""

    def fetch_flow_sequence_start(self) -> None:
        """Refuse the fourth opening bracket, wherever it is."""
        if self.flow_level > 2:
            problem = "exceeded maximum nesting depth"
            raise ScannerError("while increasing flow level", None, problem, self.get_mark())
        super().fetch_flow_sequence_start()


@pytest.mark.parametrize(
    ("loader", "depth"),
    [
        pytest.param(getattr(yaml, "CSafeLoader", yaml.SafeLoader), 200, id="installed"),
        pytest.param(getattr(yaml, "CSafeLoader", yaml.SafeLoader), 5000, id="installed-far"),
        pytest.param(yaml.SafeLoader, 200, id="python"),
        pytest.param(_ReadsAhead, 10, id="gives-up-itself"),
    ],
)
def test_nesting_is_refused_alike(
    monkeypatch: pytest.MonkeyPatch, loader: type, depth: int
) -> None:
    """Whoever gives up first, the library or we, the message is ours and has the line."""
    monkeypatch.setattr(document, "_LOADER", loader)
    with pytest.raises(PolicyError) as caught:
        load_text(f"\na: {'[' * depth}{']' * depth}\n", "x.yaml")
    assert "x.yaml:2: is nested deeper than 100 levels" == str(caught.value)


def test_the_hint_for_a_tab() -> None:
    """A tab that indents is named, as nobody can see it."""
    with pytest.raises(PolicyError, match="the line has a tab, indent with spaces"):
        load_text("a:\n\tb: 1\n", "x.yaml")


def test_missing_path(tmp_path: Path) -> None:
    """A path that is not there is the caller's mistake."""
    with pytest.raises(UsageError, match=r"nowhere.*No such file or directory"):
        load_bundle(tmp_path / "nowhere")


def test_directory_without_manifests(tmp_path: Path) -> None:
    """A directory without manifests is the caller's mistake too."""
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(UsageError, match=r"holds no file that ends in \.yaml"):
        load_bundle(tmp_path)


def test_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the system does not give out is named with the reason."""
    file = tmp_path / "x.yaml"
    file.touch()
    mem = Path("/proc/self/mem")  # opens for everyone, root too, and fails to be read
    monkeypatch.setattr(sources, "_below", lambda *_, **__: os.open(mem, os.O_RDONLY))
    with pytest.raises(PolicyError, match=r"x\.yaml: cannot be read: Input/output error"):
        load_bundle(file)


def test_link_to_nowhere_in_a_directory(tmp_path: Path) -> None:
    """A manifest that cannot be opened is not passed over."""
    (tmp_path / "x.yaml").symlink_to(tmp_path / "gone")
    with pytest.raises(PolicyError, match=r"x\.yaml: is a link that leads nowhere: No such file"):
        load_bundle(tmp_path)


def test_pipe_in_a_directory(tmp_path: Path) -> None:
    """A named pipe is refused instead of waited for."""
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(PolicyError, match="is no regular file"):
        load_bundle(tmp_path)


def test_directories_are_read_recursively_in_order(tmp_path: Path) -> None:
    """All of *.yaml, *.yml and *.json below a directory, sorted by path; nothing else."""
    for path, name in (("b.yml", "two"), ("a/z.yaml", "one"), ("c.json", "three")):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(NAMESPACE.replace("shop", name))
    (tmp_path / "notes.txt").write_text("not a manifest")
    assert ["one", "two", "three"] == [n.name for n in load_bundle(tmp_path).namespaces]


def test_several_paths(tmp_path: Path) -> None:
    """Paths are read in the order given."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(NAMESPACE.replace("shop", name))
    read = load_bundle([tmp_path / "b.yaml", tmp_path / "a.yaml"])
    assert ["b", "a"] == [n.name for n in read.namespaces]


@pytest.mark.parametrize("text", [NAMESPACE, NAMESPACE.encode()])
def test_standard_input(text: str | bytes) -> None:
    """The path - stands for the text that the caller read, and for its place."""
    read = load_bundle(Path("-"), stdin=text)
    assert ["-:1"] == [str(manifest.origin) for manifest in read.manifests]


def test_standard_input_that_is_not_there() -> None:
    """The path - without a text is the caller's mistake."""
    with pytest.raises(UsageError, match="nothing is piped"):
        load_bundle(Path("-"))


def test_surrogates_in_a_text() -> None:
    """A text that a terminal decoded badly is refused as what it is."""
    with pytest.raises(PolicyError, match="-:1: is not UTF-8"):
        load_text("a: \udcff")


@pytest.mark.parametrize(
    "content",
    [
        NAMESPACE.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + NAMESPACE.encode(),
        b"\xef\xbb\xbf" + NAMESPACE.replace("\n", "\r\n").encode(),
        b'{\r\n\t"apiVersion": "v1",\r\n\t"kind": "Namespace", "metadata": {"name": "shop"}}',
        b"---\n---\n" + NAMESPACE.encode() + b"...\n---\n# end\n",
    ],
    ids=["CRLF", "BOM", "BOM and CRLF", "JSON with tabs", "empty documents"],
)
def test_what_other_tools_write_is_read(tmp_path: Path, content: bytes) -> None:
    """Line ends of Windows, a byte order mark, tabs in JSON and empty documents are fine."""
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    assert ["shop"] == [namespace.name for namespace in load_bundle(file).namespaces]
