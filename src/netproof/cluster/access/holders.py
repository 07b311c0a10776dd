"""RBAC objects: read as they are, and a user made who has certain rights and no others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import yaml

from netproof.cluster.api.client import Client, Obj
from netproof.cluster.backend import ClusterRef
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError
from netproof.model.value import replace

GROUP = "rbac.authorization.k8s.io"
KINDS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")

TOKEN_S = 3600
"""How long a token is good for; shorter than 10 minutes is refused (TokenRequestSpec)."""

NAME = "holder"
"""Of everything in the kubeconfig that is made."""


def fetch(client: Client, run_id: str) -> tuple[Obj, ...] | None:
    """Return the cluster's RBAC objects but those of a run, None where they may not be read."""
    try:
        found = tuple({"kind": kind, **obj} for kind in KINDS for obj in client.list(kind))
    except ClusterError:
        return None
    ours = Naming(run_id, "").namespace("")[: len(run_id) + 3]
    return tuple(o for o in found if not o["metadata"].get("namespace", "").startswith(ours))


@dataclass(frozen=True, slots=True)
class Holder:
    """A service account with its rights; `ref` is the cluster seen by it."""

    ref: ClusterRef
    client: Client
    namespace: str
    name: str

    def remove(self) -> None:
        """Delete the account, its role and the file with its token."""
        for kind in ("RoleBinding", "Role", "ServiceAccount"):
            self.client.delete(kind, self.name, self.namespace)
        path = Path(self.ref.kubeconfig)
        path.unlink(missing_ok=True)
        path.parent.rmdir()


def make_holder(
    client: Client, namespace: str, name: str, rights: Iterable[tuple[str, str]]
) -> Holder | None:
    """Make a service account with rights (verb, resource) in a namespace, None where refused.

    The rights to read pods and Services are added: whoever forwards looks up what there is.
    """
    rules = [
        {"apiGroups": [""], "resources": [resource], "verbs": [verb]}
        for verb, resource in (*rights, ("get", "pods"), ("list", "pods"), ("get", "services"))
    ]
    meta = {"namespace": namespace, "name": name}
    api = f"{GROUP}/v1"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    ref = {"apiGroup": GROUP, "kind": "Role", "name": name}
    objects = (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": api, "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": ref,
            "subjects": [subject],
        },
    )
    with ExitStack() as undo:
        try:
            for obj in objects:
                client.create(obj)
                undo.callback(client.delete, str(obj["kind"]), name, namespace)
            token = _token(client, namespace, name)
        except ClusterError:
            return None
        undo.pop_all()
    return Holder(_as_token(client, token), client, namespace, name)


def _token(client: Client, namespace: str, name: str) -> str:
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_S},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    return str(
        client.post(path, body, f"asking for a token of {namespace}/{name}")["status"]["token"]
    )


def _as_token(client: Client, token: str) -> ClusterRef:
    """Return the same cluster with a kubeconfig of its own that has this token and no other."""
    login = client.transport.login
    where = {
        "server": login.server,
        "certificate-authority": str(Path(login.ca_file).resolve()) if login.ca_file else "",
        "insecure-skip-tls-verify": not login.verify,
        "tls-server-name": login.server_name,
        "proxy-url": login.proxy,
    }
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [{"name": NAME, "cluster": {key: v for key, v in where.items() if v}}],
        "users": [{"name": NAME, "user": {"token": token}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
    }
    path = Path(mkdtemp(prefix="netproof-")) / "kubeconfig"
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        yaml.safe_dump(written, file)
    return replace(client.ref, kubeconfig=str(path), context=NAME)
