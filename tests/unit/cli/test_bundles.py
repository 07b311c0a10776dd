"""The commands about bundles: what they print and how they exit."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netproof.front.cli import main
from netproof.model import codec
from netproof.model.check import CheckRecord
from netproof.model.review import DiffRecord, Kept
from tests.unit.review import large
from tests.unit.review.build import deny_all, intents, policy, workload

WEB, API = workload("shop/web", 80), workload("shop/api", 8080)
OPEN = policy("shop/open", "{podSelector: {matchLabels: {app: api}}, ingress: [{}]}")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a folder with two workloads, everything denied, and an intent that says so."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "shop.yaml").write_text("---\n".join([WEB, API, deny_all("shop")]))
    (folder / "intents.yaml").write_text(intents("deny: web -> api"))
    return folder


def run(*argv: object) -> int:
    """Run a command."""
    return main([str(one) for one in argv])


def test_check_passes(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle whose intents hold exits 0 and says so last."""
    assert 0 == run("check", "--static", bundle)
    assert "The intent holds, by the policies alone." in capsys.readouterr().out.splitlines()[-1]


def test_check_fails_for_a_broken_intent(bundle: Path) -> None:
    """A broken intent exits 1."""
    (bundle / "intents.yaml").write_text(intents("allow: web -> api"))

    assert 1 == run("check", "--static", bundle)


def test_strict_counts_warnings(tmp_path: Path) -> None:
    """Warnings are findings only where it is asked for."""
    file = tmp_path / "b.yaml"
    file.write_text(WEB)

    assert (0, 1) == (run("check", "--static", file), run("check", "--static", "--strict", file))


def test_check_as_json_reads_back(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a check is the record, and reads back as one."""
    run("check", "--static", "--mutate", "--format", "json", bundle)
    record = codec.unpack(CheckRecord, capsys.readouterr().out)

    assert [Kept.KEPT] == [result.kept for result in record.intents]
    assert record.mutations


def test_unnoticed_mutations_are_findings(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --mutate, a change that no intent would notice exits 1 and is told."""
    (bundle / "intents.yaml").write_text(intents("deny: outside -> web"))
    (bundle / "more.yaml").write_text(OPEN)

    assert 1 == run("check", "--static", "--mutate", bundle)
    assert "drop the policy shop/open" in capsys.readouterr().out


def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rendered bundle comes by standard input, and places say so."""
    text = "---\n".join([WEB, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    assert 0 == run("check", "--static", "-")
    assert "-:9: ConfigMap default/x: not mirrored" in capsys.readouterr().out


def test_diff_opens(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A change that opens something exits 1 and shows it with its rule."""
    new = tmp_path / "new.yaml"
    new.write_text("---\n".join([WEB, API, deny_all("shop"), OPEN]))

    assert 1 == run("diff", bundle, new)
    assert "outside -> shop/api:8080/TCP" in capsys.readouterr().out


def test_diff_opens_to_pods_that_are_not_in_the_bundle(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An opening of which no workload of the bundle makes use counts as any other."""
    peers = "{namespaceSelector: {}, podSelector: {matchLabels: {role: scraper}}}"
    chosen = "podSelector: {matchLabels: {app: api}}"
    spec = f"{{{chosen}, policyTypes: [Ingress], ingress: [{{from: [{peers}]}}]}}"
    new = tmp_path / "new.yaml"
    new.write_text("---\n".join([WEB, API, deny_all("shop"), policy("shop/scrape", spec)]))
    flow = "pods labelled role=scraper in any namespace -> shop/api:8080/TCP"

    assert 1 == run("diff", bundle, new)
    assert flow in capsys.readouterr().out
    assert 1 == run("diff", bundle, new, "--format", "markdown")
    assert f"| high | `{flow}` |" in capsys.readouterr().out
    assert 1 == run("diff", bundle, new, "--format", "json")
    (change,) = codec.unpack(DiffRecord, capsys.readouterr().out).changes
    assert flow.partition(" -> ")[0] == change.edge.source
    assert 0 == run("diff", new, bundle)


@pytest.mark.parametrize("style", ["text", "markdown", "json"])
def test_diff_says_what_an_earlier_snapshot_does_not_know(
    style: str, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One from before pods that are not in the bundle were told apart is read all the same."""
    run("snapshot", bundle)
    kept = tmp_path / "kept.txt"
    kept.write_text(capsys.readouterr().out.replace("snapshot v2", "snapshot v1"))

    assert 0 == run("diff", "--format", style, kept, bundle)
    assert "says nothing of pods that are not in the bundle" in capsys.readouterr().out


def test_diff_closes_only(bundle: Path, tmp_path: Path) -> None:
    """A change that opens nothing exits 0."""
    old = tmp_path / "old.yaml"
    old.write_text("---\n".join([WEB, API]))

    assert 0 == run("diff", old, bundle)


@pytest.mark.parametrize(
    ("fail_on", "codes"),
    [("open", (1, 0, 0)), ("close", (0, 1, 0)), ("any", (1, 1, 0)), ("never", (0, 0, 0))],
)
def test_diff_fails_on_what_is_asked(
    fail_on: str, codes: tuple[int, ...], bundle: Path, tmp_path: Path
) -> None:
    """A change that opens, one that closes, and none."""
    new = tmp_path / "new"
    new.mkdir()
    (new / "shop.yaml").write_text("---\n".join([WEB, API, OPEN]))
    pairs = ((bundle, new), (new, bundle), (new, new))
    assert codes == tuple(run("diff", *pair, "--fail-on", fail_on) for pair in pairs)


def test_diff_against_a_snapshot(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kept snapshot of the same bundle differs in nothing."""
    run("snapshot", bundle)
    kept = tmp_path / "kept.txt"
    kept.write_text(capsys.readouterr().out)

    assert 0 == run("diff", "--format", "json", kept, bundle)
    assert () == codec.unpack(DiffRecord, capsys.readouterr().out).changes


def test_diff_against_a_revision(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A revision of the repository is a bundle as well."""
    monkeypatch.chdir(bundle.parent)
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *command], check=True)
    (bundle / "more.yaml").write_text(OPEN)

    assert 1 == run("diff", "git:HEAD:bundle", "bundle", "--format", "markdown")
    assert "| high | `outside -> shop/api:8080/TCP` |" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["git:", "git:HEAD", "git:--x:y", "git:nosuch:bundle"])
def test_wrong_revision(
    source: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revision that is none is refused."""
    monkeypatch.chdir(tmp_path)

    assert 2 == run("diff", source, bundle)


@pytest.mark.parametrize("style", ["text", "markdown", "json"])
def test_explain(style: str, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An explanation names the policy that decides, in every format."""
    assert 0 == run("explain", bundle, "web -> api:8080", "--format", style)
    assert "shop/deny" in capsys.readouterr().out.replace("\\", "")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("reach.html", "<!doctype html>"),
        ("reach.SVG", "<svg "),
        ("reach.dot", "digraph "),
        ("reach.mermaid", "flowchart "),
    ],
)
def test_graph_writes_what_its_file_is_named_by(
    name: str, begins: str, bundle: Path, tmp_path: Path
) -> None:
    """Each form holds the workloads; nothing else is written."""
    file = tmp_path / name
    assert 0 == run("graph", bundle, "-o", file)
    text = file.read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert "api" in text


def test_graph_goes_to_standard_output(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As SVG, or in the form that is asked for."""
    assert 0 == run("graph", bundle, "--format", "mermaid")
    assert capsys.readouterr().out.startswith("flowchart LR\n")
    assert 0 == run("graph", bundle)
    assert capsys.readouterr().out.startswith("<svg ")


def test_graph_refuses_what_it_cannot_do(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No bundle, an ending that means nothing, a folder that is not there: each with a way out."""
    for words, said in (
        ((), "what is to be drawn? Name a BUNDLE, or --from-cluster"),
        ((bundle, "-o", tmp_path / "reach.png"), "name it by one of .html"),
        (
            (bundle, "-o", tmp_path / "nosuch" / "a.svg"),
            "No such file or directory; name a file that can be written",
        ),
    ):
        assert 2 == run("graph", *words)
        assert said in capsys.readouterr().err


def test_large_bundle_in_about_a_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """60 workloads and 120 policies are looked at in seconds on a busy machine."""
    file = tmp_path / "large.yaml"
    file.write_text(large.text())
    began = time.process_time()

    assert 0 == run("check", "--static", file)
    assert "60 workloads, 120 policies" in capsys.readouterr().out
    assert time.process_time() - began < 3


def test_the_cni_of_a_kind_cluster_counts_for_hints(tmp_path: Path) -> None:
    """`--cluster kind:weave` names the CNI as `--cni weave` does: endPort is an error there."""
    file = tmp_path / "range.yaml"
    ports = "[{port: 80, endPort: 90, protocol: TCP}]"
    spec = f"{{podSelector: {{}}, ingress: [{{ports: {ports}}}]}}"
    file.write_text("---\n".join([WEB, policy("shop/range", spec)]))

    assert 0 == run("check", "--static", file)
    assert 1 == run("check", "--static", "--cluster", "kind:weave", file)
