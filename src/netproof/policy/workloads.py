"""Namespaces, Services, Pods and what makes pods, as the values that the other stages share.

Of these kinds only what netproof reads is checked; the rest is for the API server to refuse. Of a
workload controller it is its pod template, and the labels that it adds to pods whose value can be
told from the manifest; hashes that it makes up (`pod-template-hash`) are not among them.
Source: the apps/v1 and batch/v1 API, and the "well-known labels" page of its documentation; of
what is not Kubernetes' own, Argo Rollouts' specification and OpenShift's DeploymentConfig.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netproof.model.value import replace
from netproof.model.workload import NAMESPACE_NAME_LABEL, Namespace, Pod, Port, Service, ServicePort
from netproof.policy.fields import Field
from netproof.policy.metadata import Metadata, read_metadata
from netproof.policy.ports import read_protocol
from netproof.policy.selectors import read_labels
from netproof.policy.syntax import dns_subdomain, port_name, port_number

AddedLabels = Callable[[str], Mapping[str, str]]

_SPEC = ("spec", "template")


def _none(_name: str) -> Mapping[str, str]:
    return {}


def _first_of_set(name: str) -> Mapping[str, str]:
    return {"statefulset.kubernetes.io/pod-name": f"{name}-0", "apps.kubernetes.io/pod-index": "0"}


def _of_job(name: str) -> Mapping[str, str]:
    return {"batch.kubernetes.io/job-name": name, "job-name": name}


def _of_config(name: str) -> Mapping[str, str]:
    return {"deploymentconfig": name}


@dataclass(frozen=True, slots=True)
class WorkloadController:
    """A kind that makes pods: its version, the way to the template, the labels it adds.

    `former` are versions of the past, whose template stands in the same place. One that
    `may_lack_template` makes pods by something else where it has none.
    """

    api_version: str
    template: tuple[str, ...] = _SPEC
    added: AddedLabels = _none
    former: tuple[str, ...] = ()
    may_lack_template: bool = False

    def reads(self, version: str) -> bool:
        """Tell whether objects of a version are of this kind."""
        return version in (self.api_version, *self.former)


_FORMER_APPS = ("apps/v1beta2", "apps/v1beta1", "extensions/v1beta1")

CONTROLLERS: Mapping[str, WorkloadController] = {
    "Deployment": WorkloadController("apps/v1", former=_FORMER_APPS),
    "StatefulSet": WorkloadController("apps/v1", added=_first_of_set, former=_FORMER_APPS),
    "DaemonSet": WorkloadController("apps/v1", former=_FORMER_APPS),
    "ReplicaSet": WorkloadController("apps/v1", former=_FORMER_APPS),
    "ReplicationController": WorkloadController("v1"),
    "Job": WorkloadController("batch/v1", added=_of_job),
    "CronJob": WorkloadController(
        "batch/v1", ("spec", "jobTemplate", "spec", "template"), former=("batch/v1beta1",)
    ),
    "Rollout": WorkloadController("argoproj.io/v1alpha1", may_lack_template=True),
    "DeploymentConfig": WorkloadController(
        "apps.openshift.io/v1", added=_of_config, former=("v1",), may_lack_template=True
    ),
}


def read_namespace(_root: Field, metadata: Metadata) -> Namespace:
    """Make a Namespace; its name label is set whatever is written, as the API server does."""
    return Namespace(metadata.name, {**metadata.labels, NAMESPACE_NAME_LABEL: metadata.name})


def read_pod(root: Field, metadata: Metadata) -> Pod:
    """Read a Pod's labels, ports and hostNetwork.

    Ports of sidecars count: init containers that keep running (restartPolicy Always).
    """
    spec = root.child("spec").mapping()
    containers = spec.child("containers").items()
    if not containers:
        spec.child("containers").required("a pod needs at least one container")
    sidecars = [
        item
        for item in spec.child("initContainers").items()
        if item.child("restartPolicy").text() == "Always"
    ]
    ports = [port for item in (*containers, *sidecars) for port in _container_ports(item)]
    return Pod(
        metadata.namespace,
        metadata.name,
        metadata.labels,
        tuple(dict.fromkeys(ports)),
        host_network=spec.child("hostNetwork").boolean(),
    )


def read_service(root: Field, metadata: Metadata) -> Service:
    """Read a Service's selector and ports; addresses are the cluster's to give."""
    spec = root.child("spec").mapping()
    items = spec.child("ports").items()
    ports = [_service_port(item) for item in items]
    taken: set[tuple[object, ...]] = set()
    for item, port in zip(items, ports, strict=True):
        if len(items) > 1 and not port.name:
            item.child("name").required("every port of a Service with several needs a name")
        if (port.number, port.protocol) in taken:
            item.duplicate(f"{port.number}/{port.protocol}")
        taken.add((port.number, port.protocol))
    return Service(
        metadata.namespace, metadata.name, read_labels(spec.child("selector")), tuple(ports)
    )


def read_workload(root: Field, controller: WorkloadController, default_namespace: str) -> Pod:
    """Return the pod that a controller makes, under the controller's name.

    Problems are noted in the root.
    """
    own = read_metadata(root, default_namespace=default_namespace, check_name=dns_subdomain)
    template = pod_template(root, controller)
    if not template.present:
        template.required("a workload needs a pod template")
    labels = read_labels(template.child("metadata").child("labels"))
    metadata = Metadata(own.name, own.namespace, {**labels, **controller.added(own.name)})
    return replace(read_pod(template, metadata), service_account=service_account(template))


def pod_template(root: Field, controller: WorkloadController) -> Field:
    """Return the template that a controller makes its pods from."""
    template = root
    for step in controller.template:
        template = template.child(step).mapping()
    return template


def service_account(template: Field) -> str:
    """Return the service account that a pod or pod template names, "" where it is the default."""
    spec = template.child("spec")
    named = spec.child("serviceAccountName").text() or spec.child("serviceAccount").text()
    return "" if named in (None, "default") else named


def host_ports(template: Field) -> tuple[Port, ...]:
    """Return the ports of a pod or pod template that its node opens too (hostPort)."""
    spec = template.child("spec")
    items = (*spec.child("containers").items(), *spec.child("initContainers").items())
    listed = [port for item in items for port in item.child("ports").items()]
    return tuple(_container_port(port) for port in listed if port.child("hostPort").integer())


NODES_RESOLVER = "the node's resolver"
"""Whom a pod asks for names with dnsPolicy Default: nobody knows the address."""


def resolvers(template: Field) -> tuple[str, ...]:
    """Return the servers that a pod asks for names instead of the cluster's DNS.

    Further nameservers of a dnsConfig are asked after the cluster's, unless dnsPolicy is None.
    """
    spec = template.child("spec")
    policy = spec.child("dnsPolicy").text()
    if policy == "Default":
        return (NODES_RESOLVER,)
    listed = spec.child("dnsConfig").child("nameservers").items() if policy == "None" else []
    return tuple(filter(None, (item.text() for item in listed)))


def scraped(template: Field) -> int | None:
    """Return the port that a pod's annotations ask Prometheus to scrape, None where they do not."""
    notes = template.child("metadata").child("annotations")
    port = notes.child("prometheus.io/port").text() or ""
    wanted = notes.child("prometheus.io/scrape").text() == "true"
    return int(port) if wanted and port.isascii() and port.isdigit() else None


def _container_ports(at: Field) -> list[Port]:
    ports: list[Port] = []
    for item in at.mapping().child("ports").items():
        port = _container_port(item)
        if port.name and port.name in {other.name for other in ports}:
            item.child("name").duplicate(port.name)
        ports.append(port)
    return ports


def _container_port(at: Field) -> Port:
    at.mapping(("containerPort", "hostIP", "hostPort", "name", "protocol"))
    number = _number(at.child("containerPort"))
    name = at.child("name").text() or ""
    for message in port_name(name) if name else ():
        at.child("name").invalid(name, message)
    return Port(number, read_protocol(at.child("protocol")), name)


def _service_port(at: Field) -> ServicePort:
    at.mapping(("appProtocol", "name", "nodePort", "port", "protocol", "targetPort"))
    number = _number(at.child("port"))
    target = at.child("targetPort").number_or_text()
    if target is not None:
        wrong = port_name(target) if isinstance(target, str) else port_number(target)
        for message in wrong:
            at.child("targetPort").invalid(target, message)
    node_port = at.child("nodePort").integer()
    for message in port_number(node_port) if node_port else ():
        at.child("nodePort").invalid(node_port, message)
    return ServicePort(
        number,
        number if target is None else target,
        read_protocol(at.child("protocol")),
        at.child("name").text() or "",
        node_port or None,
    )


def _number(at: Field) -> int:
    number = at.integer()
    if number is None:
        if not at.present:
            at.required()
        return 0
    for message in port_number(number):
        at.invalid(number, message)
    return number
