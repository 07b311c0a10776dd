"""A file with all that a run on kind needs, made and used with stand-ins."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.kind import host, offline
from netproof.cluster.kind.cluster import KindCluster, KindOptions
from netproof.errors import UsageError
from netproof.front import cli
from netproof.front.options import PROBE_IMAGE
from netproof.model.value import replace
from tests.unit.cluster.kind import standins
from tests.unit.cluster.kind.standins import StandIns

NODE = "kindest/node:v1.36.1"
PINNED = "sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5"
ROUTER = "docker.io/cloudnativelabs/kube-router:v2.11.1"
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
    return _tools(tmp_path, monkeypatch)


def _tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
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
        assert 0 == _make(made, cni, air)
        return air

    return make


@pytest.fixture(scope="module")
def air(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file for kindnet, made once, to be looked at and not changed."""
    folder = tmp_path_factory.mktemp("air")
    with pytest.MonkeyPatch.context() as monkeypatch:
        _tools(folder, monkeypatch)
        made = standins.offline(folder / "made")
        assert 0 == _make(made, "kindnet", folder / "air.tar")
    return folder / "air.tar"


def _make(made: standins.Offline, cni: str, air: Path, *more: str) -> int:
    words = ["profile", "bundle", cni, "-o", str(air), "--cni-profiles", str(made.profiles)]
    return cli.main([*words, "--downloads", str(made.downloads), *more])


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
    assert [NODE, f"{ROUTER} {PROBE_IMAGE}"] == [call.partition(".tar ")[2] for call in saved]
    assert f"docker tag kindest/node@{PINNED} {NODE}" in tools.calls()


def test_what_the_engine_has_is_not_pulled(
    tools: StandIns, made: standins.Offline, tmp_path: Path
) -> None:
    """Where no registry answers that is all there is; a node image may be named."""
    for image in ("ours/node:v1.34.4", PROBE_IMAGE, ROUTER):
        tools.have_image(image)
    tools.cut_off()
    air = tmp_path / "air.tar"
    assert 0 == _make(made, "kube-router", air, "--node-image", "ours/node:v1.34.4")
    assert not any(call.startswith("docker pull") for call in tools.calls())
    said: list[str] = []
    KindCluster(_options(air, "kube-router", tmp_path), said.append).start()
    assert not any(call.startswith("docker pull") for call in tools.calls())
    assert "loading the node image ours/node:v1.34.4" in said


def test_an_image_of_another_digest_is_told(
    tools: StandIns,
    made: standins.Offline,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It has to do where the one that is named cannot be had, unless that is asked for."""
    tools.have_image(NODE, f"kindest/node@sha256:{'0' * 64}")
    tools.have_image(PROBE_IMAGE)
    tools.have_image(f"{PROBE_IMAGE.rpartition(':')[0]}@{PINNED}")
    tools.cut_off()
    air, said = tmp_path / "air.tar", list[str]()
    assert 0 == _make(made, "kindnet", air)
    told = f"{NODE} is docker's own, with the digest sha256:{'0' * 64}, where {PINNED} is named"
    assert told in capsys.readouterr().err
    KindCluster(_options(air, "kindnet", tmp_path), said.append).start()
    assert any(told in line for line in said)
    verified = ("--require-verified", "--probe-image", f"{PROBE_IMAGE}@{PINNED}")
    assert 2 == _make(made, "kindnet", tmp_path / "b.tar", *verified)
    assert standins.LAST_WORDS in capsys.readouterr().err
    assert not (tmp_path / "b.tar").exists()


def test_an_image_that_is_named_by_digest_goes_by_that_name_on_the_nodes(
    tools: StandIns, made: standins.Offline, tmp_path: Path
) -> None:
    """An archive keeps the tag alone, and a pod asks for the digest."""
    digested = DAEMONSET.replace("kube-router}]", f"kube-router:v2@{PINNED}}}]")
    standins.rewrite(made, "kube-router", "generic-kuberouter.yaml", digested)
    assert 0 == _make(made, "kube-router", tmp_path / "air.tar")
    KindCluster(_options(tmp_path / "air.tar", "kube-router", tmp_path), lambda _: None).start()
    name = "docker.io/cloudnativelabs/kube-router"
    tag = f"ctr --namespace=k8s.io images tag --force {name}:v2 {name}@{PINNED}"
    node = "np-kube-router-ab12-worker2"
    assert f"docker exec {node} {tag}" in tools.calls()


def test_podman_saves_every_image(
    tools: StandIns, made: standins.Offline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being asked to, it takes further names for names of the first image."""
    (tools.bin / "docker").rename(tools.bin / "podman")
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    _make(made, "kube-router", tmp_path / "air.tar")
    saved = [call for call in tools.calls() if call.startswith("podman save")]
    assert all("--multi-image-archive" in call for call in saved)
    assert 2 == len(saved)


@pytest.mark.usefixtures("tools")
def test_only_what_has_a_digest_is_bundled_where_that_is_required(
    made: standins.Offline,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As in a run; the run from the file cannot tell, and says so."""
    air = tmp_path / "air.tar"
    assert 2 == _make(made, "kindnet", air, "--require-verified")
    assert "python:3.13-alpine has no digest" in capsys.readouterr().err
    options = replace(_options(air, "kindnet", tmp_path), require_verified=True)
    with pytest.raises(UsageError, match="is for making the file"):
        KindCluster(options, lambda _: None).start()


def test_a_link_in_a_profile_is_what_it_leads_to(bundle: Bundle, made: standins.Offline) -> None:
    """Profiles may share a kind config."""
    config = made.profiles / "kindnet" / "kind.yaml"
    shared = config.rename(made.profiles / "shared.yaml")
    config.symlink_to(shared)
    with tarfile.open(bundle("kindnet")) as archive:
        assert archive.getmember("profiles/kindnet/kind.yaml").isreg()


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


@pytest.mark.usefixtures("tools")
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
    change: dict[str, Any], message: str, air: Path, tmp_path: Path
) -> None:
    """It is refused before anything is made, and nothing of the file stays."""
    options = replace(_options(air, "kindnet", tmp_path), **change)
    with pytest.raises(UsageError, match=message):
        KindCluster(options, lambda _: None).start()
    assert [] == list((tmp_path / "tmp").iterdir())


Change = Callable[[dict[str, bytes]], None]


def _rewritten(
    air: Path, folder: Path, change: Change | None = None, links: dict[str, str] | None = None
) -> Path:
    """Return a copy of a file in which members are others, or links that lead somewhere."""
    with tarfile.open(air) as old:
        contents = {one.name: _read(old, one) for one in old.getmembers()}
    if change:
        change(contents)
    bad = Path(tempfile.mkdtemp(dir=folder)) / "bad.tar"
    with tarfile.open(bad, "w") as new:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if name in (links or {}):
                member.type, member.linkname, member.size = tarfile.SYMTYPE, (links or {})[name], 0
            new.addfile(member, io.BytesIO(data))
    return bad


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    return content.read() if content else b""


def _says(**fields: Any) -> Change:
    """Have the listing say something else."""

    def change(contents: dict[str, bytes]) -> None:
        listing = {**json.loads(contents["bundle.json"]), **fields}
        contents["bundle.json"] = json.dumps(listing).encode()

    return change


def _holds(name: str, data: bytes, *, listed: bool = True) -> Change:
    """Have a file hold something else; where it is `listed` its checksum is right."""

    def change(contents: dict[str, bytes]) -> None:
        files = json.loads(contents["bundle.json"])["files"]
        contents[name] = data
        if listed:
            _says(files={**files, name: hashlib.sha256(data).hexdigest()})(contents)

    return change


def _lacks(name: str) -> Change:
    """Have a file neither be there nor listed."""

    def change(contents: dict[str, bytes]) -> None:
        del contents[name]
        files = json.loads(contents["bundle.json"])["files"]
        _says(files={one: files[one] for one in files if one != name})(contents)

    return change


def _archive_of(*names: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return standins.image_archive(Path(folder) / "x.tar", *names).read_bytes()


PROFILE = "profiles/kindnet/profile.yaml"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_holds(PROFILE, b"x", listed=False), "is not what bundle.json says"),
        (_holds("bundle.json", b"{", listed=False), "is none of `netproof profile bundle`"),
        (_says(schema="netproof.offline/v9", netproof="9.9.9"), "by netproof 9.9.9 as .*/v9; this"),
        (_says(cni="calico"), "has no profiles/calico/profile.yaml"),
        (_lacks("downloads/nodes.tar"), "has no downloads/nodes.tar"),
        (_lacks("downloads/images.tar"), "has no downloads/images.tar"),
        (
            _holds("downloads/nodes.tar", _archive_of("kindest/node:v1.0.0")),
            f"its nodes.tar has no {NODE}",
        ),
        (_says(node_image="--privileged"), "'--privileged' is no name of an image"),
        (_says(files={"downloads/x": ""}), "'downloads/x' is not a file in it"),
        (_holds("../x", b"x"), "'../x' is not a file in it"),
        (_holds("/etc/x", b"x"), "'/etc/x' is not a file in it"),
        (_holds("downloads/../../x", b"x"), "is not a file in it"),
        (_holds("profiles/kindnet/..", b"x"), "is not a file in it"),
        (_holds("downloads/a\x00b", b"x"), "is not a file in it"),
        (_holds(f"downloads/{'x' * 300}", b"x"), "cannot be unpacked"),
    ],
)
def test_a_file_that_is_not_as_it_was_made_is_refused(
    change: Change, message: str, air: Path, tools: StandIns, tmp_path: Path
) -> None:
    """Before anything of it is used, and nothing of it stays."""
    bad = _rewritten(air, tmp_path, change)
    with pytest.raises(UsageError, match=message):
        KindCluster(_options(bad, "kindnet", tmp_path), lambda _: None).start()
    assert [] == list((tmp_path / "tmp").iterdir())
    assert [] == tools.calls()
    assert not (tmp_path / "x").exists()


def test_links_and_compression_lead_nowhere(air: Path, tmp_path: Path) -> None:
    """A link to a file of the machine, one in a ring, and what might be any size once unpacked."""
    packed = tmp_path / "air.tar.gz"
    packed.write_bytes(gzip.compress(air.read_bytes()))
    for bad, message in (
        (packed, "cut short or no such file"),
        (tmp_path / "none.tar", "No such file"),
        (_rewritten(air, tmp_path, links={PROFILE: "/etc/passwd"}), "is not a file in it"),
        (_rewritten(air, tmp_path, links={"bundle.json": "bundle.json"}), "is none of"),
    ):
        with pytest.raises(UsageError, match=message):
            offline.unpack(bad, tmp_path / "into")


def test_a_file_that_is_cut_short_is_refused_wherever_it_ends(air: Path, tmp_path: Path) -> None:
    """As a copy that ran out of room leaves it; tar's own end may be missing."""
    whole, cut = air.read_bytes(), tmp_path / "cut.tar"
    with tarfile.open(air) as archive:
        last = archive.getmembers()[-1]
    for length in range(0, last.offset_data + last.size, 512):
        cut.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=r"cut\.tar"):
            offline.unpack(cut, tmp_path / "into")
    cut.write_bytes(whole[: -tarfile.BLOCKSIZE])
    assert "kindnet" == offline.unpack(cut, tmp_path / "into").cni


@pytest.mark.usefixtures("tools")
def test_a_file_of_another_version_is_used_and_told(air: Path, tmp_path: Path) -> None:
    """As long as what it says of itself is the same."""
    said: list[str] = []
    other = _rewritten(air, tmp_path, _says(netproof="0.0.9"))
    KindCluster(_options(other, "kindnet", tmp_path), said.append).start()
    assert any("was made by netproof 0.0.9, this is" in line for line in said)


def test_a_download_that_is_there_is_not_fetched_again(
    tools: StandIns, made: standins.Offline, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its checksum: without internet a filled folder lists its images all the same."""
    tools.cut_off()
    for image in (NODE, PROBE_IMAGE, ROUTER):
        tools.have_image(image)
    words = ["profile", "fetch", "kube-router", "--images", "--cni-profiles", str(made.profiles)]
    assert 0 == cli.main([*words, "--downloads", str(made.downloads)])
    assert f"then --node-image {NODE}" in capsys.readouterr().out
    assert (made.downloads / "nodes.tar").is_file()


def test_no_half_of_a_file_is_left(tools: StandIns, made: standins.Offline, tmp_path: Path) -> None:
    """Where the engine cannot pull an image there is no file, and its own words are told."""
    tools.fail_at("docker pull")
    air = tmp_path / "air.tar"
    words = ["profile", "bundle", "kindnet", "-o", str(air)]
    assert 0 != cli.main([*words, "--cni-profiles", str(made.profiles)])
    assert not air.exists()
