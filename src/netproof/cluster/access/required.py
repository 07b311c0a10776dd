"""Which rights a run needs on a cluster, asked for before it starts, and written down as RBAC.

One table, so that what `netproof rbac` prints and what is checked cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from netproof.cluster.api.client import Client
from netproof.errors import ClusterError
from netproof.timelimit import carried

Obj = dict[str, Any]

ROLE = "netproof"

PARALLEL_QUESTIONS = 8

APPLY_IT = "`netproof rbac` prints the ClusterRole to be applied by an administrator"


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one resource, and what a run does with them; `resource` may have a subresource."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    purpose: str


RIGHTS = (
    Right("", "namespaces", ("create", "delete", "get", "list", "patch"), "namespaces of its own"),
    Right("", "nodes", ("get", "list"), "telling flows on a node from flows between nodes"),
    Right("", "pods", ("create", "delete", "get", "list", "patch"), "probe pods"),
    Right("", "services", ("create", "get", "list"), "the bundle's Services, and cluster DNS"),
    Right("", "serviceaccounts", ("create",), "the service accounts that a bundle's pods name"),
    # Both verbs: a WebSocket is a GET, and since Kubernetes 1.35 the API server asks for create too
    # (KEP-4006, AuthorizePodWebsocketUpgradeCreatePermission).
    Right("", "pods/exec", ("create", "get"), "talking to the probe agents"),
    Right("", "pods/portforward", ("create", "get"), "showing that port-forward goes around"),
    Right(
        "networking.k8s.io",
        "networkpolicies",
        ("create", "delete", "deletecollection", "get", "list", "update"),
        "the policies under test",
    ),
)


def check(client: Client) -> None:
    """Raise ClusterError that names every right that the user of a client lacks."""
    lacking = missing(client)
    if lacking:
        raise ClusterError(
            f"the rights of this kubeconfig's user do not suffice, {len(lacking)} are missing: "
            f"{'; '.join(lacking)}. {APPLY_IT}"
        )


def missing(client: Client) -> tuple[str, ...]:
    """Ask the API server about each right (SelfSubjectAccessReview); return those refused."""
    asked = [(right, verb) for right in RIGHTS for verb in right.verbs]
    with ThreadPoolExecutor(PARALLEL_QUESTIONS) as pool:
        ask = carried(_may)
        answers = list(pool.map(lambda one: ask(client, *one), asked))
    refused = [pair for pair, answer in zip(asked, answers, strict=True) if not answer]
    return tuple(f"{verb} {_full_name(right)} (for {right.purpose})" for right, verb in refused)


def _may(client: Client, right: Right, verb: str) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {"verb": verb, "group": right.group, "resource": resource}
    if subresource:
        attributes["subresource"] = subresource
    return client.may(attributes)


def _full_name(right: Right) -> str:
    return f"{right.resource}.{right.group}" if right.group else right.resource


def manifests(subject: Obj | None = None, rights: Iterable[Right] = RIGHTS) -> tuple[Obj, ...]:
    """Return the least ClusterRole, and a binding of it where a subject is given.

    RBAC cannot limit a right to namespaces that are still to be created, nor to labels; that
    netproof touches its own alone is its promise, not the role's.
    """
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ROLE},
        "rules": [
            {"apiGroups": [r.group], "resources": [r.resource], "verbs": list(r.verbs)}
            for r in rights
        ],
    }
    if subject is None:
        return (role,)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ROLE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
        "subjects": [subject],
    }
    return role, binding
