"""Where the engine runs, and which Kubernetes is in a node image."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.cluster.kind.machine import Tools, is_local, kubernetes_of
from tests.unit.cluster.kind import standins


@pytest.mark.parametrize(
    ("address", "local"),
    [("", True), ("unix:///var/run/docker.sock", True), ("tcp://10.0.0.5:2376", False)],
)
def test_a_remote_engine_is_not_this_machine(address: str, local: bool, tmp_path: Path) -> None:
    """What this machine offers says nothing where the nodes run on another one."""
    made = standins.make(tmp_path)
    environment = {"PATH": f"{made.bin}:/usr/bin:/bin", "DOCKER_HOST": address}
    assert local == is_local(Tools("docker", tmp_path, environment))


@pytest.mark.parametrize(
    ("image", "inside", "kubernetes"),
    [
        ("kindest/node:v1.36.1@sha256:0123", "", "v1.36.1"),
        ("kindest/node:v1.36.1", "v1.34.4", "v1.34.4"),
        ("registry.example:5000/node:ours", "v1.35.0-rc.1", "v1.35.0"),
        ("registry.example:5000/node:ours", "", ""),
        ("sha256:0123", "", ""),
    ],
)
def test_the_kubernetes_of_a_node_image(
    image: str, inside: str, kubernetes: str, tmp_path: Path
) -> None:
    """An image that is there is asked; of any other the tag is all that is known."""
    made = standins.make(tmp_path)
    if inside:
        (made.state / "kubernetes").write_text(f"{inside}\n")
    tools = Tools("docker", tmp_path, {"PATH": f"{made.bin}:/usr/bin:/bin"})
    assert kubernetes == kubernetes_of(tools, image)
    assert made.calls()[-1].startswith("docker run --rm --pull=never --entrypoint=cat")
