"""A lab with a fault inside: it says so where one looks, and goes on with the rest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kubernetes import client

from tests.lab import lab_api
from tests.lab.lab_process import eventually

FAULTY = """
import runpy

from netlab.dataplane.semantics import Semantics
from netlab.node.sandbox import Sandboxes

selects, create = Semantics.selects, Sandboxes.create


def broken_selects(self, policy, pod):
    if policy.name == "broken":
        raise RuntimeError("injected fault of the compile step")
    return selects(self, policy, pod)


def broken_create(self, node, *, hostname, **how):
    if hostname == "broken":
        raise RuntimeError("injected fault of the kubelet")
    return create(self, node, hostname=hostname, **how)


Semantics.selects, Sandboxes.create = broken_selects, broken_create
runpy.run_module("netlab", run_name="__main__")
"""


def test_faults_of_the_compiler_and_of_a_kubelet_are_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Pods start, a pod that cannot says why, and the node tells that its rules are old."""
    script = tmp_path / "faulty.py"
    script.write_text(FAULTY)
    policy = {
        "metadata": {"name": "broken"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    with lab_api.cluster(tmp_path / "lab", command=(sys.executable, str(script))) as cluster:
        networking = client.NetworkingV1Api(cluster.api.api_client)
        networking.create_namespaced_network_policy("default", policy)
        cluster.create("sound", lab_api.sleeper())
        cluster.ready("sound")
        cluster.create("broken", lab_api.sleeper())
        eventually(
            lambda: "injected fault of the kubelet" in str(cluster.pod("broken")["status"]),
            "the pod that cannot be run says why",
        )
        node = cluster.api.read_node(cluster.pod("sound")["spec"]["nodeName"])
        said = {c.type: c.message for c in node.status.conditions}
        assert "injected fault of the compile step" in said["NetworkUnavailable"]
        events = cluster.api.list_namespaced_event("default").items
        reasons = {(event.involved_object.name, event.reason) for event in events}
        assert {("sound", "NetworkNotReady"), ("broken", "FailedSync")} <= reasons
    log = capfd.readouterr().err
    assert "injected fault of the compile step" in log
    assert "injected fault of the kubelet" in log
