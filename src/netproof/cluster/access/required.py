"""Which rights each command needs on a cluster, asked for before it starts, and written as RBAC.

One table, so that what `netproof rbac` prints and what is checked cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from netproof.cluster.api.client import Client
from netproof.cluster.contents import READ
from netproof.errors import ClusterError
from netproof.model.doors import FACTS, Door
from netproof.timelimit import carried

Obj = dict[str, Any]

ROLE = "netproof"

PARALLEL_QUESTIONS = 8

APPLY_IT = "`netproof rbac` prints the ClusterRole to be applied by an administrator"


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one resource, and what they are for; `resource` may have a subresource.

    `commands` are those of netproof that need it.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    purpose: str
    commands: tuple[str, ...]


COMMANDS = ("doctor", "check", "test", "clean")
"""The commands that speak to somebody's cluster; `pytest --np-bundle` is a `check`."""

DOORS = "doors"
"""Stands for `test` with every door tried, which needs the keys to them (docs/doors.md)."""

FROM_CLUSTER = "from-cluster"
"""Stands for `check --static --from-cluster`, which reads and sends no packet."""

PROBING = ("doctor", "check", "test")

RBAC = "rbac.authorization.k8s.io"
POLICIES = "networking.k8s.io"

RIGHTS = (
    Right("", "namespaces", ("delete", "get", "list"), "namespaces of its own", COMMANDS),
    Right("", "namespaces", ("create",), "namespaces of its own", PROBING),
    Right("", "namespaces", ("patch",), "labels that change under policies", ("test",)),
    Right("", "nodes", ("list",), "telling flows on a node from flows between nodes", PROBING),
    Right("", "pods", ("create", "list"), "probe pods", PROBING),
    Right("", "pods", ("delete", "get", "patch"), "pods that change under policies", ("test",)),
    Right("", "services", ("get",), "cluster DNS", PROBING),
    Right("", "services", ("create",), "the Services of bundles", ("check", "test")),
    Right(
        "",
        "serviceaccounts",
        ("create",),
        "the service accounts that pods of a bundle or of a fleet of one's own name",
        ("check", "test"),
    ),
    # Both verbs: a WebSocket is a GET, and since Kubernetes 1.35 the API server asks for create too
    # (KEP-4006, AuthorizePodWebsocketUpgradeCreatePermission).
    Right("", "pods/exec", ("create", "get"), "talking to the probe agents", PROBING),
    Right("", "pods/portforward", ("create", "get"), "showing that it goes around", ("test",)),
    Right(
        POLICIES,
        "networkpolicies",
        ("create", "delete", "deletecollection"),
        "the policies under test",
        PROBING,
    ),
    Right(POLICIES, "networkpolicies", ("update",), "policies that change", ("test",)),
)
"""What a run cannot do without."""

MAKING_USERS = (
    Right("", "serviceaccounts", ("create", "delete"), "users with chosen rights", (DOORS,)),
    Right("", "serviceaccounts/token", ("create",), "logging in as them", (DOORS,)),
    Right(RBAC, "roles", ("create", "delete"), "their rights", (DOORS,)),
    Right(RBAC, "rolebindings", ("create", "delete"), "their rights", (DOORS,)),
)
"""What it takes to try doors as somebody else."""

READING_KEYS = tuple(
    Right(RBAC, resource, ("list",), "saying who holds the keys", (DOORS,))
    for resource in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
)

KEYS = (
    Right("", "pods/attach", ("create", "get"), "trying attach", (DOORS,)),
    Right("", "pods/proxy", ("get",), "trying the pod proxy", (DOORS,)),
    Right("", "services/proxy", ("get",), "trying the Service proxy", (DOORS,)),
    Right("", "pods/ephemeralcontainers", ("patch",), "trying ephemeral containers", (DOORS,)),
    Right("", "pods/log", ("get",), "reading what an ephemeral container saw", (DOORS,)),
)


def keys_of(door: Door) -> tuple[Right, ...]:
    """Return the rights that it takes to try a door, none where RBAC has no say."""
    resources = {one.resource for one in FACTS[door].permissions[:1]}
    resources |= {"pods/log"} if door is Door.EPHEMERAL else set()
    return tuple(right for right in (*RIGHTS, *KEYS) if right.resource in resources)


OPTIONAL = (*MAKING_USERS, *READING_KEYS, *KEYS)
"""What a run can do without: it says then which doors it could not try, and why."""


READING = tuple(
    Right(
        group, resource, ("get", "list") if resource == "namespaces" else ("list",), "reading", ()
    )
    for group, resource in sorted({(one.group, one.plural) for one in READ})
)
"""What reading a cluster takes (`check --from-cluster`), and nothing else."""


def of(command: str = "") -> tuple[Right, ...]:
    """Return the rights that a command of netproof needs, those of all without one."""
    if command == FROM_CLUSTER:
        return READING
    if command == DOORS:
        return of("test") + OPTIONAL
    return tuple(right for right in RIGHTS if not command or command in right.commands)


def check(client: Client, rights: Iterable[Right] = RIGHTS) -> None:
    """Raise ClusterError that names every right that the user of a client lacks."""
    lacking = missing(client, rights)
    if lacking:
        raise ClusterError(
            f"the rights of this kubeconfig's user do not suffice, {len(lacking)} are missing: "
            f"{'; '.join(lacking)}. {APPLY_IT}"
        )


def missing(
    client: Client, rights: Iterable[Right] = RIGHTS, namespace: str = ""
) -> tuple[str, ...]:
    """Ask the API server about each right (SelfSubjectAccessReview); return those refused.

    They are asked for in one namespace, or (without one) in all.
    """
    asked = [(right, verb) for right in rights for verb in right.verbs]
    with ThreadPoolExecutor(PARALLEL_QUESTIONS) as pool:
        ask = carried(_may)
        answers = list(pool.map(lambda one: ask(client, one[0], one[1], namespace), asked))
    refused = [pair for pair, answer in zip(asked, answers, strict=True) if not answer]
    return tuple(f"{verb} {_full_name(right)} (for {right.purpose})" for right, verb in refused)


def _may(client: Client, right: Right, verb: str, namespace: str) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {"verb": verb, "group": right.group, "resource": resource}
    if subresource:
        attributes["subresource"] = subresource
    if namespace:
        attributes["namespace"] = namespace
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
            {"apiGroups": [group], "resources": [resource], "verbs": sorted(verbs)}
            for (group, resource), verbs in _by_resource(rights).items()
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


def _by_resource(rights: Iterable[Right]) -> dict[tuple[str, str], set[str]]:
    merged: dict[tuple[str, str], set[str]] = {}
    for right in rights:
        merged.setdefault((right.group, right.resource), set()).update(right.verbs)
    return merged
