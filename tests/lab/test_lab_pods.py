"""Pods live as users of Kubernetes expect, and say why when they do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab_api import Cluster, cluster, ips, sleeper, unique
from tests.lab.lab_process import eventually


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a lab for this module; it ends with it."""
    state_dir: Path = tmp_path_factory.mktemp("pods") / "lab"
    with cluster(state_dir) as running:
        yield running


def shell(script: str, **container: Any) -> dict[str, Any]:
    """Return the spec of a pod that runs a shell script."""
    return sleeper(**{"command": ["sh", "-c", script], **container})


def log(lab: Cluster, name: str, **options: Any) -> str:
    text: str = lab.api.read_namespaced_pod_log(name, "default", **options)
    return text


def test_processes_are_unprivileged(lab: Cluster) -> None:
    """No capability, no way to get one, and not root."""
    name = unique("plain")
    lab.create(name, sleeper())
    lab.ready(name)
    status = lab.run(name, "cat", "/proc/self/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert {fields[key] for key in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
    assert fields["NoNewPrivs"] == "1"
    assert fields["Uid"].split() == ["65534"] * 4


def test_low_ports_need_no_privilege(lab: Cluster) -> None:
    """Port 80 can be served, as with containerd 2."""
    lab.echo(unique("web"), 80)


ECHO = """
import socket, struct, sys
for ip in sys.argv[1:]:
    six = ":" in ip
    family, protocol, ask = (socket.AF_INET6, 58, 128) if six else (socket.AF_INET, 1, 8)
    with socket.socket(family, socket.SOCK_DGRAM, protocol) as sock:
        sock.settimeout(10)
        sock.connect((ip, 0))
        sock.send(struct.pack("!2B3H", ask, 0, 0, 0, 1) + b"netproof")
        print(sock.recv(100)[0])
"""


def test_an_echo_needs_no_privilege(lab: Cluster) -> None:
    """Pods may ask each other by ICMP, as with containerd 2: so runs see what becomes of it."""
    here, there = unique("asks"), unique("asked")
    for name in (here, there):
        lab.create(name, sleeper())
    lab.ready(here)
    said = lab.run(here, "python3", "-c", ECHO, *ips(lab.ready(there)))
    assert ["0", "129"] == said.split()


def test_the_hosts_files_cannot_be_changed(lab: Cluster) -> None:
    """Outside /tmp everything is read-only, whoever the lab runs as."""
    name = unique("writer")
    lab.create(name, sleeper())
    lab.ready(name)
    assert "Read-only file system" in lab.run(name, "touch", "/etc/x")


def test_variables_and_host_name(lab: Cluster) -> None:
    """env, field references, $(NAME) and the host name work together."""
    name = unique("vars")
    env = [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "URL", "value": "http://$(IP)"},
    ]
    lab.create(name, sleeper(env=env))
    pod = lab.ready(name)
    output = lab.run(name, "sh", "-c", "echo $URL $HOSTNAME $(hostname)")
    assert output == f"http://{pod['status']['podIP']} {name} {name}"


def test_a_missing_command_is_explained(lab: Cluster) -> None:
    """A program that does not exist is named in the waiting state."""
    name = unique("missing")
    lab.create(name, sleeper(command=["no-such-program"]))
    state = eventually(
        lambda: (
            (lab.pod(name)["status"].get("containerStatuses") or [{}])[0].get("restartCount")
            and lab.container_state(name, "waiting")
        ),
        "it was tried again",
    )
    assert state["reason"] == "RunContainerError"
    assert '"no-such-program": executable file not found in $PATH' in state["message"]


def test_a_container_without_command_is_explained(lab: Cluster) -> None:
    """The lab pulls no images, and says what to set instead."""
    name = unique("nocmd")
    lab.create(name, {"containers": [{"name": "c", "image": "nginx"}]})
    state = eventually(
        lambda: (s := lab.container_state(name, "waiting"))["reason"] != "ContainerCreating" and s,
        "a reason is given",
    )
    assert state["reason"] == "CreateContainerConfigError"
    assert "set `command`" in state["message"]


def test_the_programs_of_the_test_image_are_there(lab: Cluster) -> None:
    """What cyclonus and Kubernetes' own tests start and exec, with the image's entrypoint."""
    name = unique("agnhost")
    image, words = (
        "registry.k8s.io/e2e-test-images/agnhost:2.43",
        ["serve-hostname", "--http=false"],
    )
    servers = [
        {"name": kind, "image": image, "args": [*words, f"--{kind}", "--port", "80"]}
        for kind in ("tcp", "udp")
    ]
    lab.create(name, {"containers": [*servers, {"name": "idle", "image": image}]})
    address = f"{ips(lab.ready(name))[0]}:80"
    for kind in ("tcp", "udp"):
        probe = ("/agnhost", "connect", address, "--timeout=10s", f"--protocol={kind}")
        eventually(partial(_says_nothing, lab, name, probe), f"{kind} is served")


def _says_nothing(lab: Cluster, name: str, probe: Sequence[str]) -> bool:
    return lab.run(name, *probe, container="idle") == ""


def test_a_volume_is_explained(lab: Cluster) -> None:
    """An unsupported volume is named with its type."""
    name = unique("volume")
    spec = sleeper(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    lab.create(name, {**spec, "volumes": [{"name": "data", "emptyDir": {}}]})
    state = eventually(
        lambda: (s := lab.container_state(name, "waiting"))["reason"] != "ContainerCreating" and s,
        "a reason is given",
    )
    assert 'volume "data" is of type emptyDir' in state["message"]


def test_an_unschedulable_pod_is_explained(lab: Cluster) -> None:
    """A selector that fits no node shows in the PodScheduled condition and in an event."""
    name = unique("lost")
    lab.create(name, {**sleeper(), "nodeSelector": {"disk": "ssd"}})
    conditions = eventually(
        lambda: lab.pod(name)["status"].get("conditions"), "the scheduler has spoken"
    )
    assert conditions[0]["reason"] == "Unschedulable"
    assert "0/3 nodes are available" in conditions[0]["message"]
    events = lab.api.list_namespaced_event("default").items
    assert "FailedScheduling" in {e.reason for e in events if e.involved_object.name == name}


def test_a_label_on_a_node_lets_a_pod_in(lab: Cluster) -> None:
    """A pod that waits for a node gets it when the node fits."""
    name = unique("patient")
    lab.create(name, {**sleeper(), "nodeSelector": {"wanted": name}})
    lab.api.patch_node("lab-node-1", {"metadata": {"labels": {"wanted": name}}})
    assert lab.ready(name)["spec"]["nodeName"] == "lab-node-1"


def test_pods_spread_over_the_nodes(lab: Cluster) -> None:
    """A pod goes to the node that has the fewest."""
    busy = unique("busy")
    lab.create(busy, {**sleeper(), "nodeName": "lab-node-0"})
    lab.ready(busy)
    placed = Counter(pod.spec.node_name for pod in lab.api.list_pod_for_all_namespaces().items)
    emptiest = min(("lab-node-0", "lab-node-1"), key=lambda node: placed[node])
    name = unique("spread")
    lab.create(name, sleeper())
    assert lab.ready(name)["spec"]["nodeName"] == emptiest


def test_a_crash_loop_backs_off(lab: Cluster) -> None:
    """After the first restart, which comes at once, the container waits, and says so."""
    name = unique("crash")
    lab.create(name, shell("echo once more; exit 3"))
    state = eventually(
        lambda: (s := lab.container_state(name, "waiting"))["reason"] == "CrashLoopBackOff" and s,
        "it backs off",
    )
    status = lab.pod(name)["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["restartCount"] >= 1
    assert "back-off" in state["message"]


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (5, "Failed")])
def test_a_pod_that_is_not_restarted_ends(lab: Cluster, code: int, phase: str) -> None:
    """With restartPolicy Never the phase tells how it ended, and the log is kept."""
    name = unique("job")
    lab.create(name, {**shell(f"echo done; exit {code}"), "restartPolicy": "Never"})
    ended = lab.container_state(name, "terminated")
    assert (ended["exitCode"], lab.pod(name)["status"]["phase"]) == (code, phase)
    assert log(lab, name) == "done\n"


def test_init_containers_run_first_and_in_order(lab: Cluster) -> None:
    """Each init container ends before the next starts, and all before the others."""
    name = unique("init")
    path = f"/tmp/{name}"  # noqa: S108 (in the pods' own /tmp)
    steps = [
        {"name": f"i{n}", "image": "none", "command": ["sh", "-c", f"echo {n} >> {path}"]}
        for n in range(2)
    ]
    lab.create(name, {**shell(f"cat {path}; sleep 1000"), "initContainers": steps})
    lab.ready(name)
    assert eventually(lambda: log(lab, name), "it has written") == "0\n1\n"


def test_two_containers_share_the_network(lab: Cluster) -> None:
    """What one serves the other reaches on localhost; each has a log of its own."""
    name = unique("pair")
    server = {
        "name": "server",
        "image": "none",
        "command": ["python3", "-m", "http.server", "8000"],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8000}},
    }
    spec = sleeper()
    lab.create(name, {"containers": [*spec["containers"], server]})
    lab.ready(name)
    code = "import urllib.request as u; print(u.urlopen('http://localhost:8000').status)"
    assert lab.run(name, "python3", "-c", code, container="c") == "200"
    assert "GET / HTTP/1.1" in log(lab, name, container="server")


def test_a_readiness_probe_that_fails_keeps_a_pod_unready(lab: Cluster) -> None:
    """The pod runs, is not ready, and becomes so when the command succeeds."""
    name = unique("probe")
    flag = f"/tmp/{name}"  # noqa: S108 (in the pods' own /tmp)
    probe = {"exec": {"command": ["test", "-e", flag]}}
    lab.create(name, sleeper(readinessProbe=probe))
    lab.container_state(name, "running")
    assert lab.pod(name)["status"]["containerStatuses"][0]["ready"] is False
    lab.run(name, "touch", flag)
    lab.ready(name)


def test_a_completed_pods_address_is_the_next_pods(lab: Cluster) -> None:
    """Its own status goes on naming it, its log is kept, and nobody gets in any more."""
    name, heir = unique("done"), unique("heir")
    lab.create(name, {**shell("echo done"), "restartPolicy": "OnFailure"})
    lab.container_state(name, "terminated")
    ended = lab.pod(name)
    node, ips = ended["spec"]["nodeName"], ended["status"]["podIPs"]
    lab.create(heir, {**sleeper(), "nodeName": node})
    assert (ips, ips) == (lab.ready(heir)["status"]["podIPs"], lab.pod(name)["status"]["podIPs"])
    assert ("Succeeded", "done\n") == (lab.pod(name)["status"]["phase"], log(lab, name))
    lab.api.delete_namespaced_pod(name, "default")
    eventually(lambda: lab.is_gone(name), "the object is gone")
    assert lab.run(heir, "echo", "here") == "here"


def test_a_terminating_pod_runs_until_its_grace_is_over(lab: Cluster) -> None:
    """It has its address, and commands run in it; deleted again with less grace it goes earlier."""
    name = unique("ending")
    lab.create(name, shell("trap '' TERM; while :; do sleep 0.05; done"))
    ips = lab.ready(name)["status"]["podIPs"]
    lab.api.delete_namespaced_pod(name, "default", grace_period_seconds=600)
    assert lab.run(name, "echo", "here") == "here"
    ending = lab.pod(name)
    assert ("Running", ips) == (ending["status"]["phase"], ending["status"]["podIPs"])
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 600
    lab.api.delete_namespaced_pod(name, "default")
    assert not lab.is_gone(name)
    lab.api.delete_namespaced_pod(name, "default", grace_period_seconds=1)
    eventually(lambda: lab.is_gone(name), "the pod is gone", deadline_s=5)


def test_deletion_asks_before_it_kills(lab: Cluster) -> None:
    """A process may use its grace period to end well."""
    name = unique("polite")
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done"
    lab.create(name, shell(script))
    lab.ready(name)
    eventually(lambda: log(lab, name) == "up\n", "it runs")
    follower = lab.api.read_namespaced_pod_log(name, "default", follow=True, _preload_content=False)
    lab.api.delete_namespaced_pod(name, "default")
    assert follower.read() == b"up\nbye\n"
    follower.release_conn()
    eventually(lambda: lab.is_gone(name), "the pod is gone")


def test_deletion_kills_who_does_not_listen(lab: Cluster) -> None:
    """After the grace period a process that ignores SIGTERM is killed."""
    name = unique("stubborn")
    lab.create(
        name,
        {**shell("trap '' TERM; while :; do sleep 0.05; done"), "terminationGracePeriodSeconds": 1},
    )
    lab.ready(name)
    lab.api.delete_namespaced_pod(name, "default")
    eventually(lambda: lab.is_gone(name), "the pod is gone", deadline_s=5)


def test_deletion_takes_strays_along(lab: Cluster) -> None:
    """A process that left its session does not outlive its pod."""
    name, witness = unique("stray"), unique("witness")
    lab.create(name, shell("setsid sleep 987654 & sleep 1000"))
    lab.create(witness, sleeper())
    lab.ready(name)
    lab.ready(witness)
    count = "grep -lz 987654 /proc/[0-9]*/cmdline 2>/dev/null | wc -l"
    marker = ("sh", "-c", count.replace("987654", "9[8]7654"))
    eventually(lambda: int(lab.run(witness, *marker)) >= 1, "the stray runs")
    lab.api.delete_namespaced_pod(name, "default", grace_period_seconds=0)
    eventually(lambda: int(lab.run(witness, *marker)) == 0, "the stray is gone")


def test_deleting_a_namespace_takes_its_pods(lab: Cluster) -> None:
    """The namespace goes when its pods have ended."""
    namespace = unique("ns")
    lab.api.create_namespace({"metadata": {"name": namespace}})
    body = {"metadata": {"name": "p"}, "spec": sleeper()}
    lab.api.create_namespaced_pod(namespace, body)
    lab.api.delete_namespace(namespace)
    eventually(
        lambda: namespace not in {n.metadata.name for n in lab.api.list_namespace().items},
        "the namespace is gone",
    )


def test_sysctls_of_the_pods_network_are_set(lab: Cluster) -> None:
    """securityContext.sysctls act in the pod and nowhere else."""
    name = unique("sysctl")
    sysctls = [{"name": "net.ipv4.ip_local_port_range", "value": "20000 20100"}]
    lab.create(name, {**sleeper(), "securityContext": {"sysctls": sysctls}})
    lab.ready(name)
    output = lab.run(name, "cat", "/proc/sys/net/ipv4/ip_local_port_range")
    assert output.split() == ["20000", "20100"]


def test_a_pod_outside_needs_the_host_network(lab: Cluster) -> None:
    """The outside host has no pod network, and the status says so."""
    name = unique("nonet")
    lab.create(name, {**sleeper(), "nodeName": "outside"})
    state = eventually(
        lambda: (s := lab.container_state(name, "waiting")).get("message") and s, "it is explained"
    )
    assert "hostNetwork: true" in state["message"]
