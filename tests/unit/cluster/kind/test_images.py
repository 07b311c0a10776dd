"""Images that manifests and archives name, and manifests that take them from the node."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.cluster.kind.images import archived, images_in, spelled, taken_from_the_node
from netproof.errors import UsageError
from tests.unit.cluster.kind.standins import image_archive

MANIFEST = """# stays
apiVersion: apps/v1
kind: DaemonSet
spec:
  template:
    spec:
      initContainers:
      - name: first
        image: quay.io/x/cni  # as upstream has it
        imagePullPolicy: Always
      - {name: second, image: "quay.io/x/cni:v2"}
      containers:
      - image: quay.io/x/node
        name: third
---
apiVersion: v1
kind: ConfigMap
data: {image: "no container", template: "containers: [{image: text}]"}
---
properties:
  containers: {type: array, items: {properties: {image: {type: string}}}}
  imagePullPolicy: {type: string}
"""


def test_every_container_takes_its_image_from_the_node() -> None:
    """Whether the policy was Always, missing, or in a flow; nothing else of the text changes."""
    text = taken_from_the_node(MANIFEST, "m.yaml")
    daemonset, *others = yaml.safe_load_all(text)
    spec = daemonset["spec"]["template"]["spec"]
    containers = spec["initContainers"] + spec["containers"]
    assert ["IfNotPresent"] * 3 == [one["imagePullPolicy"] for one in containers]
    assert ["first", "second", "third"] == [one["name"] for one in containers]
    assert list(yaml.safe_load_all(MANIFEST))[1:] == others
    assert "# stays" in text
    assert "# as upstream has it" in text
    assert text == taken_from_the_node(text, "m.yaml")


def test_a_container_that_stands_twice_is_changed_once() -> None:
    """An alias is the same text."""
    text = "containers: &c\n- image: x/y\ninitContainers: *c\n"
    assert 1 == taken_from_the_node(text, "m.yaml").count("imagePullPolicy")


def test_the_images_of_a_manifest() -> None:
    """Those of containers, each once, and nothing that is only called so."""
    assert ("quay.io/x/cni", "quay.io/x/cni:v2", "quay.io/x/node") == tuple(
        sorted(images_in(MANIFEST, "m.yaml"))
    )


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "- &a [*a]\n- {"])
def test_what_is_no_manifest(text: str) -> None:
    """It is named, and there is no traceback."""
    with pytest.raises(UsageError, match=r"m\.yaml is no manifest"):
        images_in(text, "m.yaml")


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.13-alpine", "docker.io/library/python:3.13-alpine"),
        ("docker.io/library/python:3.13-alpine", "docker.io/library/python:3.13-alpine"),
        ("calico/node:v3", "docker.io/calico/node:v3"),
        ("localhost/a", "localhost/a:latest"),
        ("registry.example:5000/a", "registry.example:5000/a:latest"),
        ("quay.io/a/b@sha256:01", "quay.io/a/b@sha256:01"),
    ],
)
def test_an_image_is_known_by_its_full_name(image: str, full: str) -> None:
    """As nodes do it: docker.io, library and latest are what is left out."""
    assert full == spelled(image)


def _archive(file: Path, **listings: Any) -> Path:
    with tarfile.open(file, "w") as archive:
        for name, listing in listings.items():
            data = listing if isinstance(listing, bytes) else json.dumps(listing).encode()
            entry = tarfile.TarInfo(f"{name}.json")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return file


def test_the_images_of_an_archive(tmp_path: Path) -> None:
    """By docker's listing, and by the annotation of containerd's tools."""
    docker = image_archive(tmp_path / "d.tar", "python:3.13", "quay.io/a/b:v1")
    assert {"docker.io/library/python:3.13", "quay.io/a/b:v1"} == archived(docker)
    named = {"annotations": {"io.containerd.image.name": "docker.io/library/python:3.13"}}
    oci = _archive(tmp_path / "o.tar", index={"manifests": [named, {}, "x"]})
    assert {"docker.io/library/python:3.13"} == archived(oci)


@pytest.mark.parametrize(
    "listing", [b"{", [], {}, None, [{}], ["x"], [{"RepoTags": [1]}], {"manifests": [{"a": 1}]}]
)
def test_an_archive_that_names_nothing_is_refused(listing: Any, tmp_path: Path) -> None:
    """An archive whose images nobody could use by name is no help on a node."""
    file = _archive(tmp_path / "x.tar", manifest=listing, index=listing)
    with pytest.raises(UsageError, match=r"x\.tar (names no image|is no archive)"):
        archived(file)
    (tmp_path / "y.tar").write_bytes(b"no tar")
    with pytest.raises(UsageError, match=r"y\.tar is no archive of images"):
        archived(tmp_path / "y.tar")
