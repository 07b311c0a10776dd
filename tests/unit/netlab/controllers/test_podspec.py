"""What a pod's spec asks of the machine."""

from typing import Any

import pytest

from netlab.controllers import podspec
from netlab.controllers.podspec import SpecError

IPS, HOST_IPS = ("10.244.0.2", "fd00::2"), ("172.30.0.10", "fd00::10")


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "labels": {"app": "web"}},
        "spec": {"containers": [container or {}], "nodeName": "lab-node-0", **spec},
    }


def environment(container: dict[str, Any]) -> dict[str, str]:
    base = {"PATH": "/bin"}
    subject = pod(container)
    return podspec.environment(subject, container, base=base, ips=IPS, host_ips=HOST_IPS)


def from_field(path: str) -> dict[str, Any]:
    return {"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['missing']", ""),
        ("spec.nodeName", "lab-node-0"),
        ("status.podIP", "10.244.0.2"),
        ("status.podIPs", "10.244.0.2,fd00::2"),
        ("status.hostIP", "172.30.0.10"),
    ],
)
def test_field_references_become_values(path: str, value: str) -> None:
    """A variable may take its value from the pod's own fields."""
    assert environment(from_field(path))["X"] == value


def test_another_source_of_a_variable_is_refused_by_name() -> None:
    """What the lab does not have is named in the message."""
    source = {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}
    with pytest.raises(SpecError, match="env X: valueFrom secretKeyRef"):
        environment(source)


def test_variables_refer_to_earlier_ones() -> None:
    """$(NAME) in a value stands for a variable defined before."""
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2 $(NONE) $$(A)"}]
    assert environment({"env": env})["B"] == "12 $(NONE) $(A)"


def test_arguments_follow_the_command() -> None:
    """Command and args make the command line, with references replaced."""
    container = {"command": ["echo"], "args": ["$(WHO)"]}
    assert podspec.arguments(container, {"WHO": "me"}) == ["echo", "me"]


def test_a_container_without_command_is_refused() -> None:
    """The message tells what to set and why."""
    container = {"name": "c"}
    with pytest.raises(SpecError, match="set `command`") as caught:
        podspec.check(pod(container), container)
    assert caught.value.reason == "CreateContainerConfigError"


def test_a_volume_is_refused_by_its_type() -> None:
    """The message names the volume and what kind it is."""
    container = {"name": "c", "command": ["x"], "volumeMounts": [{"name": "d", "mountPath": "/d"}]}
    subject = pod(container, volumes=[{"name": "d", "hostPath": {"path": "/"}}])
    with pytest.raises(SpecError, match='volume "d" is of type hostPath'):
        podspec.check(subject, container)


def test_only_network_sysctls_may_be_set() -> None:
    """A sysctl outside net.* is refused by name."""
    wanted = {"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]}
    with pytest.raises(SpecError, match=r"kernel\.shm_rmid_forced"):
        podspec.sysctls(pod(securityContext=wanted))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, True),
        ({"dnsPolicy": "Default"}, False),
        ({"hostNetwork": True}, False),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, True),
    ],
)
def test_dns_policy_chooses_the_name_server(spec: dict[str, Any], *, expected: bool) -> None:
    """DnsPolicy and hostNetwork decide together, as the API says."""
    assert podspec.uses_cluster_dns(pod(**spec)) is expected


@pytest.mark.parametrize(
    ("probe", "kind"),
    [
        ({}, ""),
        ({"exec": {"command": ["true"]}, "periodSeconds": 1}, ""),
        ({"httpGet": {"port": 1}}, ""),
        ({"tcpSocket": {"port": 1}}, ""),
        ({"grpc": {"port": 1}, "periodSeconds": 1}, "grpc"),
        ({"periodSeconds": 1}, "none"),
    ],
)
def test_probes_that_cannot_be_made(probe: dict[str, Any], kind: str) -> None:
    """Their type is told, so that a container that asks for one says why it does not start."""
    assert kind == podspec.unsupported_probe(probe)


@pytest.mark.parametrize(
    ("image", "words", "expected"),
    [
        ("registry.k8s.io/e2e-test-images/agnhost:2.43", {}, ["/agnhost", "pause"]),
        ("agnhost", {"args": ["porter"]}, ["/agnhost", "porter"]),
        ("agnhost", {"command": ["sh"]}, ["sh"]),
        ("registry.k8s.io/pause:3.10", {}, ["/agnhost", "pause"]),
        ("localhost:5000/busybox@sha256:0", {}, ["sh"]),
        ("alpine:3", {"args": ["sleep", "1"]}, ["sleep", "1"]),
        ("nginx", {"command": ["sh"], "args": ["-c", "true"]}, ["sh", "-c", "true"]),
    ],
)
def test_a_few_images_have_an_entrypoint(
    image: str, words: dict[str, Any], expected: list[str]
) -> None:
    """Those whose programs are here anyway: clients that name no command get what they meant."""
    container = {"name": "c", "image": image, **words}
    podspec.check(pod(container), container)
    assert podspec.arguments(container, {}) == expected


def test_any_other_image_needs_a_command() -> None:
    """It is not known what is in it; the message says of which it is."""
    container = {"name": "c", "image": "example.org/agnhost/nginx", "args": ["-g"]}
    with pytest.raises(SpecError, match=r"knows no entrypoint but those of agnhost, .*`command`"):
        podspec.check(pod(container), container)
