"""What helm and kustomize may do with a stranger's folder: render copies of it, no more."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netproof.front.cli import main
from netproof.policy import limits, renderers, rendering
from tests.attacks.hostile import TRICKS, harm
from tests.lab.lab_process import eventually
from tests.lab.leftovers import start_of
from tests.plugin.project import run
from tests.unit.cluster.api import standin
from tests.unit.cluster.api.standin import Reply, Standin
from tests.unit.policy.renderers import PRINT, Tools, installed

SECRET = "the-word-that-nobody-may-see"
WEB = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
"""
REAL = {name: shutil.which(name) for name in ("helm", "kustomize", "kubectl")}
"""The real tools, looked up before stand-ins take their place."""

NO_NETWORK = pytest.mark.skipif(
    not renderers._without_network(),
    reason="this machine lets nobody make a network namespace: then only the dead proxy is left",
)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Return the programs that there are: none yet."""
    return installed(tmp_path, monkeypatch)


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is a kustomization and where the test stands."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text("resources: [made.txt]\n")
    (folder / "made.txt").write_text(WEB)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file beside the bundle."""
    file = tmp_path / "secret.yaml"
    file.write_text(f"{SECRET}: {SECRET}\n")
    return file


@pytest.fixture
def asked() -> Iterator[Standin]:
    """Yield a server on this machine, which knows what it was asked."""
    with standin.running(lambda *_: Reply(200, WEB.encode())) as server:
        yield server


def real(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the real tool be the only one there is; skip where it is not installed."""
    path = REAL[name]
    if path is None:
        pytest.skip(f"{name} is not installed; install it and call this again")
    monkeypatch.setattr(renderers, "_installed", lambda asked: path if asked == name else "")


def refused(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Return what is said of a bundle that cannot be rendered."""
    assert 2 == main(["check", "--static", ".", *more])
    return capsys.readouterr().err


def test_a_renderer_gets_nothing_of_whoever_calls_it(
    tools: Tools, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No home, kubeconfig, token, plugins, proxy or program to call: only folders of its own."""
    for name in ("KUBECONFIG", "HELM_PLUGINS", "HTTPS_PROXY", "GITHUB_TOKEN", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, SECRET)
    body = f"{PRINT}\ncall = None\nopen(os.path.join(os.environ['HOME'], 'mark'), 'w').write('x')"
    tools.install("kustomize", body)

    assert 0 == main(["check", "--static", "."])

    (call,) = tools.calls("kustomize")
    environment = call["env"]
    home = environment["HOME"]
    assert SECRET not in str(environment)
    assert "KUBECONFIG" not in environment
    own = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS")
    assert {home} == {environment[name] for name in (*own, "TMPDIR", "XDG_CONFIG_HOME")}
    assert shutil.which("git", path=environment["PATH"]) is None
    assert {"http://127.0.0.1:1"} == {
        environment[f"{one}_PROXY"] for one in ("HTTP", "HTTPS", "ALL")
    }
    assert not Path(home).exists()
    assert not any("plugin" in word or "enable" in word for word in call["argv"])
    assert bundle.is_dir()


@NO_NETWORK
def test_a_renderer_has_no_network(
    tools: Tools, bundle: Path, asked: Standin, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even to this machine."""
    assert bundle.is_dir()
    body = f"import socket; socket.create_connection(('127.0.0.1', {asked.port}), timeout=5)"
    tools.install("kustomize", body)

    assert "Network is unreachable" in refused(capsys)
    assert [] == asked.asked


def test_a_renderer_that_does_not_end_is_ended(
    tools: Tools,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With all that it started."""
    pids = bundle.parent / "pids"
    child = f"subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(600)'])"
    body = (
        f"import subprocess, time\nchild = {child}\n"
        f"open({str(pids)!r}, 'w').write(str(child.pid))\ntime.sleep(600)"
    )
    tools.install("kustomize", body)
    monkeypatch.setattr(renderers, "RENDER_S", 1.0)

    assert "it did not end in 1 s" in refused(capsys)
    pid = int(pids.read_text())
    eventually(lambda: not start_of(pid), "what it started has ended", deadline_s=10)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_renderer_that_writes_without_end_is_ended(
    stream: str, tools: Tools, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it wrote fills no disk."""
    assert bundle.is_dir()
    tools.install("kustomize", f"while True: sys.{stream}.write('#' * 65536)")

    assert f"it wrote more than the {limits.MAX_BYTES} bytes" in refused(capsys)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has prlimit")
def test_a_renderer_that_fills_memory_is_refused_it(
    tools: Tools, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A template may count to a thousand million."""
    assert bundle.is_dir()
    tools.install("kustomize", f"made = bytearray({limits.RENDER_BYTES})")

    assert "MemoryError" in refused(capsys)


def test_what_a_renderer_says_steers_no_terminal(
    tools: Tools, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It quotes what a stranger wrote, as names of sources and where it fails."""
    said = TRICKS["everything"]
    tools.install("kustomize", f"sys.stderr.write({said!r}); sys.exit(1)")
    assert [] == harm(refused(capsys))
    one = " ".join(said.split())
    (bundle / "made.txt").write_text(f"---\n# Source: a/{one}\n{WEB}", encoding="utf-8")
    tools.install("kustomize", f"sys.stdout.reconfigure(encoding='utf-8')\n{PRINT}")
    for style in ("text", "markdown", "json", "sarif"):
        main(["check", "--static", "--format", style, "."])
        assert [] == harm("".join(capsys.readouterr()))


def test_pytest_renders_by_the_same_rules(tools: Tools, bundle: Path) -> None:
    """And takes the same options, with its prefix."""
    (bundle / "kustomization.yaml").unlink()
    (bundle / "Chart.yaml").write_text("name: a\n")
    (bundle / "prod.yaml").write_text("a: b\n")
    (bundle / "intents.yaml").write_text("intents: [{allow: outside -> web, reason: a}]\n")
    tools.install("helm")
    options = ("--np-values", "prod.yaml", "--np-set", "c=d", "--np-release", "it")

    ended = run(bundle, "--np-bundle-static", "--np-bundle", ".", "-rA", *options)

    assert ended.says("1 passed", "allow: outside -> web"), ended.output
    (call,) = tools.calls("helm")
    assert ["template", "--skip-tests", "it", "./."] == call["argv"][:4]
    assert "--set=c=d" == call["argv"][-1]
    assert ["a: b\n"] == call["values"]


def test_links_do_not_lead_a_renderer_out(tools: Tools, bundle: Path, secret: Path) -> None:
    """It sees copies, and what a link leads to elsewhere is not among them."""
    (bundle / "kustomization.yaml").unlink()
    (bundle / "Chart.yaml").write_text("name: a\n")
    (bundle / "templates").mkdir()
    (bundle / "templates" / "a.yaml").symlink_to(secret)
    (bundle / "more").symlink_to(secret.parent)
    (bundle / "templates" / "b.txt").symlink_to("../made.txt")
    tools.install("helm")

    assert 0 == main(["check", "--static", "."])
    assert ["Chart.yaml", "made.txt", "templates/b.txt"] == tools.calls("helm")[0]["files"]


def test_a_link_of_a_kustomization_is_not_followed_out(
    tools: Tools, bundle: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is one that stands for all of it."""
    (bundle / "kustomization.yaml").write_text("resources: [made.txt, link.yaml]\n")
    (bundle / "link.yaml").symlink_to(secret)
    tools.install("kustomize")
    assert 0 == main(["check", "--static", "."])
    assert ["kustomization.yaml", "made.txt"] == tools.calls("kustomize")[0]["files"]
    (bundle / "kustomization.yaml").unlink()
    (bundle / "kustomization.yaml").symlink_to(secret)
    main(["check", "--static", "."])
    assert SECRET not in "".join(capsys.readouterr())


def test_values_are_no_link_to_other_files(
    tools: Tools, bundle: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CI job names a file of the pull request."""
    (bundle / "kustomization.yaml").unlink()
    (bundle / "Chart.yaml").write_text("name: a\n")
    (bundle / "values.yaml").symlink_to(secret)
    tools.install("helm")

    assert "a link leads out of" in refused(capsys, "--values", "values.yaml")
    assert not list(tools.bin.glob("*.calls"))


def test_no_program_of_the_bundle_is_run(
    tools: Tools,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever a PATH says that means the current folder."""
    proof = bundle.parent / "proof"
    for name in ("kustomize", "kubectl", "helm"):
        (bundle / name).write_text(f"#!/bin/sh\ntouch {proof}\n")
        (bundle / name).chmod(0o755)
    for path in (".", f"{tools.bin}:", f":{tools.bin}", "./:."):
        monkeypatch.setenv("PATH", path)
        assert "is not installed" in refused(capsys)
    assert not proof.exists()


@pytest.mark.parametrize("name", ["kustomize", "kubectl"])
def test_kustomize_fetches_nothing(
    name: str,
    bundle: Path,
    asked: Standin,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither a file from a server of this machine nor a repository, and no plugin runs."""
    real(name, monkeypatch)
    port = asked.port
    proof = bundle.parent / "proof"
    (bundle / "run.sh").write_text(f"#!/bin/sh\ntouch {proof}\n")
    (bundle / "run.sh").chmod(0o755)
    (bundle / "plugin.yaml").write_text(
        "apiVersion: a/v1\nkind: A\nmetadata:\n  name: a\n  annotations:\n"
        "    config.kubernetes.io/function: |\n      exec: {path: ./run.sh}\n"
    )
    hostile = {
        "file": f"resources: ['http://127.0.0.1:{port}/a.yaml']\n",
        "repository": f"resources: ['http://127.0.0.1:{port}/a/b.git//c?ref=d']\n",
        "path": "resources: [/etc/passwd]\n",
        "plugin": "resources: [made.yaml]\ngenerators: [plugin.yaml]\n",
        "chart": f"helmCharts: [{{name: a, repo: 'http://127.0.0.1:{port}/'}}]\n",
    }
    monkeypatch.setattr(rendering, "_REMOTE", re.compile("(?!)"))  # the words that refuse it before
    for text in hostile.values():
        (bundle / "kustomization.yaml").write_text(text)
        assert "failed: " in refused(capsys)
    assert [] == asked.asked
    assert not proof.exists()


@pytest.mark.parametrize("name", ["kustomize", "kubectl"])
def test_without_a_network_of_its_own_kustomize_has_a_proxy_that_is_not_there(
    name: str, bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it would fetch from anywhere but this machine is not fetched there either."""
    real(name, monkeypatch)
    monkeypatch.setattr(renderers, "_without_network", lambda: ())
    (bundle / "kustomization.yaml").write_text(
        "resources: [made.txt]\npatches: [{path: 'http://198.51.100.7/a.yaml'}]\n"
    )

    assert "127.0.0.1:1" in refused(capsys)


def test_what_a_kustomization_would_fetch_is_said(
    tools: Tools, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any tool runs, with what to do instead."""
    tools.install("kustomize")
    for what in ("https://a.example/b?ref=c", "github.com/a/b//c", "git@a.example:b/c", "git::a"):
        (bundle / "kustomization.yaml").write_text(f"\nresources: [made.txt, '{what}']\n")
        said = refused(capsys)
        assert f"kustomization.yaml:2: {what} would have to be fetched, and netproof" in said
        assert "`kustomize build . | netproof check -`" in said
    assert not list(tools.bin.glob("*.calls"))


def test_helm_looks_nothing_up(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a cluster, nor by name, nor in other files, nor in the environment."""
    real("helm", monkeypatch)
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    (bundle / "kustomization.yaml").unlink()
    (bundle / "Chart.yaml").write_text("apiVersion: v2\nname: a\nversion: 1.0.0\n")
    (bundle / "templates").mkdir()
    (bundle / "templates" / "a.yaml").write_text(
        WEB.replace("name: web", 'name: "web{{ lookup "v1" "Namespace" "" "a" | len }}"')
        + '# {{ getHostByName "localhost" }} {{ .Files.Get "../secret.yaml" }}\n'
    )

    assert 0 == main(["snapshot", "."])


@pytest.mark.parametrize("name", ["kustomize", "kubectl", "helm"])
def test_the_real_tools_render(
    name: str, bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the names and namespaces that they give, and the source that they write down."""
    real(name, monkeypatch)
    (bundle / "kustomization.yaml").unlink()
    where = bundle / "sub"
    (where / "templates").mkdir(parents=True)
    (where / "templates" / "web.yaml").write_text(WEB.replace(", namespace: shop", ""))
    if name == "helm":
        (where / "Chart.yaml").write_text("apiVersion: v2\nname: a\nversion: 1.0.0\n")
        (where / "templates" / "web.yaml").write_text(
            WEB.replace("namespace: shop", "namespace: {{ .Values.space }}")
        )
    else:
        (where / "kustomization.yaml").write_text(
            "resources: [templates/web.yaml]\nnamespace: far\nbuildMetadata: [originAnnotations]\n"
        )
    more = ("--set", "space=far") if name == "helm" else ()

    assert 0 == main(["check", "--static", ".", *more])
    shown = capsys.readouterr().out
    assert "far" in shown
    assert "sub/templates/web.yaml, " in shown


def test_whoever_asks_for_a_rendering_can_switch_it_off(
    tools: Tools, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a pull request from a fork is read, say."""
    tools.install("kustomize")
    assert bundle.is_dir()
    assert "--render never says not to render it" in refused(capsys, "--render", "never")
    assert not list(tools.bin.glob("*.calls"))
