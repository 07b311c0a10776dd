"""What is in somebody's cluster, as the texts of a bundle: read only, page by page.

Of each object that is kept which decides who reaches whom; what the server adds to it is not sent
on, but for what says whose it is and whether it has ended. Kinds that a cluster does not have are
none; one that may not be read is an error, for it might decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from netproof.cluster.api.client import Client, Obj, Resource, is_not_found
from netproof.errors import ClusterError

PAGE = 200
"""Objects of one answer: a page of large pods has less than half a mebibyte."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class ReadKind:
    """A kind that is read; `group` is "" for the core, `every` for kinds outside of namespaces."""

    group: str
    version: str
    plural: str
    kind: str
    every: bool = False

    @property
    def api_version(self) -> str:
        """What objects of the kind write as apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """Return what kubectl calls the collection where its plural alone may mean others."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str) -> str:
        """Return the path of the collection, of one namespace where one is named."""
        base = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        where = Resource(base, self.plural, namespaced=not self.every)
        return where.path(name=namespace) if self.kind == "Namespace" else where.path(namespace)


READ = (
    ReadKind("", "v1", "namespaces", "Namespace", every=True),
    ReadKind("apps", "v1", "deployments", "Deployment"),
    ReadKind("apps", "v1", "statefulsets", "StatefulSet"),
    ReadKind("apps", "v1", "daemonsets", "DaemonSet"),
    ReadKind("apps", "v1", "replicasets", "ReplicaSet"),
    ReadKind("batch", "v1", "cronjobs", "CronJob"),
    ReadKind("batch", "v1", "jobs", "Job"),
    ReadKind("", "v1", "pods", "Pod"),
    ReadKind("", "v1", "services", "Service"),
    ReadKind("networking.k8s.io", "v1", "ingresses", "Ingress"),
    ReadKind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    ReadKind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"),
    ReadKind(
        "policy.networking.k8s.io",
        "v1alpha1",
        "adminnetworkpolicies",
        "AdminNetworkPolicy",
        every=True,
    ),
    ReadKind(
        "policy.networking.k8s.io",
        "v1alpha1",
        "baselineadminnetworkpolicies",
        "BaselineAdminNetworkPolicy",
        every=True,
    ),
    ReadKind("cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
    ReadKind(
        "cilium.io",
        "v2",
        "ciliumclusterwidenetworkpolicies",
        "CiliumClusterwideNetworkPolicy",
        every=True,
    ),
    ReadKind("crd.projectcalico.org", "v1", "networkpolicies", "NetworkPolicy"),
    ReadKind(
        "crd.projectcalico.org", "v1", "globalnetworkpolicies", "GlobalNetworkPolicy", every=True
    ),
)
"""Everything that has a say: who is there, the policies, and what may overrule them."""


def read_contents(client: Client, namespace: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and text of what a cluster holds, of one namespace or (without one) of all.

    Raises ClusterError for what may not be read, with the command that prints the rights for it.
    """
    for kind in READ:
        try:
            pages = list(client.pages(kind.path(namespace), f"listing {kind.plural}", PAGE))
        except ClusterError as error:
            if is_not_found(error) and kind.kind != "Namespace":
                continue
            raise _explained(error) from error
        for number, page in enumerate(pages, 1):
            items = page.get("items", [page])
            if items:
                yield f"{kind.full_name}.{number}", _text(kind, items)


def _explained(error: ClusterError) -> ClusterError:
    if error.status != 403:
        return error
    hint = "`netproof rbac --for from-cluster` prints the ClusterRole for it"
    return ClusterError(f"{error}; {hint}", error.status)


def _text(kind: ReadKind, items: list[Obj]) -> str:
    """Return a List with a line for each object, so that each has a place of its own."""
    lines = ",\n".join(json.dumps(_kept(kind, item), sort_keys=True) for item in items)
    return f'{{"apiVersion": "v1", "kind": "List", "items": [\n{lines}\n]}}\n'


def _kept(kind: ReadKind, item: Obj) -> Obj:
    metadata = {k: v for k, v in (item.get("metadata") or {}).items() if k != "managedFields"}
    annotations = {
        k: v for k, v in (metadata.get("annotations") or {}).items() if k != _LAST_APPLIED
    }
    status = item.get("status") or {}
    ended = {key: status[key] for key in ("phase", "conditions") if key in status}
    kept = {key: value for key, value in item.items() if key != "status"}
    named = {"apiVersion": kind.api_version, "kind": kind.kind}
    return {**kept, **named, "metadata": {**metadata, "annotations": annotations}, "status": ended}
