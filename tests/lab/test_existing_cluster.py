"""The lab as if it were somebody's cluster: rights, quotas, a dead API, leftovers of a crash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from netproof.cluster.access import required
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.existing import ExistingCluster
from netproof.cluster.lab import LabCluster, LabOptions, environment
from netproof.cluster.placement import PodOptions, Toleration
from netproof.cluster.profiles.reading import folder, load
from netproof.errors import ClusterError, UsageError
from netproof.front import cli
from netproof.model import codec
from netproof.model.record import RunVerdict
from netproof.model.value import replace
from netproof.run import doctor
from netproof.run.agent_fleets import deploy_agents
from netproof.run.scenario import Wishes
from tests.lab.gate import Asked, Decision, gate, only

ROOT = Path(__file__).parents[2]
ALL = [(verb, right.group, right.resource) for right in required.RIGHTS for verb in right.verbs]
WISHES = Wishes("python", 0.3, 5.0)


@pytest.fixture(scope="module")
def lab(worker_id: str) -> Iterator[ClusterRef]:
    """Somebody's cluster, for the tests of this module."""
    cluster = LabCluster(LabOptions(name=f"existing-{os.getpid()}-{worker_id}"))
    yield cluster.start()
    cluster.stop()


@pytest.fixture(scope="module")
def flat(worker_id: str) -> Iterator[ClusterRef]:
    """Somebody's cluster that stores policies and enforces none."""
    cluster = LabCluster(
        LabOptions(name=f"existing-flat-{os.getpid()}-{worker_id}", dataplane="flat")
    )
    yield cluster.start()
    cluster.stop()


def _netproof(*argv: str) -> int:
    return cli.main(argv)


def _namespaces(ref: ClusterRef) -> list[str]:
    client = Client(ref)
    listed = [space["metadata"]["name"] for space in client.list("Namespace")]
    client.close()
    return [name for name in listed if name.startswith("np-")]


def _suites(kubeconfig: Path | str, reports: Path, *arguments: str) -> Any:
    command = [sys.executable, "-m", "pytest", "suites/additive", "--np-cluster", "existing", "-q"]
    command += ["--np-kubeconfig", str(kubeconfig), "--np-report-dir", str(reports), *arguments]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_is_asked_for_beyond_the_printed_role(
    lab: ClusterRef, tmp_path: Path, capsys: Any
) -> None:
    """The suites ask for no right that `netproof rbac` does not print, not even to be refused."""
    assert 0 == _netproof("rbac")
    (role,) = yaml.safe_load_all(capsys.readouterr().out)
    granted = [
        (verb, group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    with gate(lab.kubeconfig, tmp_path, only(granted)) as somebody:
        ran = _suites(somebody.kubeconfig, tmp_path, "-n", "2")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert somebody.seen <= {*granted, ("create", "authorization.k8s.io", _REVIEWS)}
    assert [] == _namespaces(lab)


_REVIEWS = "selfsubjectaccessreviews"

IN_A_POD = """
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io
cp -r "$ACCOUNT" /run/secrets/kubernetes.io/serviceaccount
exec "$@"
"""
"""What the kubelet does: the account's folder stands where every client looks for it."""


def test_the_job_of_the_templates_runs_in_a_pod(lab: ClusterRef, tmp_path: Path) -> None:
    """No kubeconfig, the variables and the folder of a pod, the manifest's account and its role."""
    templates = ROOT / "ci-templates" / "cluster"
    job = yaml.safe_load((templates / "cronjob.yaml").read_text())["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    rights = list(yaml.safe_load_all((templates / "rbac.yaml").read_text()))
    client = Client(lab)
    try:
        for one in rights:
            client.create(one)
        environment_of_it = _as_in_a_pod(client, tmp_path)
        words = [word for word in container["args"] if not word.startswith(("-n=", "--report"))]
        test, *options = words
        case = "additive/test_additive.py::test_stacked"
        ran = subprocess.run(
            [
                *("unshare", "--map-root-user", "--mount", "sh", "-ec", IN_A_POD, "sh"),
                *(sys.executable, "-m", "netproof", test, case, *options),
                *("--probe-timeout=0.3", "--report=json=-"),
            ],
            cwd=tmp_path,
            env=environment_of_it,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for one in reversed(rights):
            metadata = one["metadata"]
            client.delete(one["kind"], metadata["name"], metadata.get("namespace", ""))
        client.close()
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    record = codec.loads(ran.stdout)
    assert ("in-cluster", RunVerdict.PASS) == (record.cluster.name, record.verdict)
    assert [] == _namespaces(lab)


def _as_in_a_pod(client: Client, folder: Path) -> dict[str, str]:
    """Return the environment of a pod of the account that the templates make."""
    account = folder / "account"
    account.mkdir()
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = "/api/v1/namespaces/netproof/serviceaccounts/netproof/token"
    token = client.post(path, request, "asking for a token")["status"]["token"]
    (account / "token").write_text(token)
    login = client.transport.login
    shutil.copy(str(login.ca_file), account / "ca.crt")
    (account / "namespace").write_text("netproof")
    server = urlsplit(login.server)
    ours = {name: value for name, value in environment().items() if name != "KUBECONFIG"}
    return ours | {
        "HOME": str(folder),
        "ACCOUNT": str(account),
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
    }


@pytest.mark.parametrize("refused", ALL, ids=lambda right: f"{right[0]}-{right[2]}")
def test_each_missing_right_is_named(
    refused: tuple[str, str, str], lab: ClusterRef, tmp_path: Path
) -> None:
    """Before anything is created, a missing right is named with what it is for."""
    verb, group, resource = refused
    full = f"{resource}.{group}" if group else resource
    with (
        gate(lab.kubeconfig, tmp_path, only(set(ALL) - {refused})) as somebody,
        pytest.raises(ClusterError, match=rf"1 are missing: {verb} {full} \(for "),
    ):
        ExistingCluster(str(somebody.kubeconfig)).start()
    assert {("create", "authorization.k8s.io", _REVIEWS)} == somebody.seen


def test_a_run_without_rights_ends_as_a_message(lab: ClusterRef, tmp_path: Path) -> None:
    """A run says which rights are missing, without a traceback."""
    with gate(lab.kubeconfig, tmp_path, only([])) as somebody:
        ran = _suites(somebody.kubeconfig, tmp_path)
    assert 4 == ran.returncode
    assert "`netproof rbac` prints the ClusterRole" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


REFUSALS = {
    "quota": (
        'pods "guarded" is forbidden: exceeded quota: team, requested: pods=1, used: pods=10',
        "have it raised",
    ),
    "quota on resources": (
        'pods "guarded" is forbidden: failed quota: team: must specify limits.cpu',
        "pass --pod-resource cpu=50m",
    ),
    "limit range": (
        'pods "guarded" is forbidden: minimum cpu usage per Container is 100m',
        "a LimitRange is in force",
    ),
    "webhook": (
        'admission webhook "images.corp" denied the request: docker.io is not allowed',
        "an admission rule of this cluster refuses it",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_pod_ends_as_a_message(case: str, lab: ClusterRef, tmp_path: Path) -> None:
    """A quota, a limit or an admission rule is quoted, with what to do; nothing is left."""
    said, remedy = REFUSALS[case]

    def no_pods(asked: Asked) -> Decision:
        return (403, said) if asked.right == ("create", "", "pods") else None

    with gate(lab.kubeconfig, tmp_path, admission=[no_pods]) as somebody:
        cluster = ExistingCluster(str(somebody.kubeconfig))
        found = doctor.ask(cluster, "quota001", WISHES, limit_s=200)
    assert RunVerdict.INCONCLUSIVE is found.verdict
    assert f"{said} (403)" in found.text
    assert remedy in found.text
    assert [] == _namespaces(lab)


def test_a_stopped_api(lab: ClusterRef, tmp_path: Path) -> None:
    """An API that is not there is a message that names the way out."""
    with gate(lab.kubeconfig, tmp_path) as somebody:
        kubeconfig = somebody.kubeconfig
    ran = _suites(kubeconfig, tmp_path)
    assert 4 == ran.returncode
    assert "the API server cannot be reached" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("text", ["a: [1,\n b: }", "- a list", "just words", "clusters: 5"])
def test_a_kubeconfig_that_is_none(text: str, tmp_path: Path) -> None:
    """A file that is no kubeconfig is named in one line."""
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"the kubeconfig .*config cannot be used: [^\n]*$"):
        ExistingCluster(str(file)).start()


@pytest.mark.parametrize(
    ("kubeconfig", "context", "message"),
    [
        ("/no/such/file", "", "the kubeconfig /no/such/file cannot be used"),
        ("", "no-such-context", "with context no-such-context"),
    ],
)
def test_unknown_kubeconfig_or_context(
    kubeconfig: str, context: str, message: str, lab: ClusterRef
) -> None:
    """A kubeconfig or context that is not there is named."""
    with pytest.raises(UsageError, match=message):
        ExistingCluster(kubeconfig or lab.kubeconfig, context).start()


def test_doctor_says_yes(lab: ClusterRef, capsys: Any) -> None:
    """A cluster that enforces is said to, in one sentence."""
    assert 0 == _netproof("doctor", "--limit", "200", "--kubeconfig", lab.kubeconfig)
    told = capsys.readouterr().out
    assert 1 == told.count("\n")
    assert "enforces NetworkPolicies: one allow and one deny held in each direction" in told
    assert [] == _namespaces(lab)


def test_doctor_says_no(flat: ClusterRef, capsys: Any) -> None:
    """A cluster that ignores policies is said to, in one sentence."""
    assert 1 == _netproof("doctor", "--limit", "200", "--kubeconfig", flat.kubeconfig)
    assert "does not enforce NetworkPolicies" in capsys.readouterr().out


def test_flannel_is_expected_to_enforce_nothing(flat: ClusterRef, tmp_path: Path) -> None:
    """With the profile of a CNI that enforces nothing, NOT ENFORCED is what was expected."""
    ran = _suites(flat.kubeconfig, tmp_path, "--np-cni", "flannel")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "as its profile says; 5 of 5 cases were not tried." in " ".join(ran.stdout.split())


def test_enforcement_can_be_required(flat: ClusterRef, tmp_path: Path) -> None:
    """Whoever chooses a CNI asks for enforcement, whatever the profile says."""
    ran = _suites(flat.kubeconfig, tmp_path, "--np-cni", "flannel", "--np-require-enforcement")
    assert 1 == ran.returncode, ran.stdout + ran.stderr


def test_pod_options_reach_the_pods(lab: ClusterRef) -> None:
    """Tolerations, node selector and resources are in the pods as created."""
    client = Client(lab)
    node = client.list("Node")[0]["metadata"]["name"]
    options = PodOptions(
        node_selector=(("kubernetes.io/hostname", node),),
        tolerations=(Toleration("dedicated", "tests", "NoSchedule"), Toleration()),
        resources=(("cpu", "10m"),),
    )
    ref = ExistingCluster(lab.kubeconfig, pods=options, profile=load("calico", folder()))._ref()
    try:
        deploy_agents(replace(ref, name="dressed"), 1)
        (pod,) = client.list("Pod", labels="app=agent-0")
        spec = pod["spec"]
        assert "agent-0-np" == pod["metadata"]["name"]
        assert {"cpu": "10m"} == spec["containers"][0]["resources"]["limits"]
        assert {"kubernetes.io/hostname": node} == spec["nodeSelector"]
        assert "dedicated" in [entry.get("key") for entry in spec["tolerations"]]
    finally:
        for name in _namespaces(lab):
            client.delete("Namespace", name)
        client.close()


@pytest.fixture
def crashed(lab: ClusterRef) -> str:
    """Kill a run while its pods run, and return its run id."""
    code = (
        "import os, sys; from netproof.cluster.backend import ClusterRef;"
        "from netproof.run.agent_fleets import deploy_agents;"
        "deploy_agents(ClusterRef('existing', sys.argv[2], sys.argv[1]), 1);"
        "print('up', flush=True); os.kill(os.getpid(), 9)"
    )
    run_id = f"crash{os.getpid()}"
    ran = subprocess.run(
        [sys.executable, "-c", code, lab.kubeconfig, run_id],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert -signal.SIGKILL == ran.returncode, ran.stderr
    return run_id


def test_clean_removes_what_a_crashed_run_left(crashed: str, lab: ClusterRef, capsys: Any) -> None:
    """A dead process's namespaces go, those of a living one stay."""
    deploy_agents(ClusterRef("existing", "alive", lab.kubeconfig), 1)
    assert 0 == _netproof("clean", "--kubeconfig", lab.kubeconfig, "--dry-run")
    told = capsys.readouterr().out
    assert f"np-{crashed}-lab-agents would go: its process is dead" in told
    assert "np-alive-lab-agents stays: its process runs" in told
    assert 0 == _netproof("clean", "--kubeconfig", lab.kubeconfig)
    assert ["np-alive-lab-agents"] == _namespaces(lab)
    assert 0 == _netproof("clean", "--kubeconfig", lab.kubeconfig, "--run", "alive")
    assert [] == _namespaces(lab)
