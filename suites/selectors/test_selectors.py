"""Label selectors: all operators, on pods, on namespaces, in peers and as the policy's target."""

import pytest

from netproof.fixtures.policies import Enforce

pytestmark = pytest.mark.usefixtures("enforcing")


def test_pod_in(enforce: Enforce) -> None:
    """In chooses by any of its values."""
    enforce(
        "pod-in",
        allowed=["production/web -> production/api"],
        denied=["production/postgres -> production/api", "staging/web -> production/api"],
    )


def test_pod_not_in(enforce: Enforce) -> None:
    """NotIn chooses what has another value."""
    enforce(
        "pod-not-in",
        allowed=["production/postgres -> production/api"],
        denied=["production/web -> production/api"],
    )


def test_pod_exists(enforce: Enforce) -> None:
    """Exists chooses what has the key."""
    enforce(
        "pod-exists",
        allowed=["production/web -> production/postgres", "production/api -> production/postgres"],
        denied=["staging/web -> production/postgres"],
    )


def test_pod_does_not_exist(enforce: Enforce) -> None:
    """DoesNotExist chooses what lacks the key."""
    enforce(
        "pod-does-not-exist",
        allowed=["production/postgres -> production/api"],
        denied=["production/web -> production/api"],
    )


def test_pod_not_in_without_key(enforce: Enforce) -> None:
    """NotIn chooses what lacks the key as well."""
    enforce(
        "pod-not-in-without-key",
        allowed=["ingress-nginx/* -> production/api", "*/postgres -> production/api"],
        denied=["*/web -> production/api"],
    )


def test_terms_are_and(enforce: Enforce) -> None:
    """All labels and all expressions of a selector have to match."""
    enforce(
        "terms-are-and",
        allowed=["production/web -> production/postgres"],
        denied=["production/api -> production/postgres", "staging/web -> production/postgres"],
    )


def test_namespace_in(enforce: Enforce) -> None:
    """In chooses namespaces by any of its values."""
    enforce(
        "namespace-in",
        allowed=["staging/* -> production/api"],
        denied=["production/web -> production/api", "ingress-nginx/* -> production/api"],
    )


def test_namespace_not_in(enforce: Enforce) -> None:
    """NotIn chooses namespaces that lack the key as well."""
    enforce(
        "namespace-not-in",
        allowed=["ingress-nginx/* -> production/api", "production/web -> production/api"],
        denied=["staging/* -> production/api"],
    )


def test_namespace_exists(enforce: Enforce) -> None:
    """Exists chooses namespaces that have the key."""
    enforce(
        "namespace-exists",
        allowed=["staging/* -> production/api"],
        denied=["ingress-nginx/* -> production/api"],
    )


def test_namespace_does_not_exist(enforce: Enforce) -> None:
    """DoesNotExist chooses namespaces that lack the key."""
    enforce(
        "namespace-does-not-exist",
        allowed=["ingress-nginx/* -> production/api"],
        denied=["staging/* -> production/api", "production/web -> production/api"],
    )


def test_namespace_by_name(enforce: Enforce) -> None:
    """Every namespace carries its name as a label."""
    enforce(
        "namespace-by-name",
        allowed=["staging/* -> production/api"],
        denied=["production/web -> production/api", "ingress-nginx/* -> production/api"],
    )


def test_namespaces_by_name(enforce: Enforce) -> None:
    """Several namespaces by name, and all but several."""
    enforce(
        "namespaces-by-name",
        allowed=[
            "staging/* -> production/api",
            "ingress-nginx/* -> production/api",
            "staging/* -> production/postgres",
        ],
        denied=[
            "production/web -> production/api",
            "production/web -> production/postgres",
            "ingress-nginx/* -> production/postgres",
        ],
    )


def test_two_labels_on_namespace(enforce: Enforce) -> None:
    """Two labels of a namespace both have to match."""
    enforce(
        "two-labels-on-namespace",
        allowed=["staging/* -> production/api"],
        denied=["production/web -> production/api"],
    )


def test_own_namespace_by_selector(enforce: Enforce) -> None:
    """The own namespace can be selected like any other."""
    enforce(
        "own-namespace-by-selector",
        allowed=["production/web -> production/api"],
        denied=["production/postgres -> production/api", "staging/web -> production/api"],
    )


def test_namespace_and_pod_egress(enforce: Enforce) -> None:
    """Both selectors of one entry have to match on the way out."""
    enforce(
        "namespace-and-pod-egress",
        allowed=["production/api -> staging/web"],
        denied=["production/api -> production/web", "production/api -> staging/api"],
    )


def test_namespace_or_pod_egress(enforce: Enforce) -> None:
    """One of two entries is enough on the way out."""
    enforce(
        "namespace-or-pod-egress",
        allowed=["production/api -> staging/*", "production/api -> production/web"],
        denied=["production/api -> production/postgres", "production/api -> ingress-nginx/*"],
    )


def test_pod_selector_egress(enforce: Enforce) -> None:
    """A podSelector alone stays within its namespace on the way out."""
    enforce(
        "pod-selector-egress",
        allowed=["production/api -> production/web"],
        denied=["production/api -> staging/web"],
    )


def test_nobody(enforce: Enforce) -> None:
    """A selector that matches nobody lets nobody in."""
    enforce(
        "nobody",
        allowed=["* -> production/web"],
        denied=["* -> production/api"],
    )


def test_target_by_expression(enforce: Enforce) -> None:
    """A policy's own podSelector knows expressions with several values, and several labels."""
    enforce(
        "target-by-expression",
        allowed=[
            "* -> production/web",
            "* -> production/postgres",
            "* -> ingress-nginx/certs",
            "* -> staging/web",
            "* -> staging/postgres",
        ],
        denied=["* -> production/api", "* -> ingress-nginx/controller", "* -> staging/api"],
    )


def test_target_without_key(enforce: Enforce) -> None:
    """A policy's own podSelector can ask for a key that is missing."""
    enforce(
        "target-without-key",
        allowed=["* -> production/web", "* -> production/api"],
        denied=["* -> production/postgres"],
    )
