"""A lab's service account whose rights are what is applied for it, judged by the lab's RBAC."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netproof.cluster.access import required
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.lab import LabCluster, LabOptions

NAME = "ci"
SUBJECT = {"kind": "ServiceAccount", "name": NAME, "namespace": "default"}


@dataclass(frozen=True, slots=True)
class Account:
    """The account: `kubeconfig` logs in as it, `client` as the administrator."""

    client: Client
    kubeconfig: str

    @contextmanager
    def granted(self, objects: Iterable[Any]) -> Iterator[str]:
        """Apply objects as the administrator for as long as a block runs."""
        applied = list(objects)
        for obj in applied:
            self.client.create(obj)
        try:
            yield self.kubeconfig
        finally:
            for obj in applied:
                self.client.delete(obj["kind"], obj["metadata"]["name"])

    def left(self) -> list[str]:
        """Return the namespaces of netproof that are there."""
        names = [space["metadata"]["name"] for space in self.client.list("Namespace")]
        return [name for name in names if name.startswith("np-")]


@contextmanager
def account(name: str, folder: Path) -> Iterator[Account]:
    """Start a lab with a service account that has no rights."""
    lab = LabCluster(LabOptions(name=f"{name}-{os.getpid()}"))
    ref = lab.start()
    client = Client(ref)
    try:
        meta = {"namespace": SUBJECT["namespace"], "name": NAME}
        client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        yield Account(client, _kubeconfig(client, ref, folder))
    finally:
        client.close()
        lab.stop()


def role(rights: Iterable[required.Right], *, without: tuple[str, str, str] | None = None) -> Any:
    """Return the printed role with its binding, one right (verb, group, resource) taken away."""
    made, binding = required.manifests(SUBJECT, rights)
    if without:
        verb, group, resource = without
        (rule,) = (
            one
            for one in made["rules"]
            if (one["apiGroups"], one["resources"]) == ([group], [resource])
        )
        rule["verbs"].remove(verb)
        made["rules"] = [one for one in made["rules"] if one["verbs"]]
    return [made, binding]


def _kubeconfig(client: Client, ref: ClusterRef, folder: Path) -> str:
    """Write the kubeconfig of the account, with a token of its own and none of the lab's."""
    path = f"/api/v1/namespaces/default/serviceaccounts/{NAME}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = client.post(path, request, f"asking for a token of {NAME}")["status"]["token"]
    source = Path(ref.kubeconfig)
    plain = yaml.safe_load(source.read_text())
    cluster = plain["clusters"][0]["cluster"]
    cluster["certificate-authority"] = str(source.parent / cluster["certificate-authority"])
    plain["users"][0]["user"] = {"token": token}
    written = folder / "kubeconfig"
    written.write_text(yaml.safe_dump(plain))
    return str(written)
