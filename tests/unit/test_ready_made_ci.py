"""What is ready-made for CI does what it says: its scripts run as the CI system runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.front import cli
from netproof.report.markup import MARK
from tests.house.project import ROOT, project
from tests.unit.review.build import deny_all, intents, workload

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: dict[str, dict[str, Any]] = {
    one.get("name", one.get("uses", "")): one for one in ACTION["runs"]["steps"]
}
WORKFLOWS = "".join(
    path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")
)
TEMPLATES = ROOT / "ci-templates"
CLUSTER = TEMPLATES / "cluster"
INSTALLED = "/tmp/netproof"  # noqa: S108 - in a container that is the job's own
SHOP = "---\n".join([workload("shop/web", 80), workload("shop/api", 8080), deny_all("shop")])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with a bundle of which one intent is broken, in a folder with a blank."""
    folder = tmp_path / "work" / "my deploy"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text(SHOP)
    (folder / "intents.yaml").write_text(intents("allow: web -> api", "deny: api -> web"))
    return tmp_path / "work"


def _step(name: str, folder: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    """Run a step's script as GitHub's runner does (`bash`), and return it with its outputs."""
    home = folder.parent
    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    for program in ("netproof", "python"):
        if not (programs / program).exists():
            (programs / program).symlink_to(Path(sys.executable).parent / program)
    files = {name: home / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    files["GITHUB_PATH"] = home / "github_path"
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(home),
        "RUNNER_TEMP": str(home),
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_WORKSPACE": str(folder),
        **{name: str(file) for name, file in files.items()},
        **inputs,
    }
    for file in files.values():
        file.touch()
    script = home / "script.sh"
    script.write_text(STEPS[name]["run"], encoding="utf-8")
    ended = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = files["GITHUB_OUTPUT"].read_text().splitlines()
    return ended, dict(line.split("=", 1) for line in lines)


def _check(folder: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    return _step("Check", folder, **{"PACKETS": "none", "ARGUMENTS": "", **inputs})


def test_the_action_checks_a_bundle(repository: Path) -> None:
    """It says the verdict and goes on; the page, the summary and the annotations are there."""
    ended, said = _check(repository, BUNDLE="\nmy deploy\n", ARGUMENTS="--mutate\n")
    reports = Path(said["reports"])
    assert (0, "1", "FAIL") == (ended.returncode, said["exit-code"], said["verdict"]), ended.stderr
    assert {"report.html", "report.sarif", "comment.md"} <= {one.name for one in reports.iterdir()}
    assert "1 of 2 intents does not hold" in (repository.parent / "github_step_summary").read_text()
    assert "::error file=my deploy/shop.yaml,title=netproof%3A broken-intent,line=" in ended.stderr
    verdict, _ = _step("Verdict", repository, CODE=said["exit-code"])
    assert 1 == verdict.returncode


def test_the_action_says_what_cannot_be_read(repository: Path) -> None:
    """There are no reports then, no step that would show any, and the job fails."""
    ended, said = _check(repository, BUNDLE="nowhere\n-n\n$(touch pwned)")
    assert {"exit-code": "2", "verdict": "", "reports": ""} == said
    assert "nowhere" in ended.stderr
    assert not (repository / "pwned").exists()
    shown = [step["if"] for step in STEPS.values() if "outputs.reports" in str(step.get("with"))]
    assert 2 == len(shown)
    assert all("steps.check.outputs.reports != ''" in condition for condition in shown)
    verdict, _ = _step("Verdict", repository, CODE="")
    assert 2 == verdict.returncode


def test_the_action_installs_its_own_commit(repository: Path) -> None:
    """Into an environment apart, which later steps find; pip is stood in for."""
    home = repository.parent
    (home / "bin").mkdir()
    asked = home / "asked"
    fake = home / "bin" / "python"
    fake.write_text(
        f'#!/bin/bash\necho "$@" >> {asked}\n'
        'if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi\n'
    )
    fake.chmod(0o755)
    ended, _ = _step("Install", repository)
    assert 0 == ended.returncode, ended.stderr
    assert f"-m venv {home}/netproof-venv\n-m pip install --quiet {ROOT}\n" == asked.read_text()
    assert f"{home}/netproof-venv/bin\n" == (home / "github_path").read_text()


def test_no_input_is_pasted_into_a_script() -> None:
    """What is pasted into a shell runs there; an environment variable is text."""
    scripts = [step["run"] for step in STEPS.values() if "run" in step]
    assert scripts
    assert [] == [script for script in scripts if "${{" in script]


def test_actions_of_others_are_those_of_the_workflows() -> None:
    """Pinned by commit, in one version; one more is not among them."""
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    uses = re.findall(r"uses: (.*)", text)
    assert [] == [
        use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d[\d.]*", use)
    ]
    assert ["github/codeql-action/upload-sarif"] == [
        use.partition("@")[0] for use in uses if use not in WORKFLOWS
    ]


class _GitHub(BaseHTTPRequestHandler):
    """Stands for the part of GitHub's API that comments need."""

    comments: list[dict[str, Any]]
    asked: list[str]
    refuse = False

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body: dict[str, str] = json.loads(self.rfile.read(length)) if length else {}
        self.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        if self.refuse or self.headers["Authorization"] != "Bearer token":
            self.send_error(403)
            return
        if self.command == "POST":
            self.comments.append({"id": 7, "user": {"type": "Bot"}, **body})
        elif self.command == "PATCH":
            self.comments[-1].update(body)
        text = json.dumps(self.comments).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - http.server calls them so

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def github(*comments: dict[str, Any], refuse: bool = False) -> Iterator[tuple[str, type[_GitHub]]]:
    """Serve an API with comments of a pull request that are there already."""
    kind = type("GitHub", (_GitHub,), {"comments": list(comments), "asked": [], "refuse": refuse})
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", kind
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _commented(repository: Path, api: str) -> subprocess.CompletedProcess[str]:
    (repository.parent / "comment.md").write_text(f"FAIL\n\n{MARK}\n")
    ended, _ = _step(
        "Comment on the pull request",
        repository,
        GITHUB_TOKEN="token",
        GITHUB_API_URL=api,
        GITHUB_REPOSITORY="shop/deploy",
        PULL_REQUEST="3",
        REPORTS=str(repository.parent),
    )
    return ended


def test_a_comment_is_written_once_and_changed_after_that(repository: Path) -> None:
    """A person's comment that quotes ours is not taken for it."""
    quoted = {"id": 1, "user": {"type": "User"}, "body": MARK}
    of_nobody_left = {"id": 2, "user": None, "body": MARK}
    with github(quoted, of_nobody_left) as (api, kind):
        for _ in range(2):
            assert 0 == _commented(repository, api).returncode
        assert [MARK, MARK, f"FAIL\n\n{MARK}\n"] == [one["body"] for one in kind.comments]
        issues = "/repos/shop/deploy/issues"
        listed = f"GET {issues}/3/comments"
        written = [f"POST {issues}/3/comments", f"PATCH {issues}/comments/7"]
        assert [listed, written[0], listed, written[1]] == kind.asked


def test_a_comment_that_is_refused_fails_nothing(repository: Path) -> None:
    """A pull request of a fork has no right to one; the verdict is another step's."""
    with github(refuse=True) as (api, _):
        ended = _commented(repository, api)
    assert 0 == ended.returncode
    assert "::notice title=netproof::no comment on the pull request: 403" in ended.stdout


def _gitlab() -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return the job of GitLab's template, with its inputs put in, and the defaults of those."""
    head, _, body = (TEMPLATES / "gitlab.yml").read_text(encoding="utf-8").partition("\n---\n")
    inputs = yaml.safe_load(head)["spec"]["inputs"]
    defaults = {name: one["default"] for name, one in inputs.items()}
    filled = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: defaults[found[1]], body)
    (job,) = yaml.safe_load(filled).values()
    return job, inputs, defaults


def test_the_gitlab_job_leaves_what_it_promises(repository: Path) -> None:
    """Its script, run by a shell, writes each report that its artifacts name; a pattern is none."""
    job, _, defaults = _gitlab()
    (repository / "my deploy").rename(repository / "deploy")
    (script,) = job["script"]
    program = script.replace(f"{INSTALLED}/bin/netproof", f"{sys.executable} -m netproof")
    variables = {"NETPROOF_BUNDLE": "deploy", "NETPROOF_ARGUMENTS": defaults["arguments"]}
    ended = subprocess.run(
        ["sh", "-ec", program],
        cwd=repository,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == ended.returncode, ended.stderr
    assert all((repository / file).is_file() for file in job["artifacts"]["reports"].values())
    assert [] == [line for line in job["script"] + job["before_script"] if "$[[" in line]
    assert {"junit", "codequality"} == job["artifacts"]["reports"].keys()


def test_a_hook_of_pre_commit_checks_the_whole_bundle(repository: Path) -> None:
    """The files that changed are no bundle; what is checked is named by whoever uses the hook."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (False, "python") == (hook["pass_filenames"], hook["language"])
    name, *words = hook["entry"].split()
    assert name in project()["scripts"]
    assert 1 == cli.main([*words, str(repository / "my deploy")])
    changed = ["deploy/a.yaml", "b.yml", "chart/templates/_helpers.tpl", "charts/x.tgz"]
    assert all(re.search(hook["files"], name) for name in changed)


def test_the_rights_of_the_job_are_those_that_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The manifest has what `netproof rbac` says, for the account of the job."""
    words = ["rbac", "--service-account", "netproof/netproof", "--for", "test"]
    assert 0 == cli.main(words)
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    text = (CLUSTER / "rbac.yaml").read_text(encoding="utf-8")
    space, account, *granted = yaml.safe_load_all(text)
    assert printed == granted
    assert f"netproof {' '.join(words)}" in text
    made = yaml.safe_load((CLUSTER / "cronjob.yaml").read_text(encoding="utf-8"))
    pod = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert (account["metadata"]["name"], account["metadata"]["namespace"]) == (
        pod["serviceAccountName"],
        made["metadata"]["namespace"],
    )
    assert "Namespace" == space["kind"]


def test_the_job_and_the_plugin_call_what_there_is() -> None:
    """Their options are options, their image is that of the Dockerfile, of this version."""
    made = yaml.safe_load((CLUSTER / "cronjob.yaml").read_text(encoding="utf-8"))
    (container,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    plugin = yaml.safe_load((CLUSTER / "sonobuoy.yaml").read_text(encoding="utf-8"))
    image = f"REGISTRY/netproof:{project()['version']}"
    assert f"-t {image} ." in (CLUSTER / "Dockerfile").read_text(encoding="utf-8")
    assert (image, image) == (container["image"], plugin["spec"]["image"])
    called = re.search(r"^netproof (.*)$", plugin["spec"]["args"][0], re.MULTILINE)
    assert called
    for words in (container["args"], called[1].split()):
        assert 0 == cli.main([*words, "--list"])


def test_the_plugin_hands_its_results_over(tmp_path: Path) -> None:
    """Also where the verdict is no pass: an archive with the JUnit, and then its name."""
    plugin = yaml.safe_load((CLUSTER / "sonobuoy.yaml").read_text(encoding="utf-8"))
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "netproof"
    fake.write_text("#!/bin/sh\nmkdir -p reports && echo '<x/>' > reports/junit.xml; exit 1\n")
    fake.chmod(0o755)
    script = plugin["spec"]["args"][0].replace(INSTALLED, str(tmp_path / "work"))
    results = tmp_path / "results"
    results.mkdir()
    path = f"{fake.parent}:{os.environ['PATH']}"
    subprocess.run(
        [*plugin["spec"]["command"], script],
        env={"PATH": path, "SONOBUOY_RESULTS_DIR": str(results)},
        check=True,
    )
    archive = (results / "done").read_text()
    shutil.unpack_archive(archive, tmp_path / "out")
    names = plugin["sonobuoy-config"]["result-files"]
    assert all((tmp_path / "out" / name).is_file() for name in names)
