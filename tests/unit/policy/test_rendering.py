"""Kustomizations and Helm charts are read as their tools render them, or refused with a remedy."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from netproof.front.cli import main
from netproof.policy import rendering
from netproof.policy.rendering import KUSTOMIZATIONS, PLAINLY, ReadingOptions
from netproof.review.case import open_case
from tests.unit.policy.renderers import Tools, installed
from tests.unit.review.build import deny_all, intents, policy, workload

GIT = shutil.which("git") or ""
WEB = workload("shop/web", 80)
IDLE = policy("shop/idle", "{podSelector: {matchLabels: {app: gone}}, ingress: []}")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Return the programs that there are: none yet."""
    return installed(tmp_path, monkeypatch)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the top of a repository, in which the test stands."""
    top = tmp_path / "repo"
    (top / ".git").mkdir(parents=True)
    monkeypatch.chdir(top)
    return top


def write(top: Path, **files: str) -> None:
    """Write files; `__` in a name is a slash, `_yaml` its end, and a name without one is a text."""
    for name, text in files.items():
        path = name.replace("__", "/")
        file = top / (f"{path.removesuffix('_yaml')}.yaml" if path.endswith("_yaml") else path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def kustomization(top: Path, folder: str, text: str, *objects: str) -> None:
    """Write a kustomization, and what the stand-in renders it to."""
    (top / folder).mkdir(parents=True, exist_ok=True)
    (top / folder / "kustomization.yaml").write_text(f"resources: [made.txt]\n{text}")
    (top / folder / "made.txt").write_text("---\n".join(objects))


def chart(top: Path, folder: str, *objects: str, kind: str = "application") -> None:
    """Write a Helm chart whose templates are what the stand-in renders it to."""
    templates = "---\n".join(objects)
    (top / folder / "templates").mkdir(parents=True)
    (top / folder / "Chart.yaml").write_text(f"name: shop\nversion: 1.0.0\ntype: {kind}\n")
    (top / folder / "templates" / "all.yaml").write_text(templates)
    (top / folder / "made.txt").write_text(templates)


def keys(source: str, reading: ReadingOptions = PLAINLY) -> list[str]:
    """Return the workloads of a bundle."""
    return [one.key for one in open_case([source], reading=reading).mirror.workloads]


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command says that refuses its call."""
    assert 2 == main([*words])
    return capsys.readouterr().err


@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_a_kustomization_is_rendered(name: str, tools: Tools, repo: Path) -> None:
    """By any of its names; what lies beside it is read as it is made, not as it is written."""
    tools.install("kustomize")
    kustomization(repo, "overlay", "", WEB)
    (repo / "overlay" / "kustomization.yaml").rename(repo / "overlay" / name)
    write(
        repo,
        overlay__patch_yaml="spec: {replicas: 3}\n",
        overlay__web_yaml=WEB.replace("web", "raw"),
    )

    assert ["shop/web"] == keys("overlay") == keys(f"overlay/{name}")
    (call, _) = tools.calls("kustomize")
    words = ["build", "--load-restrictor", "LoadRestrictionsRootOnly", "./overlay"]
    assert words == call["argv"]
    assert [f"overlay/{name}", "overlay/made.txt"] == call["files"]


def test_files_that_are_named_beside_a_kustomization_are_read_as_they_are(
    tools: Tools, repo: Path
) -> None:
    """A shell makes them of `overlay/*.yaml`; what makes the folder one is told."""
    kustomization(repo, "overlay", "", WEB)
    write(repo, overlay__web_yaml=WEB)

    mirror = open_case(["overlay/kustomization.yaml", "overlay/web.yaml"]).mirror

    assert ["overlay/web.yaml:1"] == [str(one.origin) for one in mirror.workloads]
    assert ["overlay/kustomization.yaml"] == [
        one.place for one in mirror.notes if one.what == rendering.RENDERED
    ]
    assert not list(tools.bin.iterdir())


def test_kubectl_renders_where_kustomize_is_not_there(tools: Tools, repo: Path) -> None:
    """It has the same renderer."""
    tools.install("kubectl")
    kustomization(repo, ".", "", WEB)

    assert ["shop/web"] == keys(".")
    words = ["kustomize", "--load-restrictor", "LoadRestrictionsRootOnly", "./."]
    assert words == tools.calls("kubectl")[0]["argv"]


def test_a_chart_is_rendered_with_its_values(tools: Tools, repo: Path) -> None:
    """Files of values are copied, words go as they are, and the release is called as is said."""
    tools.install("helm")
    chart(repo, "chart", WEB)
    write(repo, prod_yaml="replicas: 3\n")
    how = ReadingOptions(
        values=("prod.yaml",),
        sets=("a.b=c", "d={e,f}"),
        release="it",
        kube_version="1.33.0",
        namespace="shop",
    )
    found = keys("chart", how)

    assert ["shop/web"] == found
    (call,) = tools.calls("helm")
    (at,) = (n for n, one in enumerate(call["argv"]) if one == "--values")
    words = ["template", "--skip-tests", "it", "--namespace", "shop", "./chart", "--values"]
    assert words == call["argv"][: at + 1]
    more = ["--set=a.b=c", "--set=d={e,f}", "--kube-version=1.33.0"]
    assert more == call["argv"][at + 2 :]
    assert ["replicas: 3\n"] == call["values"]


@pytest.mark.parametrize(("name", "release"), [("shop", "shop"), ("Not a name", "release-name")])
def test_a_release_is_called_as_its_chart(
    name: str, release: str, tools: Tools, repo: Path
) -> None:
    """Unless no release can be called so; then it is called as helm calls it."""
    tools.install("helm")
    chart(repo, "chart", WEB)
    (repo / "chart" / "Chart.yaml").write_text(f"name: {name}\n")

    keys("chart")

    assert ["template", "--skip-tests", release, "./chart"] == tools.calls("helm")[0]["argv"]


@pytest.mark.parametrize(
    ("made", "what", "command"),
    [
        (chart, "is a Helm chart, and helm is not installed", "helm template"),
        (kustomization, "is a kustomization, and kustomize or kubectl is", "kustomize build"),
    ],
)
def test_without_the_tool_the_command_to_pipe_is_said(
    made: object,
    what: str,
    command: str,
    tools: Tools,
    repo: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it is where rendering is switched off."""
    assert tools.bin.is_dir()
    if made is chart:
        chart(repo, "deploy/it", WEB)
    else:
        kustomization(repo, "deploy/it", "", WEB)
    for name in ("check --static deploy", "snapshot deploy/it", "diff deploy deploy"):
        said = told(capsys, *name.split())
        assert said.startswith(f"netproof: deploy/it: {what}")
        assert f"`{command} deploy/it | netproof check -`" in said
    tools.install("kustomize")
    tools.install("helm")
    said = told(capsys, "explain", "--render", "never", "deploy", "web -> web")
    assert "--render never says not to render it; pipe what it comes to: `" in said
    assert not list(tools.bin.glob("*.calls"))


def test_a_tool_that_fails_is_quoted(
    tools: Tools, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the folder and the remedy, and without the name of the copy that it saw."""
    body = "sys.stderr.write(f'Error: {os.getcwd()}/base\\x1b[2J\\n\\n  is gone\\n'); sys.exit(3)"
    tools.install("kustomize", body)
    kustomization(repo, "overlay", "", WEB)

    said = told(capsys, "check", "--static", "overlay")

    assert said == (
        "netproof: overlay: kustomize build failed: Error: base\\x1b[2J is gone; or pipe what it "
        "comes to: `kustomize build overlay | netproof check -`\n"
    )


def test_places_name_what_helm_rendered(
    tools: Tools, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The template, where it is a file of the chart, and the line of what was rendered."""
    tools.install("helm")
    chart(repo, "chart", WEB, IDLE)
    files = f"---\n# Source: shop/templates/all.yaml\n{WEB}---\n# Source: shop/gone/x.yaml\n{IDLE}"
    (repo / "chart" / "made.txt").write_text(files)
    line = files[: files.index(IDLE)].count("\n") + 1

    main(["check", "--static", "chart"])
    shown = capsys.readouterr().out
    assert f"shop/gone/x.yaml, helm template chart:{line} " in shown
    assert "chart/templates/all.yaml, helm template chart:" in shown
    main(["check", "--static", "--format", "sarif", "chart"])
    log = json.loads(capsys.readouterr().out)
    (place,) = {
        str(one["locations"][0]["physicalLocation"])
        for one in log["runs"][0]["results"]
        if one["ruleId"] == "selects-nothing"
    }
    assert "{'artifactLocation': {'uri': 'shop/gone/x.yaml'}}" == place


def test_places_name_what_kustomize_rendered(tools: Tools, repo: Path) -> None:
    """The file of an origin annotation; without one the line of what was rendered is all."""
    tools.install("kustomize")
    noted = (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n"
        "    config.kubernetes.io/origin: |\n      path: ../base/web.yaml\n"
        "  name: web\n  namespace: shop\nspec: {containers: [{name: c}]}\n"
    )
    kustomization(repo, "overlay", "# ../base\n", noted, WEB.replace("web", "api"))
    (repo / "overlay" / "kustomization.yaml").write_text("resources: [made.txt, ../base]\n")
    write(repo, base__kustomization_yaml="resources: [web.yaml]\n", base__web_yaml="")

    pods = open_case(["overlay"]).mirror.workloads

    assert ["base/web.yaml, kustomize build overlay:1", "kustomize build overlay:11"] == [
        str(one.origin) for one in pods
    ]


def test_places_name_what_was_piped(tools: Tools) -> None:
    """A renderer's comments are read of standard input, too; its lines are those of the input."""
    assert tools.bin.is_dir()
    text = f"---\n# Source: shop/templates/web.yaml\n{WEB}---\n{deny_all('shop')}"
    read = open_case(["-"], stdin=text.encode()).mirror

    assert "shop/templates/web.yaml, -:3" == str(read.workloads[0].origin)
    assert f"-:{text.count(chr(10)) - 3}" == str(read.bundle.policies[0].origin)


def test_comments_of_templates_silence_hints(
    tools: Tools, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are in what was rendered, and count for its lines."""
    tools.install("helm")
    ignore = "# netproof: ignore selects-nothing because its pods come later\n"
    for comment in ("", ignore):
        made = f"---\n# Source: shop/templates/all.yaml\n{WEB}---\n{comment}{IDLE}"
        shutil.rmtree(repo / "chart", ignore_errors=True)
        chart(repo, "chart", made)
        main(["check", "--static", "chart"])
        assert bool(comment) is ("silenced selects-nothing" in capsys.readouterr().out)


def test_an_overlay_is_read_and_its_base_is_not_read_beside_it(tools: Tools, repo: Path) -> None:
    """The base would be the same objects again, as nobody applies them; plain files are read."""
    tools.install("kustomize")
    kustomization(repo, "deploy/base", "", WEB)
    kustomization(repo, "deploy/overlays/prod", "", WEB.replace("shop", "prod"))
    overlay = repo / "deploy/overlays/prod/kustomization.yaml"
    overlay.write_text("resources: [../../base, made.txt]\n")
    write(repo, deploy__plain_yaml=workload("far/job"))

    assert ["far/job", "prod/web"] == keys("deploy")
    (call,) = tools.calls("kustomize")
    assert "./deploy/overlays/prod" == call["argv"][-1]
    assert "deploy/base/made.txt" in call["files"]


def test_overlays_of_one_base_are_not_mixed(
    tools: Tools, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are states of one thing: the message names them."""
    tools.install("kustomize")
    kustomization(repo, "deploy/base", "", WEB)
    for name in ("dev", "prod"):
        kustomization(repo, f"deploy/{name}", "", WEB)
        (repo / f"deploy/{name}/kustomization.yaml").write_text("resources: [../base]\n")

    said = told(capsys, "check", "--static", "deploy")

    assert "deploy: holds several states of one thing, for they use the same base" in said
    assert "deploy/dev, deploy/prod; name one of them" in said


def test_kustomizations_that_share_a_component_only_are_read_together(
    tools: Tools, repo: Path
) -> None:
    """A component brings no objects of its own, and is none itself."""
    tools.install("kustomize")
    kustomization(repo, "deploy/part", "kind: Component\n")
    for name in ("api", "web"):
        kustomization(repo, f"deploy/{name}", "components: [../part]\n", workload(f"shop/{name}"))

    assert ["shop/api", "shop/web"] == keys("deploy")


def test_a_part_that_nothing_uses_is_told(tools: Tools, repo: Path) -> None:
    """A library chart cannot be rendered alone."""
    tools.install("helm")
    chart(repo, "charts/common", kind="library")
    chart(repo, "charts/shop", WEB)

    case = open_case(["charts"])

    assert ["shop/web"] == [one.key for one in case.mirror.workloads]
    assert {
        "charts/shop": "is read as `helm template charts/shop` renders it",
        "charts/common": "is a part of others, none of which is here",
    } == {one.place: one.text for one in case.mirror.notes if one.what == rendering.RENDERED}


def test_intents_beside_a_kustomization_are_read(tools: Tools, repo: Path) -> None:
    """They are netproof's, and no tool renders them; other files beside it are the tool's."""
    tools.install("kustomize")
    kustomization(repo, "overlay", "", WEB, deny_all("shop"))
    write(
        repo,
        overlay__intents_yaml=intents("deny: outside -> web"),
        overlay__values_yaml="intents: none\nkind: x\n",
    )

    assert ["deny: outside -> web"] == [one.text for one in open_case(["overlay"]).intents]


def test_an_object_of_flux_is_no_kustomization(tools: Tools, repo: Path) -> None:
    """It may be kept in a file of that name."""
    assert tools.bin.is_dir()
    flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n"
    write(repo, cluster__kustomization_yaml=flux, cluster__web_yaml=WEB)

    assert ["shop/web"] == keys("cluster")


def test_what_lies_out_of_the_repository_is_not_used(
    tools: Tools, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a repository: out of the folder that what was named may not lead out of."""
    tools.install("kustomize")
    kustomization(repo.parent, "base", "", WEB)
    kustomization(repo, "overlay", "", WEB)
    (repo / "overlay" / "kustomization.yaml").write_text("\nresources: [../../base]\n")

    said = told(capsys, "check", "--static", "overlay")

    assert "overlay/kustomization.yaml:2: ../../base lies out of ." in said
    assert not list(tools.bin.glob("*.calls"))


def test_values_without_a_chart_are_an_error(
    tools: Tools, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or with several: it is not said whose they are."""
    tools.install("helm")
    chart(repo, "charts/a", WEB)
    chart(repo, "charts/b", workload("shop/api"))
    write(repo, plain_yaml=WEB)
    for source, there in (("plain.yaml", "none"), ("charts", "charts/a, charts/b")):
        said = told(capsys, "check", "--static", "--set", "a=b", source)
        assert f"--values and --set are for one Helm chart (there are: {there})" in said


@pytest.mark.parametrize("here", [".", "overlays"])
def test_a_revision_is_rendered(
    here: str, tools: Tools, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was committed, with the base beside it, from wherever in the repository."""
    (tools.bin / "git").symlink_to(GIT)
    (repo / ".git").rmdir()
    tools.install("kustomize")
    kustomization(repo, "base", "", WEB)
    kustomization(repo, "overlays/prod", "", WEB.replace("web", "api"))
    (repo / "overlays/prod/kustomization.yaml").write_text("resources: [../../base, made.txt]\n")
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "a")):
        subprocess.run([GIT, *who, *words], check=True)
    shutil.rmtree(repo / "base")
    (repo / "overlays/prod/made.txt").unlink()
    monkeypatch.chdir(repo / here)
    named = "overlays/prod" if here == "." else "prod"

    (pod,) = open_case([f"git:HEAD:{named}"]).mirror.workloads
    (same,) = open_case([f"git:HEAD:{named}/kustomization.yaml"]).mirror.workloads
    assert pod == same

    assert "shop/api" == pod.key
    assert f"kustomize build HEAD:{named}:1" == str(pod.origin)
    call = tools.calls("kustomize")[0]
    assert "./overlays/prod" == call["argv"][-1]
    assert "base/made.txt" in call["files"]
