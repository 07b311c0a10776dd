"""Things change while policies are in force: policies themselves, pods, labels, namespaces."""

import pytest

from netproof.fixtures.policies import Enforce, Read
from netproof.run.changes import (
    CreateNamespace,
    CreatePod,
    DeleteNamespace,
    DeletePod,
    DeletePolicies,
    LabelNamespace,
    LabelPod,
    ReplacePolicies,
    Restart,
)
from netproof.run.scenario import After

pytestmark = pytest.mark.usefixtures("enforcing")


def test_restarted_pod_stays_guarded(enforce: Enforce) -> None:
    """A pod that is deleted and created anew under a policy is guarded by it again."""
    enforce(
        "postgres-guarded",
        then=[After(Restart("production/postgres")), After(Restart("production/api"))],
        allowed=["production/api -> production/postgres"],
        denied=["production/web -> production/postgres", "staging/api -> production/postgres"],
    )


def test_policies_come_and_go(enforce: Enforce, bundle: Read) -> None:
    """A policy that is created bites, one that is deleted no longer does, and again."""
    deny = ReplacePolicies(bundle("deny"))
    enforce(
        then=[
            After(deny, denied=["* -> production/*"]),
            After(DeletePolicies(("production/deny",)), allowed=["* -> production/*"]),
            After(deny, denied=["* -> production/*"]),
        ],
        name="policies-come-and-go",
    )


def test_updated_peer(enforce: Enforce, bundle: Read) -> None:
    """A policy that is updated lets its new peer in and its old one no longer."""
    enforce(
        "web-to-api",
        allowed=["production/web -> production/api"],
        denied=["production/postgres -> production/api"],
        then=[
            After(
                ReplacePolicies(bundle("postgres-to-api")),
                allowed=["production/postgres -> production/api"],
                denied=["production/web -> production/api"],
            )
        ],
        name="updated-peer",
    )


def test_updated_direction(enforce: Enforce, bundle: Read) -> None:
    """A policy that is updated from ingress to egress opens the one and shuts the other."""
    enforce(
        "web-to-api",
        denied=["production/postgres -> production/api"],
        then=[
            After(
                ReplacePolicies(bundle("web-to-api-egress")),
                allowed=["* -> production/web", "production/postgres -> production/api"],
                denied=["production/api -> production/postgres", "production/api -> staging/*"],
            )
        ],
        name="updated-direction",
    )


def test_updated_target(enforce: Enforce, bundle: Read) -> None:
    """A policy that is updated guards its new target and its old one no longer."""
    enforce(
        "web-to-api",
        denied=["staging/* -> production/api"],
        then=[
            After(
                ReplacePolicies(bundle("web-to-postgres")),
                allowed=["* -> production/api", "production/web -> production/postgres"],
                denied=["staging/* -> production/postgres"],
            )
        ],
        name="updated-target",
    )


def test_one_of_two_deleted(enforce: Enforce) -> None:
    """What is left when one of two policies goes is what the other says."""
    enforce(
        "two",
        denied=["* -> production/web", "production/postgres -> production/api"],
        then=[
            After(
                DeletePolicies(("production/deny",)),
                allowed=["* -> production/web", "production/web -> production/api"],
                denied=["production/postgres -> production/api"],
            )
        ],
        name="one-of-two-deleted",
    )


def test_pod_created_under_a_policy(enforce: Enforce) -> None:
    """A pod that comes later is guarded like one that was there, unless its labels differ."""
    enforce(
        "web-to-api",
        then=[
            After(DeletePod("production/api")),
            After(
                CreatePod("production/api"),
                allowed=["production/web -> production/api"],
                denied=["production/postgres -> production/api"],
            ),
            After(DeletePod("production/api")),
            After(
                CreatePod("production/api", labels={"app": "other"}),
                allowed=["* -> production/api"],
            ),
        ],
        name="pod-created-under-a-policy",
    )


def test_peer_created_under_a_policy(enforce: Enforce) -> None:
    """A peer that comes later is let in, though it was nobody when the policy was made."""
    enforce(
        "web-to-api",
        given=[DeletePod("production/web")],
        denied=["staging/web -> production/api"],
        then=[
            After(
                CreatePod("production/web"),
                allowed=["production/web -> production/api"],
                denied=["staging/web -> production/api"],
            )
        ],
        name="peer-created-under-a-policy",
    )


def test_peer_comes_back_as_another(enforce: Enforce) -> None:
    """A pod that comes back by its name with other labels is no peer any more."""
    enforce(
        "web-to-api",
        allowed=["production/web -> production/api"],
        then=[
            After(DeletePod("production/web")),
            After(
                CreatePod("production/web", labels={"app": "other"}),
                denied=["production/web -> production/api"],
            ),
        ],
        name="peer-comes-back-as-another",
    )


def test_relabelled_peer(enforce: Enforce) -> None:
    """A running pod becomes a peer by a label, and ceases to be one."""
    enforce(
        "quarantine",
        denied=["staging/* -> production/postgres", "production/web -> production/postgres"],
        then=[
            After(
                LabelPod("production/web", {"guest": "yes"}),
                allowed=["production/web -> production/postgres"],
                denied=["production/api -> production/postgres"],
            ),
            After(
                LabelPod("production/web", {"guest": None}),
                denied=["production/web -> production/postgres"],
            ),
        ],
        name="relabelled-peer",
    )


def test_relabelled_target(enforce: Enforce) -> None:
    """A running pod is isolated by a label in both directions, and set free again."""
    enforce(
        "quarantine",
        allowed=["* -> production/api"],
        then=[
            After(
                LabelPod("production/api", {"quarantine": ""}),
                denied=["* -> production/api", "production/api -> *"],
            ),
            After(
                LabelPod("production/api", {"quarantine": None}),
                allowed=["* -> production/api", "production/api -> staging/*"],
            ),
        ],
        name="relabelled-target",
    )


def test_relabelled_namespace(enforce: Enforce) -> None:
    """A namespace is let in by a label, and no longer when it loses it; so are some of its pods."""
    certs = "ingress-nginx/certs"
    enforce(
        "from-env-staging",
        allowed=["staging/* -> production/*", f"staging/web -> {certs}"],
        denied=["ingress-nginx/* -> production/*", f"ingress-nginx/controller -> {certs}"],
        then=[
            After(
                LabelNamespace("ingress-nginx", {"env": "staging"}),
                allowed=["ingress-nginx/* -> production/*", f"ingress-nginx/controller -> {certs}"],
                denied=[f"staging/api -> {certs}"],
            ),
            After(
                LabelNamespace("staging", {"env": "production"}),
                allowed=["ingress-nginx/* -> production/*", f"ingress-nginx/controller -> {certs}"],
                denied=["staging/* -> production/*", f"staging/web -> {certs}"],
            ),
            After(
                LabelNamespace("ingress-nginx", {"env": None}),
                denied=["ingress-nginx/* -> production/*", f"ingress-nginx/controller -> {certs}"],
            ),
        ],
        name="relabelled-namespace",
    )


def test_namespace_deleted_and_recreated(enforce: Enforce, bundle: Read) -> None:
    """A namespace takes its policies with it; by the old name it is a peer again, and open."""
    enforce(
        "staging-deny",
        allowed=["staging/web -> production/api"],
        denied=["production/web -> staging/web", "production/web -> production/api"],
        then=[
            After(DeleteNamespace("staging"), denied=["production/web -> production/api"]),
            After(
                CreateNamespace("staging"),
                allowed=["staging/web -> production/api", "production/web -> staging/web"],
                denied=["production/web -> production/api"],
            ),
            After(ReplacePolicies(bundle("staging-deny")), denied=["* -> staging/web"]),
        ],
        name="namespace-deleted-and-recreated",
    )
