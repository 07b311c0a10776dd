"""The container that stands for the world beside a kind cluster: made, found again, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.cluster import owners
from netproof.cluster.kind import containers
from netproof.cluster.kind.cluster import KindCluster, KindOptions
from netproof.cluster.kind.machine import Tools
from netproof.cluster.outside import OutsideContainer
from netproof.errors import ClusterError
from netproof.front import cli
from tests.unit.cluster.kind import standins
from tests.unit.cluster.kind.standins import StandIns

PLACE = OutsideContainer("docker", "np-outside-r1", "kind", "python:3", "r1")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Put a stand-in for docker on PATH, and nothing else but the shell's own tools."""
    made = standins.make(tmp_path, ("docker",))
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/bin:/bin")
    monkeypatch.setattr(containers, "ENGINES", ("docker",))
    return made


def _stand(monkeypatch: pytest.MonkeyPatch, owner: str = "") -> None:
    if owner:
        monkeypatch.setattr(containers, "me", lambda: owner)
    containers.stand(PLACE, ["python3", "-c", "1"])


def test_it_has_no_rights(tools: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's user, no capability, a file system to read only, the network of kind's nodes."""
    monkeypatch.setenv("KIND_EXPERIMENTAL_DOCKER_NETWORK", "mine")
    assert ("mine", "kind") == (containers.network_of("docker"), containers.network_of("podman"))
    _stand(monkeypatch)
    (call,) = tools.calls()
    for words in (
        "--network kind",
        "--pull=never",
        "--user 65534:65534 --read-only --cap-drop ALL --security-opt no-new-privileges",
        f"--label netproof.dev/run=r1 --label netproof.dev/owner={owners.me()}",
    ):
        assert words in call
    assert call.endswith("--entrypoint python3 python:3 -c 1")


@pytest.mark.parametrize(
    ("owner", "words", "left"),
    [
        ("", (), [PLACE.name]),
        (f"{owners.machine()}.1.1", ("--dry-run",), [PLACE.name]),
        (f"{owners.machine()}.1.1", (), []),
        ("elsewhere.1.1.1", (), [PLACE.name]),
        ("elsewhere.1.1.1", ("--older-than", "0"), []),
        ("", ("--run", "r1"), []),
    ],
    ids=["alive", "dry", "dead", "elsewhere", "old", "named"],
)
def test_clean_finds_it(
    tools: StandIns,
    monkeypatch: pytest.MonkeyPatch,
    owner: str,
    words: tuple[str, ...],
    left: list[str],
) -> None:
    """By the rule of namespaces: whose run was killed goes, whose run lives stays."""
    _stand(monkeypatch, owner)
    assert 0 == cli.main(["clean", "--containers", *words])
    assert left == tools.containers()


def test_an_engine_that_is_not_there_has_no_containers(
    tools: StandIns, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no error of a machine that never had a kind cluster."""
    tools.fail_at("docker ps")
    assert 0 == cli.main(["clean", "--containers"])
    assert "0 of 0 containers of netproof removed" in capsys.readouterr().out


def test_what_cannot_be_removed_is_told(tools: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is gone is no error, one that stays is."""
    containers.remove("docker", PLACE.name)
    _stand(monkeypatch)
    tools.fail_at("docker rm")
    with pytest.raises(ClusterError, match="removing the container np-outside-r1 failed"):
        containers.remove("docker", PLACE.name)


@pytest.mark.parametrize(
    ("brought", "expected"),
    [("python:3", "docker load -i"), ("", "docker pull python:3")],
    ids=["archive", "registry"],
)
def test_its_image_is_had_once(
    tools: StandIns, tmp_path: Path, brought: str, expected: str
) -> None:
    """What an archive brought is loaded into the engine, what it lacks is pulled."""
    archives = (standins.image_archive(tmp_path / "a.tar", brought),) if brought else ()
    options = KindOptions("calico", "r1", tmp_path, tmp_path, "python:3", image_archives=archives)
    there = Tools("docker", tmp_path, {"PATH": f"{tools.bin}:/usr/bin:/bin"})
    names = dict.fromkeys(["docker.io/library/python:3"] if brought else (), tmp_path / "a.tar")
    place = KindCluster(options, print)._place_outside(there, names)
    assert ("np-outside-r1", "python:3") == (place and place.name, place and place.image)
    assert expected in tools.calls()[-1]
    tools.fail_at("docker")
    assert KindCluster(options, print)._place_outside(there, names) is None


def test_an_image_of_a_digest_is_not_pulled_once_more(tools: StandIns, tmp_path: Path) -> None:
    """The nodes pull it; an engine that has it can run it, by that digest."""
    image = f"docker.io/library/python@sha256:{'0' * 64}"
    options = KindOptions("calico", "r1", tmp_path, tmp_path, image)
    there = Tools("docker", tmp_path, {"PATH": f"{tools.bin}:/usr/bin:/bin"})
    said: list[str] = []
    assert KindCluster(options, said.append)._place_outside(there, {}) is None
    assert f"`docker pull {image}` beforehand has it there" in said[0]
    (tools.state / "images").write_text(f"{image} []\n")
    place = KindCluster(options, said.append)._place_outside(there, {})
    assert image == (place and place.image)
