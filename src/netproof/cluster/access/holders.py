"""RBAC objects: read as they are, and a user made who has certain rights and no others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import yaml

from netproof.cluster.access import required
from netproof.cluster.api.client import Client, Obj
from netproof.cluster.backend import ClusterRef
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError
from netproof.model.value import replace

KINDS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")

TOKEN_S = 3600
"""How long a token is good for; shorter than 10 minutes is refused (TokenRequestSpec)."""

NAME = "holder"
"""Of everything in the kubeconfig that is made."""


def fetch(client: Client, run_id: str) -> tuple[Obj, ...]:
    """Return the cluster's RBAC objects but those of a run; raise ClusterError where refused."""
    found = tuple({"kind": kind, **obj} for kind in KINDS for obj in client.list(kind))
    ours = Naming(run_id, "").namespace("")[: len(run_id) + 3]
    return tuple(o for o in found if not o["metadata"].get("namespace", "").startswith(ours))


@dataclass(frozen=True, slots=True)
class Holder:
    """A service account with its rights; `ref` is the cluster seen by it."""

    ref: ClusterRef
    client: Client
    namespace: str
    name: str

    def remove(self) -> str:
        """Delete the account, its role and the file with its token.

        Returns what could not be deleted, and why, "" where all is gone: the namespace takes the
        rest along, so that nobody has to see to it.
        """
        path = Path(self.ref.kubeconfig)
        path.unlink(missing_ok=True)
        path.parent.rmdir()
        return _undone(self.client, reversed(_KINDS_MADE), self.name, self.namespace)


_KINDS_MADE = ("ServiceAccount", "Role", "RoleBinding")


def _undone(client: Client, kinds: Iterable[str], name: str, namespace: str) -> str:
    """Delete objects of a name, each whatever became of the others; return what went wrong."""
    wrong = []
    for kind in kinds:
        try:
            client.delete(kind, name, namespace)
        except ClusterError as error:
            wrong.append(f"{error}; it goes with its namespace")
    return "; ".join(wrong)


def lacking(
    client: Client, namespace: str, rights: Iterable[tuple[str, str]] = ()
) -> tuple[str, ...]:
    """Return what the user of a client lacks to make a holder of rights (verb, resource).

    Nobody gives away what they do not have themselves (the API server's escalation check).
    """
    given = [
        required.Right("", resource, (verb,), "giving it away", ())
        for verb, resource in (*rights, *_LOOKING_UP)
    ]
    return required.missing(client, (*required.MAKING_USERS, *given), namespace)


_LOOKING_UP = (("get", "pods"), ("list", "pods"), ("get", "services"))
"""Whoever forwards looks up what there is."""


def make_holder(
    client: Client, namespace: str, name: str, rights: Iterable[tuple[str, str]]
) -> Holder:
    """Make a service account with rights (verb, resource) in a namespace.

    The rights to read pods and Services are added. Raises ClusterError where it is refused, and
    says what of it could not be undone.
    """
    made: list[str] = []
    try:
        for obj in _objects(namespace, name, (*rights, *_LOOKING_UP)):
            client.create(obj)
            made.append(str(obj["kind"]))
        token = _token(client, namespace, name)
    except ClusterError as error:
        left = _undone(client, reversed(made), name, namespace)
        said = f"{error}; at the end: {left}" if left else str(error)
        raise ClusterError(said, error.status) from error
    return Holder(_as_token(client, token), client, namespace, name)


def _objects(namespace: str, name: str, rights: Iterable[tuple[str, str]]) -> tuple[Obj, Obj, Obj]:
    meta = {"namespace": namespace, "name": name}
    api = f"{required.RBAC}/v1"
    rules = [
        {"apiGroups": [""], "resources": [resource], "verbs": [verb]} for verb, resource in rights
    ]
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": api, "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": required.RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    )


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
