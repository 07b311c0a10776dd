"""Resource quotas: what they refuse and what they say of it."""

import pytest

from netlab.controllers.namespaces import QuotaController
from netlab.objects.apierrors import ApiError
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.registry import Registry
from tests.unit.netlab.access.clusters import cluster


@pytest.fixture
def registry() -> Registry:
    """Return a registry whose quotas are kept up to date."""
    made = cluster()
    QuotaController(made.store).start()
    return made


def add_quota(registry: Registry, **hard: str | int) -> None:
    spec = {"hard": {key.replace("_", "/", 1): value for key, value in hard.items()}}
    body = {"metadata": {"name": "q"}, "spec": spec}
    registry.create(BY_PLURAL["resourcequotas"], "shop", body)


def add_pod(registry: Registry, name: str, namespace: str = "shop") -> None:
    body = {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    registry.create(BY_PLURAL["pods"], namespace, body)


@pytest.mark.parametrize(("key", "shown"), [("pods", "pods"), ("count_pods", "count/pods")])
def test_one_pod_too_many(registry: Registry, key: str, shown: str) -> None:
    """The message is the API server's; other namespaces are not concerned."""
    add_quota(registry, **{key: "1"})
    add_pod(registry, "a")
    add_pod(registry, "b", "other")
    said = (
        'pods "b" is forbidden: exceeded quota: q, '
        f"requested: {shown}=1, used: {shown}=1, limited: {shown}=1"
    )
    with pytest.raises(ApiError) as caught:
        add_pod(registry, "b")
    assert (403, said) == (caught.value.code, caught.value.message)


def test_a_pod_that_has_ended_makes_room(registry: Registry) -> None:
    """It is no longer among the pods, though still counted as an object."""
    add_quota(registry, pods=1, count_pods=3)
    add_pod(registry, "a")
    ended = registry.store.get("pods", "shop", "a")
    done = {**ended, "status": {"phase": "Succeeded"}}
    registry.store.update("pods", done, subresource="status")
    add_pod(registry, "b")
    status = registry.store.get("resourcequotas", "shop", "q")["status"]
    assert {"pods": "1", "count/pods": "2"} == status["used"]


def test_other_kinds_are_counted(registry: Registry) -> None:
    """By their plural and group."""
    add_quota(registry, **{"count_networkpolicies.networking.k8s.io": "0", "cpu": "2"})
    body = {"metadata": {"name": "p"}, "spec": {"podSelector": {}}}
    with pytest.raises(ApiError, match="exceeded quota"):
        registry.create(BY_PLURAL["networkpolicies"], "shop", body)


def test_a_limit_is_a_number(registry: Registry) -> None:
    """Others cannot be compared and are refused."""
    with pytest.raises(ApiError, match="must be a whole number"):
        add_quota(registry, pods="many")
