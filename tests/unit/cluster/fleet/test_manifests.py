"""What is sent to the cluster for a bundle's workloads."""

from typing import Any

import pytest

from netproof.cluster.fleet import manifests
from netproof.cluster.naming import Naming
from netproof.model.workload import NAMESPACE_NAME_LABEL, Namespace, Pod, Port, Protocol

NAMING = Naming("r1", "gw0")
WEB = Pod("shop", "web", {"app": "web"}, (Port(80, Protocol.TCP, "http"), Port(53, Protocol.UDP)))


def _pod(pod: Pod) -> dict[str, Any]:
    return manifests.probe_pod(pod, NAMING, command=["python3"], image="python:3")


def test_a_namespace_keeps_its_labels_but_not_its_name_label() -> None:
    """The API server writes kubernetes.io/metadata.name itself."""
    made = manifests.namespace(
        Namespace("shop", {"env": "a", NAMESPACE_NAME_LABEL: "shop"}), NAMING
    )
    assert made["metadata"]["name"] == "np-r1-gw0-shop"
    assert made["metadata"]["labels"]["env"] == "a"
    assert NAMESPACE_NAME_LABEL not in made["metadata"]["labels"]


def test_a_probe_pod_has_exactly_the_labels_of_the_original() -> None:
    """A label of ours could be what a policy selects."""
    assert {"app": "web"} == _pod(WEB)["metadata"]["labels"]


def test_ports_keep_name_number_and_protocol() -> None:
    """A policy that names a port resolves it in the container's ports."""
    ports = _pod(WEB)["spec"]["containers"][0]["ports"]
    assert ports == [
        {"containerPort": 80, "protocol": "TCP", "name": "http"},
        {"containerPort": 53, "protocol": "UDP"},
    ]


def test_a_probe_pod_passes_the_restricted_level() -> None:
    """Each control of the `restricted` Pod Security Standard is set."""
    spec = _pod(WEB)["spec"]
    container = spec["containers"][0]["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}


def test_low_ports_need_the_sysctl_and_high_ones_do_not() -> None:
    """Only a pod that serves a port below 1024 asks for the (safe) sysctl."""
    high = Pod("shop", "api", ports=(Port(8080),))
    assert _pod(WEB)["spec"]["securityContext"]["sysctls"][0]["value"] == "0"
    assert "sysctls" not in _pod(high)["spec"]["securityContext"]


@pytest.mark.parametrize(
    ("pod", "field", "expected"),
    [
        (Pod("shop", "a", node="n1"), "nodeName", "n1"),
        (Pod("shop", "a", host_network=True), "hostNetwork", True),
    ],
    ids=["node", "host network"],
)
def test_placement_is_kept(pod: Pod, field: str, expected: object) -> None:
    """A pod that must run somewhere runs there."""
    assert _pod(pod)["spec"][field] == expected


def test_an_agent_that_fails_is_started_again_and_one_that_ends_well_is_not() -> None:
    """So a pod can complete; SIGTERM and a crash are no good end."""
    assert "OnFailure" == _pod(WEB)["spec"]["restartPolicy"]


def test_there_is_no_readiness_probe() -> None:
    """A policy that blocks the kubelet must not take a pod out of its Services."""
    assert "readinessProbe" not in _pod(WEB)["spec"]["containers"][0]


def test_an_owned_object_keeps_its_labels() -> None:
    """The owner's labels are added to a copy."""
    raw = {"kind": "Service", "metadata": {"name": "a", "labels": {"x": "y"}}}
    made = manifests.owned(raw, NAMING)
    assert made["metadata"]["labels"] == {"x": "y", **NAMING.labels}
    assert raw["metadata"] == {"name": "a", "labels": {"x": "y"}}


def test_a_service_account_is_made_once_and_holds_no_token() -> None:
    """Pods run under the account of the original, which gives them nothing."""
    first, second = (Pod("shop", name, service_account="robot") for name in ("a", "b"))
    (made,) = manifests.service_accounts([first, second, WEB], NAMING)
    assert ("np-r1-gw0-shop", "robot") == (made["metadata"]["namespace"], made["metadata"]["name"])
    assert made["automountServiceAccountToken"] is False
    assert "robot" == _pod(first)["spec"]["serviceAccountName"]
    assert "serviceAccountName" not in _pod(WEB)["spec"]
