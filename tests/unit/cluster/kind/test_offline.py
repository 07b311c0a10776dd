"""A file with all that a run on kind needs, made and used with stand-ins."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.kind import host
from netproof.cluster.kind.cluster import KindCluster, KindOptions
from netproof.errors import UsageError
from netproof.front import cli
from netproof.front.options import PROBE_IMAGE
from netproof.model.value import replace
from tests.unit.cluster.kind import standins
from tests.unit.cluster.kind.standins import StandIns

NODE = "kindest/node:v1.36.1"
DAEMONSET = """
kind: DaemonSet
metadata: {name: kube-router}
spec: {template: {spec: {containers: [{image: docker.io/cloudnativelabs/kube-router}]}}}
"""
CALICO = """
kind: DaemonSet
metadata: {name: calico-node}
spec: {template: {spec: {containers: [{image: "quay.io/calico/node:v3.32.1"}]}}}
---
kind: Deployment
metadata: {name: calico-kube-controllers}
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Put stand-ins on PATH; there is no internet to fall back on."""
    made = standins.make(tmp_path)
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/bin:/bin")
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    monkeypatch.setattr(host, "lacks", lambda *_, **__: ())
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return made


@pytest.fixture
def made(tmp_path: Path) -> standins.Offline:
    """Return profiles whose downloads are made up; kube-router's manifest names an image."""
    made = standins.offline(tmp_path / "made")
    standins.rewrite(made, "kube-router", "generic-kuberouter.yaml", DAEMONSET)
    return made


Bundle = Callable[[str], Path]


@pytest.fixture
def bundle(tmp_path: Path, made: standins.Offline, tools: StandIns) -> Bundle:
    """Make the file of a CNI by `netproof profile bundle`."""
    del tools

    def make(cni: str) -> Path:
        air = tmp_path / "air.tar"
        words = ["profile", "bundle", cni, "-o", str(air), "--cni-profiles", str(made.profiles)]
        assert 0 == cli.main([*words, "--downloads", str(made.downloads)])
        return air

    return make


def _options(air: Path, cni: str, tmp_path: Path) -> KindOptions:
    empty = tmp_path / "empty"
    empty.mkdir(exist_ok=True)
    return KindOptions(cni, "ab12", empty, tmp_path / "reports", PROBE_IMAGE, offline=air)


@pytest.mark.parametrize("cni", ["kube-router", "cilium", "kindnet"])
def test_a_run_takes_everything_from_one_file(
    cni: str, bundle: Bundle, tools: StandIns, made: standins.Offline, tmp_path: Path
) -> None:
    """Profile, downloads and images; nothing is pulled, and no folder of before is needed."""
    air = bundle(cni)
    tools.forget()
    made.downloads.rename(tmp_path / "gone")
    made.profiles.rename(tmp_path / "gone-too")
    cluster = KindCluster(_options(air, cni, tmp_path), lambda _: None)
    home = Path(cluster.start().kubeconfig).parent
    calls = tools.calls()
    assert f"docker load -i {home}/downloads/nodes.tar" in calls
    assert f"kind load image-archive {home}/downloads/images.tar --name np-{cni}-ab12" in calls
    assert not any(call.startswith("docker pull") for call in calls)
    assert f'"image": "{NODE}"' in (home / "kind.yaml").read_text()
    cluster.stop()
    assert [] == list((tmp_path / "tmp").iterdir())


def test_the_images_of_a_profile_are_pulled_tagged_and_saved(
    bundle: Bundle, tools: StandIns
) -> None:
    """A name without a tag gives way to the one that a step sets; the node image goes by tag."""
    bundle("kube-router")
    saved = [call for call in tools.calls() if call.startswith("docker save")]
    router = "docker.io/cloudnativelabs/kube-router:v2.11.1"
    assert [NODE, f"{router} {PROBE_IMAGE}"] == [call.partition(".tar ")[2] for call in saved]
    assert any(call.startswith(f"docker tag {NODE}@sha256:") for call in tools.calls())


def test_fetch_lists_and_saves_the_images(
    tools: StandIns, made: standins.Offline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an engine they are listed all the same."""
    words = ["profile", "fetch", "kindnet", "--images", "--cni-profiles", str(made.profiles)]
    assert 0 == cli.main([*words, "--downloads", str(tmp_path / "d")])
    told = capsys.readouterr().out
    assert f"image {NODE}@sha256:" in told
    assert f"image {PROBE_IMAGE}" in told
    assert (tmp_path / "d" / "images.tar").is_file()
    tools.fail_at("docker info")
    assert 0 == cli.main([*words, "--downloads", str(tmp_path / "e")])
    seen = capsys.readouterr()
    assert f"image {PROBE_IMAGE}" in seen.out
    assert "listed only" in seen.err
    assert [] == list((tmp_path / "e").iterdir())


def test_what_an_operator_makes_is_not_brought(
    tools: StandIns, made: standins.Offline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its images stand in no manifest, while those of another way do; the file knows its way."""
    words = ["profile", "bundle", "calico", "-o", str(tmp_path / "air.tar")]
    words += ["--cni-profiles", str(made.profiles), "--downloads", str(made.downloads)]
    assert 2 == cli.main(words)
    assert "calico-system/calico-node stands in no manifest" in capsys.readouterr().err
    standins.rewrite(made, "calico", "calico.yaml", CALICO)
    assert 0 == cli.main([*words, "--cni-way", "manifest"])
    options = _options(tmp_path / "air.tar", "calico", tmp_path)
    with pytest.raises(UsageError, match="was made for --cni-way manifest"):
        KindCluster(replace(options, cni_way="operator"), lambda _: None).start()
    cluster = KindCluster(options, lambda _: None)
    cluster.start()
    cluster.stop()
    assert not any("tigera" in call for call in tools.calls())
    (tmp_path / "air.tar").unlink()
    profile = made.profiles / "calico" / "profile.yaml"
    profile.write_text(profile.read_text() + 'images: ["quay.io/calico/node:{version}"]\n')
    assert 0 == cli.main(words)
    assert (tmp_path / "air.tar").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cni": "calico"}, "is for kindnet, not for calico"),
        ({"probe_image": "ours:1"}, "has the probe image docker.io/library/python"),
        ({"cni_version": "v9.9.9"}, "and no other"),
        ({"node_image": "x:y"}, "name none besides"),
        ({"downloads": Path("/tmp")}, "name none besides"),  # noqa: S108 - nothing is read there
    ],
)
def test_what_does_not_go_with_the_file(
    change: dict[str, Any], message: str, bundle: Bundle, tmp_path: Path
) -> None:
    """It is refused before anything is made, and nothing of the file stays."""
    options = replace(_options(bundle("kindnet"), "kindnet", tmp_path), **change)
    with pytest.raises(UsageError, match=message):
        KindCluster(options, lambda _: None).start()
    assert [] == list((tmp_path / "tmp").iterdir())


def _rewritten(air: Path, name: str, data: bytes) -> Path:
    """Return a copy of a file in which one member is another."""
    bad = air.with_name(f"bad-{hashlib.sha256(data).hexdigest()}.tar")
    with tarfile.open(air) as old, tarfile.open(bad, "w") as new:
        for member in old.getmembers():
            content = old.extractfile(member)
            kept = content.read() if content else b""
            if member.name == name:
                kept, member.size = data, len(data)
            new.addfile(member, io.BytesIO(kept))
    return bad


def test_a_file_that_was_changed_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    """By its checksum, by its listing, or as no such file at all."""
    air = bundle("kindnet")
    listing = b'{"cni": "kindnet", "version": "v1", "node_image": "", "probe_image": "", "files": '
    for bad, message in (
        (_rewritten(air, "profiles/kindnet/profile.yaml", b"x"), "is not what bundle.json says"),
        (_rewritten(air, "bundle.json", b"{"), "is none of `netproof profile bundle`"),
        (_rewritten(air, "bundle.json", listing + b'{"../x": ""}}'), "is not a file in it"),
        (_rewritten(air, "bundle.json", listing + b'{"downloads/x": ""}}'), "is not a file in it"),
        (tmp_path / "none.tar", "cannot be unpacked"),
    ):
        with pytest.raises(UsageError, match=message):
            KindCluster(_options(bad, "kindnet", tmp_path), lambda _: None).start()
        bad.unlink(missing_ok=True)
    assert [] == list((tmp_path / "tmp").iterdir())


def test_no_half_of_a_file_is_left(tools: StandIns, made: standins.Offline, tmp_path: Path) -> None:
    """Where the engine cannot pull an image there is no file, and its own words are told."""
    tools.fail_at("docker pull")
    air = tmp_path / "air.tar"
    words = ["profile", "bundle", "kindnet", "-o", str(air)]
    assert 0 != cli.main([*words, "--cni-profiles", str(made.profiles)])
    assert not air.exists()
