"""Workload controllers: where each kind keeps its pod template, and the labels it adds to pods.

Only what decides who reaches whom is read. The labels are those whose value can be told from the
manifest; hashes that a controller makes up (`pod-template-hash`) are not among them.
Source: the apps/v1 and batch/v1 API, and the "well-known labels" page of its documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netproof.model.value import replace
from netproof.model.workload import Pod
from netproof.policy.fields import Field
from netproof.policy.metadata import Metadata, read_metadata
from netproof.policy.selectors import read_labels
from netproof.policy.syntax import dns_subdomain
from netproof.policy.workloads import read_pod

AddedLabels = Callable[[str], Mapping[str, str]]

_SPEC = ("spec", "template")


def _none(_name: str) -> Mapping[str, str]:
    return {}


def _first_of_set(name: str) -> Mapping[str, str]:
    return {"statefulset.kubernetes.io/pod-name": f"{name}-0", "apps.kubernetes.io/pod-index": "0"}


def _of_job(name: str) -> Mapping[str, str]:
    return {"batch.kubernetes.io/job-name": name, "job-name": name}


@dataclass(frozen=True, slots=True)
class Controller:
    """A kind that makes pods: its version, the way to the template, the labels it adds."""

    api_version: str
    template: tuple[str, ...] = _SPEC
    added: AddedLabels = _none


CONTROLLERS: Mapping[str, Controller] = {
    "Deployment": Controller("apps/v1"),
    "StatefulSet": Controller("apps/v1", added=_first_of_set),
    "DaemonSet": Controller("apps/v1"),
    "ReplicaSet": Controller("apps/v1"),
    "Job": Controller("batch/v1", added=_of_job),
    "CronJob": Controller("batch/v1", ("spec", "jobTemplate", "spec", "template")),
}


def read_workload(root: Field, controller: Controller, default_namespace: str) -> Pod:
    """Return the pod that a controller makes, under the controller's name.

    Problems are noted in the root.
    """
    own = read_metadata(root, default_namespace=default_namespace, check_name=dns_subdomain)
    template = root
    for step in controller.template:
        template = template.child(step).mapping()
    if not template.present:
        template.required("a workload needs a pod template")
    labels = read_labels(template.child("metadata").child("labels"))
    metadata = Metadata(own.name, own.namespace, {**labels, **controller.added(own.name)})
    return replace(read_pod(template, metadata), service_account=service_account(template))


def service_account(template: Field) -> str:
    """Return the service account that a pod or pod template names, "" where it is the default."""
    spec = template.child("spec")
    named = spec.child("serviceAccountName").text() or spec.child("serviceAccount").text()
    return "" if named in (None, "default") else named
