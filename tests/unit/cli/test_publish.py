"""`netproof publish`: what names a machine is taken out of a record, and nothing else."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from netproof.front import cli
from netproof.front.cli.record_commands import published, read
from netproof.model import codec
from netproof.model.doors import Grant
from netproof.model.record import CauseRecord, RunRecord
from netproof.model.value import replace
from tests.unit.report.sample import EVERYTHING

NODES = ("worker", "ip-10-0-0-7.corp.example")
SECRETS = ("/home/", "alice", "corp", "registry", "prod-eu")
COMMAND = (
    "/home/alice/.venv/bin/python -P -m netproof test ports/test_ports.py::test_named "
    "--cluster existing --kubeconfig '/home/alice/my files/prod-eu.yaml' --context prod-eu "
    "--cni calico --probe-image registry.corp/python:3 --probe-timeout 2 --toleration corp/x"
)
IN_A_FOLDER = "(cd '/home/alice/my repo' && /usr/bin/python -m pytest t.py::t --np-nodes 3)"


def _run() -> RunRecord:
    first, *rest = EVERYTHING.scenarios
    steps = tuple(replace(step, nodes={"shop/web": NODES[1]}) for step in first.steps)
    first = replace(first, repeat=COMMAND, bundle="../../home/alice/b.yaml", steps=steps)
    grant = Grant("pods/exec", ("create",), "User alice", "b", "r", "rule")
    return replace(
        EVERYTHING,
        cluster=replace(EVERYTHING.cluster, kind="existing", name="prod-eu", nodes=NODES),
        scenarios=(first, *rest),
        causes=(CauseRecord("x", "y", 1, 0, 1, first.id, "a -> b", COMMAND),),
        keys=(grant,),
        errors=(
            "looking at https://api.corp:6443/version: GET /api/v1/nodes of prod-eu: refused",
            "../../home/alice/netproof/suites/ports/bundles/b.yaml:1: x",
            "/home/alice/x.yaml:3: a worker of 10.0.0.0/8 on node worker",
        ),
    )


def test_a_cluster_without_a_name_gives_none_to_empty_texts() -> None:
    """A run that only read bundles has no cluster; what it says nothing of stays empty."""
    run = replace(_run(), cluster=replace(EVERYTHING.cluster, name=""))
    texts = [(one.known_gap, one.bundle) for one in published(run).scenarios[1:]]
    assert texts == [(one.known_gap, one.bundle) for one in run.scenarios[1:]]
    assert ("", run.cut_short) == (published(run).cluster.name, published(run).cut_short)


def test_what_names_a_machine_is_taken_out() -> None:
    """Files, hosts, people and the names of the cluster and its nodes, wherever they stand."""
    text = codec.dumps(published(_run()))
    assert [] == [secret for secret in SECRETS if secret in text]
    assert "looking at https://.../version: GET /api/v1/nodes of cluster: refused" in text
    assert ".../x.yaml:3: a worker of 10.0.0.0/8 on node node-1" in text
    assert ".../b.yaml" in text
    assert ".../netproof/suites/ports/bundles/b.yaml" in text


def test_a_command_stays_as_far_as_it_is_anybodys() -> None:
    """By the program that everybody has, without options that name places."""
    run = published(_run())
    case = "netproof test ports/test_ports.py::test_named"
    assert f"{case} --cluster existing --cni calico --probe-timeout 2" == run.scenarios[0].repeat
    assert run.scenarios[0].repeat == run.causes[0].repeat
    other = replace(run, scenarios=(replace(run.scenarios[0], repeat=IN_A_FOLDER),))
    assert "pytest t.py::t --np-nodes 3" == published(other).scenarios[0].repeat


def test_who_stood_for_the_world_is_a_machine() -> None:
    """Its name and addresses are somebody's; what was not tried of it is a result."""
    told = "the world outside but for the machine alice.corp, at 203.0.113.7, 2001:db8:7::7"
    left = "; without policies no pod got an answer at 443/UDP by IPv6"
    run = published(replace(_run(), notes=(told + left,)))
    assert f"the world outside but for a machine{left}" == run.notes[0]
    command = f"{COMMAND} --outside alice.corp:99"
    run = published(replace(run, scenarios=(replace(run.scenarios[0], repeat=command),)))
    assert "alice" not in run.scenarios[0].repeat


def test_it_is_told_and_changes_no_result() -> None:
    """All that counts is as it was; taking out a second time finds nothing."""
    before, after = _run(), published(_run())
    assert after.notes[-1].startswith("published: left out are 4 options of commands, the places")
    assert "1 holder of keys" in after.notes[-1]
    for name in ("verdict", "exit_code", "findings", "seconds", "pairs", "cut_short", "started"):
        assert getattr(before, name) == getattr(after, name)
    for was, now in zip(before.scenarios, after.scenarios, strict=True):
        assert (was.id, was.verdict, was.known_gap) == (now.id, now.verdict, now.known_gap)
        assert [step.counts for step in was.steps] == [step.counts for step in now.steps]
        assert [step.verdict for step in was.steps] == [step.verdict for step in now.steps]
    assert "left out are 0 options of commands, the places of 0 files" in published(after).notes[-1]


@pytest.mark.parametrize("name", ["public.json", "public.json.gz"])
def test_the_command_writes_a_record(name: str, tmp_path: Path) -> None:
    """Compressed where its name says so, and the same file each time."""
    (tmp_path / "record.json").write_text(codec.dumps(_run()))
    words = ["publish", str(tmp_path / "record.json"), "-o", str(tmp_path / name)]
    assert 0 == cli.main(words)
    content = (tmp_path / name).read_bytes()
    assert 0 == cli.main(words)
    assert content == (tmp_path / name).read_bytes()
    assert read(tmp_path / name) == published(_run())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.json", None, "No such file"),
        ("record.json", b"{", "is not JSON"),
        ("record.json", b"\xff", "decode"),
        ("record.json.gz", b"{}", "Not a gzipped file"),
        ("record.json.gz", gzip.compress(b"{}" * 999, mtime=0)[:-9], "end-of-stream"),
    ],
)
def test_what_is_no_record_is_refused(
    name: str,
    content: bytes | None,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the file's name, and without a traceback."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert 2 == cli.main(["publish", str(tmp_path / name), "-o", str(tmp_path / "out.json")])
    told = capsys.readouterr().err
    assert message in told
    assert name in told
    assert not (tmp_path / "out.json").exists()
