"""CNI profiles: those of the repository are good, a wrong one is refused with file and line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from netproof.cluster.kind import clusterconfig
from netproof.cluster.profiles import reading
from netproof.cluster.profiles.declaration import IpFamily, json_schema
from netproof.cluster.profiles.profile import Artifact
from netproof.errors import NetproofError, UsageError
from netproof.model.doors import Stance

CONFIGS = reading.folder()
CNIS = reading.names(CONFIGS)
SCHEMA: dict[str, Any] = json.loads((CONFIGS / "profile.schema.json").read_text())


def test_all_are_there() -> None:
    """Each CNI of the Makefile has a profile."""
    wanted = ("antrea", "calico", "cilium", "flannel", "kindnet", "kube-router", "weave")
    assert wanted == CNIS


@pytest.mark.parametrize("cni", CNIS)
def test_shipped_profiles_fit_the_schema(cni: str) -> None:
    """What the reader takes, the schema takes too."""
    reading.load(cni, CONFIGS)
    text = (CONFIGS / cni / reading.FILE).read_text()
    jsonschema.validate(yaml.safe_load(text), SCHEMA)


def test_the_schema_is_the_declarations() -> None:
    """What is committed for editors is generated from what profiles are read by.

    `python -m netproof.cluster.profiles.declaration > kind-configs/profile.schema.json` renews it.
    """
    assert json_schema() == SCHEMA


@pytest.mark.parametrize("case", ["no https", "no checksum", "two kinds", "no capability"])
def test_the_schema_refuses_what_the_reader_refuses(case: str) -> None:
    """An editor marks what the reader would."""
    old, new, *_ = WRONG[case]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(GOOD.replace(old, new, 1)), SCHEMA)


def test_null_is_as_good_as_nothing(folder: Path) -> None:
    """A field that says null is read as one that is not there, as the API server does."""
    file = folder / "cilium" / reading.FILE
    start = GOOD.index("gaps:")
    file.write_text(GOOD[:start] + "gaps: null\noperational-access:\n")
    read = reading.load("cilium", folder)
    assert ((), Stance.REPORT) == (read.gaps, read.stance)


@pytest.mark.parametrize("cni", CNIS)
def test_kind_configs_are_as_they_must_be(cni: str) -> None:
    """One control-plane, two workers, the image by digest, the default CNI off but for kindnet."""
    config = clusterconfig.read(CONFIGS / cni / "kind.yaml")
    assert ["control-plane", "worker", "worker"] == [node["role"] for node in config["nodes"]]
    assert all("@sha256:" in node["image"] for node in config["nodes"])
    assert (cni != "kindnet") == config["networking"]["disableDefaultCNI"]
    family = "ipv4" if cni == "weave" else "dual"
    assert family == config["networking"]["ipFamily"]


@pytest.mark.parametrize("cni", CNIS)
def test_every_download_is_pinned_or_says_why_not(cni: str) -> None:
    """A checksum, or the reason that there is none; never neither, never both."""
    for artifact in reading.load(cni, CONFIGS).artifacts:
        assert bool(artifact.sha256) != bool(artifact.unverified)


@pytest.mark.parametrize("cni", CNIS)
@pytest.mark.skipif(shutil.which("kind") is None, reason="kind is not installed")
def test_kinds_own_loader_takes_the_config(cni: str, tmp_path: Path) -> None:
    """Each config is read without complaint; kind then fails for want of an engine's nodes."""
    engine = tmp_path / "docker"
    engine.write_text('#!/bin/sh\ncase "$1" in info) echo "{}";; ps|inspect) ;; *) exit 1;; esac\n')
    engine.chmod(0o755)
    kind = shutil.which("kind")
    ran = subprocess.run(
        [str(kind), "create", "cluster", "--name", f"np-test-{cni}", "--config",
         str(CONFIGS / cni / "kind.yaml"), "--kubeconfig", str(tmp_path / "kubeconfig")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert "Ensuring node image" in ran.stderr
    assert "config" not in ran.stderr.split("Ensuring node image")[0]


KERNEL = 'kernel: "5.10"\n'
WRITTEN = (CONFIGS / "cilium" / reading.FILE).read_text()
GOOD = WRITTEN.replace("denial: drop\n", "", 1).replace(KERNEL, f"{KERNEL}  cgroup: 2\n", 1)
"""Cilium's profile, with a need that none of the profiles has, and without what may be left out."""

WRONG = {
    "unknown field": ("title:", "titel:", 3, "titel: unknown field; did you mean title?"),
    "wrong name": ("name: cilium", "name: celium", 2, "the folder is 'cilium'"),
    "no version": ("version: 1.20.2", "version: newest", 4, "write a release such as v1.2.3"),
    "number for a version": ("1.20.2", "1.20", 4, "must be a string, not 1.2; put it in quotes"),
    "not a truth": ("enforces: true", "enforces: maybe", 8, "must be true or false"),
    "no such family": ("[ipv4, dual]", "[ipv4, both]", 10, 'supported values: "dual", "ipv4"'),
    "no list": ("[ipv4, dual]", "ipv4", 10, "must be a list"),
    "kernel": ('"5.10"', "new", 14, "write major and minor in quotes"),
    "cgroup": ("cgroup: 2", "cgroup: 3", 15, "Unsupported value"),
    "no https": ("chart: https:", "chart: http:", 20, "must be an https:// address"),
    "no checksum": ("sha256: b2afd8", "sha256: b2", 21, "64 lower case hexadecimal digits"),
    "two kinds": ("release: cilium", "kubectl: [version]", 18, "a step is exactly one of"),
    "no such file": ("values-ipv4.yaml", "none.yaml", 24, "lies beside the profile"),
    "other folder": ("values-ipv4.yaml", "../x.yaml", 24, "lies beside the profile"),
    "no object": ("kube-system/cilium,", "cilium,", 34, "write namespace/name"),
    "no capability": ("sctp: opt-in", "sctp: sometimes", 37, "Unsupported value"),
    "no pattern": ("production/api -> *", "everything", 41, "names no flows"),
    "no verdict": ("verdict: over-blocked", "verdict: broken", 42, "Unsupported value"),
    "no link": ("link: https:", "link: somewhere:", 44, "a gap is documented somewhere"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy one profile into a folder, to be spoilt."""
    shutil.copytree(CONFIGS / "cilium", tmp_path / "cilium")
    return tmp_path


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_profile_is_refused_with_its_line(case: str, folder: Path) -> None:
    """Each mistake is named with file, line and what to write instead."""
    old, new, line, message = WRONG[case]
    assert old in GOOD
    file = folder / "cilium" / reading.FILE
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        reading.load("cilium", folder)
    assert f"{file}:{line}: " in str(refused.value)
    assert message in str(refused.value)


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    """Whoever writes a profile sees every mistake of it, in order."""
    file = folder / "cilium" / reading.FILE
    file.write_text("name: cilium\nenforces: 1\n")
    with pytest.raises(UsageError) as refused:
        reading.load("cilium", folder)
    told = str(refused.value).splitlines()
    assert len(told) > 8
    assert told == sorted(told, key=lambda line: int(line.split(":")[1]))


@pytest.mark.parametrize("text", ["a: b: c\n", "", "a: 1\n---\na: 2\n", "- a\n"])
def test_what_is_no_profile_at_all(text: str, folder: Path) -> None:
    """A file that is no YAML, empty, or no single mapping is refused with its name."""
    file = folder / "cilium" / reading.FILE
    file.write_text(text)
    with pytest.raises(NetproofError, match=str(file)):
        reading.load("cilium", folder)


def test_neither_checksum_nor_reason(folder: Path) -> None:
    """A download without checksum has to say why."""
    file = folder / "cilium" / reading.FILE
    lines = [line for line in GOOD.splitlines() if "sha256" not in line]
    file.write_text("\n".join(lines))
    with pytest.raises(UsageError, match="give either sha256 or unverified with the reason"):
        reading.load("cilium", folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sha256: b2af", "unverified: ''\n    #", "say why there is no checksum"),
        (
            "install:\n",
            "install:\n  - {name: x, kubectl: [apply, -f, 'https://h/x.yaml']}\n",
            "kubectl would get it past every checksum: write a manifest",
        ),
        (
            "install:\n",
            "install:\n  - {name: x, kubectl: [apply, --kustomize=github.com/a/b]}\n",
            "kubectl would get it past every checksum: write a manifest",
        ),
    ],
)
def test_a_download_by_the_back_door(old: str, new: str, message: str, folder: Path) -> None:
    """Neither an empty reason nor a kubectl that downloads for itself."""
    (folder / "cilium" / reading.FILE).write_text(GOOD.replace(old, new, 1))
    with pytest.raises(UsageError, match=message):
        reading.load("cilium", folder)


def test_the_documentation_says_which_are_verified() -> None:
    """The table of kind-configs/README.md is what the profiles hold."""
    text = (CONFIGS / "README.md").read_text()
    told = dict(re.findall(r"^\| ([a-z-]+) \| (yes|no)[^|]* \|$", text, re.MULTILINE))
    loose = {cni for cni in CNIS if any(not a.sha256 for a in reading.load(cni, CONFIGS).artifacts)}
    assert {cni: "no" if cni in loose else "yes" for cni in CNIS} == told


def test_artifacts_know_their_line() -> None:
    """The line of a checksum is known, so that it can be written there."""
    (first, _) = reading.load("cilium", CONFIGS).artifacts
    assert isinstance(first, Artifact)
    assert first.sha256 in WRITTEN.splitlines()[first.line - 1]


@pytest.mark.parametrize(
    ("family", "pods", "services"),
    [
        ("ipv4", "10.1.0.0/16", "10.96.0.0/16"),
        ("ipv6", "fd00:10:244::/56", "fd00:10:96::/112"),
        ("dual", "10.1.0.0/16,fd00:10:244::/56", "10.96.0.0/16,fd00:10:96::/112"),
    ],
)
def test_subnets_follow_the_family(family: str, pods: str, services: str) -> None:
    """A config's own subnets stay, kind's defaults fill in what is missing."""
    config: dict[str, Any] = {"networking": {"podSubnet": "10.1.0.0/16", "kubeProxyMode": "ipvs"}}
    networking = clusterconfig.fitted(config, IpFamily(family))["networking"]
    assert {
        "podSubnet": pods,
        "serviceSubnet": services,
        "kubeProxyMode": "ipvs",
        "ipFamily": family,
    } == networking


def test_a_step_of_a_way_that_is_not_there(folder: Path) -> None:
    """A step that no way takes would never be carried out."""
    file = folder / "cilium" / reading.FILE
    step = "install:\n  - {name: x, ways: [chart], kubectl: [version]}\n"
    file.write_text(GOOD.replace("install:\n", f"ways: [{{name: helm}}]\n{step}", 1))
    with pytest.raises(UsageError, match=r"install\[0\]\.ways.*must be one of `ways`: helm"):
        reading.load("cilium", folder)
