"""A kind cluster from start to stop, with recorded stand-ins for the tools."""

from __future__ import annotations

import os
import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.kind import host, machine, programs
from netproof.cluster.kind.cluster import KindCluster, KindOptions
from netproof.cluster.profiles import reading
from netproof.cluster.profiles.declaration import IpFamily
from netproof.errors import ClusterError, NetproofError, NotReadyError, UsageError
from netproof.model.value import replace
from tests.unit.cluster.kind import standins
from tests.unit.cluster.kind.standins import LAST_WORDS, StandIns

CNIS = reading.names(reading.folder())
CRDS = "v1_crd_projectcalico_org.yaml"
NODE_IMAGE = (
    "kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5"
)
IMAGE = "docker.io/library/python:3.13-alpine"

Start = Callable[..., KindCluster]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Put stand-ins on PATH, and nothing else but the shell's own tools."""
    made = standins.make(tmp_path)
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/bin:/bin")
    monkeypatch.setattr(host, "lacks", lambda *_, **__: ())
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "of-the-person"))
    return made


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the runs' own folders are made."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def options(tmp_path: Path) -> KindOptions:
    """Ask for Calico, unless a test asks for something else."""
    offline = standins.offline(tmp_path / "offline")
    return KindOptions(
        cni="calico",
        run_id="ab12cd34",
        configs=offline.profiles,
        report_dir=tmp_path / "reports",
        probe_image=IMAGE,
        downloads=offline.downloads,
    )


def _silent(text: str) -> None:
    """Take a sentence."""


@pytest.fixture
def said() -> list[str]:
    """Collect what is said on the progress."""
    return []


@pytest.mark.parametrize("cni", CNIS)
def test_every_profile_comes_up_and_is_removed(
    cni: str, tools: StandIns, options: KindOptions, homes: Path
) -> None:
    """A cluster of each CNI is created, filled, waited for and removed without a trace."""
    cluster = KindCluster(replace(options, cni=cni), _silent)
    ref = cluster.start()
    assert [f"np-{cni}-ab12cd34"] == tools.clusters()
    assert f"kind-np-{cni}-ab12cd34" == ref.context
    assert (cni != "flannel") == ref.enforces
    cluster.stop()
    assert [] == tools.clusters()
    assert [] == list(homes.iterdir())


def test_calls_of_calico_in_order(tools: StandIns, options: KindOptions, homes: Path) -> None:
    """Each tool is called as it must be: without --wait, server-side, with our kubeconfig."""
    cluster = KindCluster(options, _silent)
    home = Path(cluster.start().kubeconfig).parent
    name = "np-calico-ab12cd34"
    ours = f"--kubeconfig {home}/kubeconfig"
    seen = [c.replace(ours, "KUBECONFIG").replace(str(home), "HOME") for c in tools.calls()]
    assert [
        "docker info",
        "kind version",
        "docker info --format {{.OperatingSystem}}",
        f"docker run --rm --pull=never --entrypoint=cat {NODE_IMAGE} /kind/version",
        "kind get clusters",
        "kind create cluster --config HOME/kind.yaml --retain --name NAME KUBECONFIG",
        f"docker image inspect --format {{{{json .RepoDigests}}}} {IMAGE}",
        f"docker pull {IMAGE}",
        f"docker save -o HOME/probe-image.tar {IMAGE}",
        "kind load image-archive HOME/probe-image.tar --name NAME",
        "kubectl KUBECONFIG apply --server-side --force-conflicts -f HOME/local-" + CRDS,
    ] == [call.replace(name, "NAME") for call in seen[:11]]
    assert homes in home.parents


def test_the_persons_own_files_stay_untouched(
    tools: StandIns, options: KindOptions, tmp_path: Path
) -> None:
    """No tool is told of the kubeconfig or the Helm home of the person running it."""
    cluster = KindCluster(replace(options, cni="cilium"), _silent)
    home = Path(cluster.start().kubeconfig).parent
    cluster.stop()
    told = [line for line in tools.environment() if "HOME=" in line or "KUBECONFIG=" in line]
    ours = [line for line in told if str(home) in line]
    assert 4 == len(ours)
    # The very first question, to the engine, is asked before the run has a folder.
    assert {f"KUBECONFIG={tmp_path / 'of-the-person'}"} == set(told) - set(ours)
    assert not (tmp_path / "of-the-person").exists()


def _steps(cni: str) -> list[str]:
    steps = {
        "calico": ["v1_crd_projectcalico_org.yaml", "wait --for", "installation-dual.yaml"],
        "cilium": ["helm install"],
        "flannel": ["kind get nodes", "docker cp", "kube-flannel.yml", "patch", "restart"],
    }
    common = ["kind version", "kind get clusters", "kind create", "get daemonset", "get nodes"]
    return [*common, *steps[cni]]


@pytest.mark.parametrize(
    ("cni", "step"),
    [(cni, step) for cni in ("calico", "cilium", "flannel") for step in _steps(cni)],
)
def test_a_failing_step_gives_its_words_and_leaves_nothing(
    cni: str, step: str, tools: StandIns, options: KindOptions, homes: Path
) -> None:
    """Whatever tool fails, its last words are the message, and cluster and files are gone."""
    tools.fail_at(step)
    with pytest.raises(NetproofError, match=LAST_WORDS):
        KindCluster(replace(options, cni=cni), _silent).start()
    assert [] == tools.clusters()
    assert [] == list(homes.iterdir())


def test_logs_are_collected_after_a_failure(
    tools: StandIns, options: KindOptions, said: list[str]
) -> None:
    """The cluster's logs are under the reports before the cluster goes."""
    tools.fail_at("installation-dual.yaml")
    with pytest.raises(ClusterError, match="a pool of each family"):
        KindCluster(options, said.append).start()
    folder = options.report_dir / "cluster-logs" / "np-calico-ab12cd34"
    assert (folder / "kubelet.log").exists()
    assert f"the logs of the cluster are in {folder}" in said


def test_a_failing_log_collection_hides_nothing(
    tools: StandIns, options: KindOptions, said: list[str]
) -> None:
    """Where the logs cannot be had either, that is said, and the first failure is raised."""
    tools.fail_at("export logs")
    never = standins.OBJECT.replace('"numberReady": 3', '"numberReady": 1')
    (tools.state / "object.json").write_text(never)
    file = options.configs / "calico" / "profile.yaml"
    file.write_text(file.read_text().replace("timeout-seconds: 600", "timeout-seconds: 1"))
    with pytest.raises(NotReadyError, match="daemonset calico-system/calico-node: 1 of 3 pods"):
        KindCluster(options, said.append).start()
    assert any("collecting the logs" in line and LAST_WORDS in line for line in said)
    assert [] == tools.clusters()


def test_without_the_probe_image_the_nodes_pull_it(
    tools: StandIns, options: KindOptions, said: list[str]
) -> None:
    """A pull that fails is said, and no reason to give up: nodes can pull for themselves."""
    tools.fail_at("docker pull")
    KindCluster(options, said.append).start()
    assert any("so the nodes pull it" in line for line in said)


def test_the_probe_image_that_the_engine_has_is_not_pulled(
    tools: StandIns, options: KindOptions
) -> None:
    """Where there is no registry it is there all the same."""
    tools.have_image(IMAGE)
    tools.cut_off()
    KindCluster(options, _silent).start()
    calls = tools.calls()
    assert not any(call.startswith("docker pull") for call in calls)
    assert any("probe-image.tar" in call for call in calls if call.startswith("kind load"))


def test_the_probe_image_of_an_archive_is_not_pulled(
    tools: StandIns, options: KindOptions, tmp_path: Path
) -> None:
    """However it is spelled there; archives of other images leave it to be pulled."""
    brought = standins.image_archive(tmp_path / "a.tar", "quay.io/x/y:v1", "python:3.13-alpine")
    other = standins.image_archive(tmp_path / "b.tar", "quay.io/x/y:v1", "python:3.13")
    KindCluster(replace(options, image_archives=(brought, other)), _silent).start()
    calls = tools.calls()
    for archive in (brought, other):
        assert f"kind load image-archive {archive} --name np-calico-ab12cd34" in calls
    assert not any(call.startswith("docker pull") for call in calls)
    tools.forget()
    KindCluster(replace(options, image_archives=(other,), run_id="2"), _silent).start()
    assert f"docker pull {IMAGE}" in tools.calls()


def test_a_kept_cluster_stays(tools: StandIns, options: KindOptions, said: list[str]) -> None:
    """--keep-cluster leaves cluster and kubeconfig, and says how to use and remove them."""
    cluster = KindCluster(replace(options, keep=True), said.append)
    ref = cluster.start()
    cluster.stop()
    assert ["netproof-calico"] == tools.clusters()
    assert Path(ref.kubeconfig).exists()
    assert "kind delete cluster --name netproof-calico" in said[-1]


def test_a_kept_cluster_is_reused(tools: StandIns, options: KindOptions) -> None:
    """--reuse-cluster takes a cluster that is there, installs nothing, and leaves it."""
    KindCluster(replace(options, keep=True), _silent).start()
    tools.forget()
    again = KindCluster(replace(options, reuse=True), _silent)
    again.start()
    again.stop()
    assert ["netproof-calico"] == tools.clusters()
    assert not [c for c in tools.calls() if " apply " in c or "kind create" in c]


def test_a_name_that_is_taken_is_refused(tools: StandIns, options: KindOptions) -> None:
    """A cluster of that name is neither used nor removed."""
    (tools.state / "clusters").write_text("mine\n")
    with pytest.raises(UsageError, match="mine is there already; pass --reuse-cluster"):
        KindCluster(replace(options, name="mine"), _silent).start()
    assert ["mine"] == tools.clusters()


def test_a_name_taken_in_between_is_not_removed(
    tools: StandIns, options: KindOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster that somebody made since we looked is not ours to remove."""
    monkeypatch.setattr("netproof.cluster.kind.commands.KindCommands.exists", lambda _: False)
    (tools.state / "clusters").write_text("mine\n")
    with pytest.raises(ClusterError, match="already exist for a cluster"):
        KindCluster(replace(options, name="mine"), _silent).start()
    assert ["mine"] == tools.clusters()


def test_two_runs_side_by_side(tools: StandIns, options: KindOptions) -> None:
    """Two runs have two clusters, and the end of one leaves the other."""
    one = KindCluster(options, _silent)
    other = KindCluster(replace(options, run_id="99999999"), _silent)
    assert one.start().kubeconfig != other.start().kubeconfig
    one.stop()
    assert ["np-calico-99999999"] == tools.clusters()


def test_stop_is_idempotent(tools: StandIns, options: KindOptions) -> None:
    """A second stop does nothing."""
    cluster = KindCluster(options, _silent)
    cluster.start()
    cluster.stop()
    tools.forget()
    cluster.stop()
    assert [] == tools.calls()


def test_an_interrupt_removes_the_cluster(
    tools: StandIns, options: KindOptions, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of an installation leaves nothing."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("netproof.cluster.kind.installation.Installer.install", interrupt)
    with pytest.raises(KeyboardInterrupt):
        KindCluster(options, _silent).start()
    assert [] == tools.clusters()
    assert [] == list(homes.iterdir())


@pytest.mark.parametrize(("family", "step"), [("ipv4", "installation-ipv4"), ("dual", "-dual")])
def test_ip_family_chooses_the_steps(
    family: str, step: str, tools: StandIns, options: KindOptions
) -> None:
    """--ip-family changes kind's config and the installation together."""
    cluster = KindCluster(replace(options, family=IpFamily(family)), _silent)
    home = Path(cluster.start().kubeconfig).parent
    assert f'"ipFamily": "{family}"' in (home / "kind.yaml").read_text()
    assert 1 == sum("installation-" in call for call in tools.calls())
    assert any(step in call for call in tools.calls())


def test_another_version_is_unverified(
    tools: StandIns, options: KindOptions, said: list[str]
) -> None:
    """--cni-version fills in another version, whose checksum nobody has declared."""
    assert options.downloads is not None
    (options.downloads / "cilium-1.19.6.tgz").write_text("another chart")
    KindCluster(replace(options, cni="cilium", cni_version="v1.19.6"), said.append).start()
    assert any("cilium-1.19.6.tgz" in call for call in tools.calls())
    assert any("unverified (chosen by --cni-version" in line for line in said)


@pytest.mark.parametrize(
    ("cni", "pattern", "use"),
    [
        ("calico", "tigera-operator.yaml", "tigera-operator.yaml"),
        ("cilium", "cilium-*.tgz", "helm install"),
        ("flannel", "cni-plugins-*.tgz", "docker cp"),
    ],
)
def test_a_changed_byte_stops_the_installation(
    cni: str, pattern: str, use: str, tools: StandIns, options: KindOptions
) -> None:
    """Of a manifest, a chart or an archive: nothing of it is used, and the cluster goes."""
    assert options.downloads is not None
    for file in options.downloads.glob(pattern):
        data = file.read_bytes()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ClusterError, match=r"has the checksum .* its profile says"):
        KindCluster(replace(options, cni=cni), _silent).start()
    assert not [call for call in tools.calls() if use in call]
    assert [] == tools.clusters()


UNVERIFIED = {
    "no checksum": ({"cni": "weave"}, r"weave/profile.yaml:\d+: https.* has no checksum \(the"),
    "another version": (
        {"cni_version": "v3.32.2"},
        r"calico/profile.yaml:\d+: .*v3\.32\.2/.*has no",
    ),
    "a node image by its tag": (
        {},
        r"own.yaml: --require-verified: the node image kindest/node:v1",
    ),
}


@pytest.mark.parametrize("case", UNVERIFIED)
def test_only_what_is_verified_where_that_is_asked_for(
    case: str, tools: StandIns, options: KindOptions, tmp_path: Path
) -> None:
    """Whatever nobody gave a checksum for is refused with file and remedy, before a tool is run."""
    given, message = UNVERIFIED[case]
    change: dict[str, Any] = dict(given)
    if not change:
        text = (options.configs / "calico" / "kind.yaml").read_text()
        (tmp_path / "own.yaml").write_text(text.partition("@sha256:")[0] + "\n")
        change = {"config": tmp_path / "own.yaml"}
    with pytest.raises(UsageError, match=message) as refused:
        KindCluster(replace(options, require_verified=True, **change), _silent).start()
    assert re.search("profile pin [a-z]+|@sha256:", str(refused.value))
    assert [] == tools.calls()


def test_what_is_verified_comes_up(tools: StandIns, options: KindOptions) -> None:
    """An image that is named by its digest is the nodes' to pull: an archive keeps no digest."""
    image = f"{IMAGE}@sha256:{'0' * 64}"
    KindCluster(replace(options, require_verified=True, probe_image=image), _silent).start()
    assert not [call for call in tools.calls() if call.startswith("docker pull")]


REFUSED = {
    "unknown CNI": ({"cni": "romana"}, "no CNI profile is called 'romana'; there are: antrea"),
    "no version": ({"cni_version": "latest"}, "--cni-version latest: write a release"),
    "too old": ({"cni_version": "3.20.0"}, "fit v3.32.0 and newer"),
    "comes with kind": ({"cni": "kindnet", "cni_version": "1.0.0"}, "kindnet comes with kind"),
    "family": ({"cni": "weave", "family": IpFamily.DUAL}, "set up here for ipv4, not for dual"),
    "name": ({"name": "No Good"}, "--cluster-name No Good: up to 40"),
    "archive": ({"image_archives": (Path("/no/such.tar"),)}, "there is no such file"),
    "downloads": ({"downloads": Path("/no/such")}, "there is no such folder"),
    "config": ({"config": Path("/no/such.yaml")}, "/no/such.yaml: No such file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_made(
    case: str, tools: StandIns, options: KindOptions
) -> None:
    """A wrong call ends with what is wrong, before any tool was started."""
    change, message = REFUSED[case]
    with pytest.raises(UsageError, match=message):
        KindCluster(replace(options, **change), _silent).start()  # type: ignore[arg-type]
    assert [] == tools.calls()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Cluster\n", "is no kind cluster config: kind Cluster of kind.x-k8s.io/v1alpha4"),
        ("- 1\n", "one mapping is wanted"),
        ("a: [\n", "is not YAML"),
        (
            "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n",
            "disableDefaultCNI has to be true, for Calico",
        ),
    ],
)
def test_a_wrong_kind_config_is_refused(
    text: str, message: str, tools: StandIns, options: KindOptions, tmp_path: Path
) -> None:
    """A config of one's own that cannot work is named with its file."""
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(NetproofError, match=message) as refused:
        KindCluster(replace(options, config=file), _silent).start()
    assert str(refused.value).startswith(str(file))
    assert [] == tools.calls()


def test_an_old_kind_is_refused(tools: StandIns, options: KindOptions) -> None:
    """A kind that is too old for the node image is named with where to get another."""
    (tools.state / "version").write_text("kind v0.27.0 go1.23 linux/amd64\n")
    with pytest.raises(UsageError, match=r"kind is v0\.27\.0, .* needs v0\.32\.0 or newer: https:"):
        KindCluster(options, _silent).start()


@pytest.fixture
def some_tools(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> StandIns:
    """Put stand-ins for some of the tools on PATH, and no others."""
    made = standins.make(tmp_path, request.param)
    for name in ("env", "grep", "cat", "sh", "mv", "sed", "mkdir", "touch", "sleep"):
        found = next(Path(d, name) for d in ("/usr/bin", "/bin") if Path(d, name).exists())
        (made.bin / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    return made


@pytest.mark.parametrize(
    ("some_tools", "message"),
    [
        ((), "no container engine on PATH: kind needs docker, nerdctl or podman; get one: https:"),
        (("docker",), "not found on PATH: kind .*https.*kubectl .*https.*helm .*https"),
        (("docker", "kind", "kubectl"), "not found on PATH: helm"),
    ],
    indirect=["some_tools"],
)
def test_missing_tools_are_named(some_tools: StandIns, message: str, options: KindOptions) -> None:
    """What is missing is named together, with where to get it."""
    with pytest.raises(UsageError, match=message):
        KindCluster(replace(options, cni="cilium"), _silent).start()
    assert not [call for call in some_tools.calls() if call != "docker info"]


def test_an_engine_that_does_not_answer(tools: StandIns, options: KindOptions) -> None:
    """An engine that is installed and does not run is quoted."""
    tools.fail_at("docker info")
    with pytest.raises(UsageError, match=f"no container engine answers:\n.*\n.*{LAST_WORDS}"):
        KindCluster(options, _silent).start()


DOCKERS_WORDS = "Cannot connect to the Docker daemon at unix://{}. Is the docker daemon running?"
"""Of 28.2.2, whatever keeps it from connecting."""


@pytest.fixture
def engine_socket() -> Iterator[Path]:
    """Make a folder that everybody may look into, with a docker that names a socket in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        path = folder / "docker.sock"
        script = f"#!/bin/sh\necho '{DOCKERS_WORDS.format(path)}' >&2\nexit 1\n"
        (folder / "docker").write_text(script)
        (folder / "docker").chmod(0o755)
        yield path


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Be a user whom modes hold, where the tests run as root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("state", ["not ours", "left behind", "not there"])
def test_an_engine_that_may_not_be_used_or_is_down(state: str, engine_socket: Path) -> None:
    """The socket is tried, for the engine's words are the same; each has a remedy of its own."""
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        if state != "not there":
            listening.bind(str(engine_socket))
        if state == "not ours":
            listening.listen()
            engine_socket.chmod(0)
        environ = {"PATH": str(engine_socket.parent), "KIND_EXPERIMENTAL_PROVIDER": "docker"}
        with (
            _as_nobody() if state == "not ours" else nullcontext(),
            pytest.raises(UsageError) as no,
        ):
            machine.find(engine_socket.parent, helm=False, environ=environ)
    wanted = {"not ours": f"may not use {engine_socket}: sudo usermod -aG docker USER"}
    down = f"nothing listens at {engine_socket}: start docker"
    assert wanted.get(state, down) in str(no.value)
    assert "Is the docker daemon running?" in str(no.value)


def test_an_engine_that_hangs_is_not_the_only_one(
    tools: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is asked."""
    (tools.bin / "podman").write_bytes((tools.bin / "docker").read_bytes())
    tools.hang_at("docker info")
    monkeypatch.setattr(machine, "ASK_TIMEOUT_S", 0.3)
    monkeypatch.setattr(machine, "ENGINES", ("docker", "podman"))
    (tools.bin / "podman").chmod(0o755)
    assert "podman" == machine.find(tmp_path, helm=False).engine


def test_a_tool_whose_child_holds_its_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that left the tool's session is not ended with it, and not waited for either."""
    monkeypatch.setattr(programs, "END_TIMEOUT_S", 0.2)
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\nsetsid sleep 20 &\nexec sleep 300\n")
    tool.chmod(0o755)
    began = time.monotonic()
    with pytest.raises(ClusterError, match=r"did not end within 0\.2 s"):
        programs.call((str(tool),), os.environ, what="trying", timeout_s=0.2)
    assert time.monotonic() - began < 15.0


def test_kind_is_told_which_engine(
    tools: StandIns, options: KindOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine that answers is what kind is told to use, whatever it would have chosen."""
    (tools.bin / "podman").write_bytes((tools.bin / "docker").read_bytes())
    (tools.bin / "podman").chmod(0o755)
    (tools.bin / "docker").unlink()
    # A machine may have a docker of its own in /usr/bin; ours is asked for by name then.
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    KindCluster(options, _silent).start()
    assert "KIND_EXPERIMENTAL_PROVIDER=podman" in tools.environment()
    assert any(call.startswith("podman save") for call in tools.calls())


def test_a_check_is_left_out_by_its_own_name(
    tools: StandIns, options: KindOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the machine lacks is named with the option; a name that is no check is refused."""
    lack = host.Lack("cgroup", "cgroup v2 is needed")
    monkeypatch.setattr(host, "lacks", lambda *_, skipped, **__: () if skipped else (lack,))
    with pytest.raises(UsageError, match=r"--skip-host-check NAME.*\n    cgroup: cgroup v2"):
        KindCluster(options, _silent).start()
    with pytest.raises(
        UsageError, match="--skip-host-check cgroups: there are kernel, cgroup, ino"
    ):
        KindCluster(replace(options, skipped_checks=("cgroups",)), _silent).start()
    KindCluster(replace(options, skipped_checks=("cgroup",)), _silent).start()
    assert ["np-calico-ab12cd34"] == tools.clusters()


@pytest.mark.usefixtures("tools")
def test_another_node_image(options: KindOptions) -> None:
    """All nodes have it, by tag too: an image that an archive brought has no digest."""
    cluster = KindCluster(replace(options, node_image="ours/node:v1.34.4"), _silent)
    text = (Path(cluster.start().kubeconfig).parent / "kind.yaml").read_text()
    assert 3 == text.count('"image": "ours/node:v1.34.4"')
    assert "@sha256" not in text


def test_another_way_to_install(tools: StandIns, options: KindOptions) -> None:
    """Its own steps, and its own words for ready; the usual way is the first."""
    KindCluster(replace(options, cni_way="manifest"), _silent).start()
    calls = tools.calls()
    assert any("apply" in call and call.endswith("/local-calico.yaml") for call in calls)
    assert not any("tigera" in call for call in calls)
    assert any("get daemonset --namespace kube-system calico-node" in call for call in calls)
    with pytest.raises(UsageError, match="--cni-way helm: Calico has operator, manifest"):
        KindCluster(replace(options, cni_way="helm"), _silent).start()
    with pytest.raises(UsageError, match="--cni-way helm: kindnet has one only"):
        KindCluster(replace(options, cni="kindnet", cni_way="helm"), _silent).start()
