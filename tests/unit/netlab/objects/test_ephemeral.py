"""Ephemeral containers: a subresource that only adds."""

from typing import Any

import pytest

from netlab.objects.apierrors import ApiError
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.registry import Registry
from tests.unit.netlab.access.clusters import cluster

PODS = BY_PLURAL["pods"]


@pytest.fixture
def registry() -> Registry:
    """Return a registry with a pod."""
    made = cluster()
    spec = {"containers": [{"name": "c", "image": "i"}]}
    made.create(PODS, "shop", {"metadata": {"name": "p"}, "spec": spec})
    return made


def debugger(name: str = "dbg", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "i", "command": ["sh"], **more}


def put(registry: Registry, *containers: dict[str, Any]) -> list[dict[str, Any]]:
    pod = registry.store.get("pods", "shop", "p")
    body = {**pod, "spec": {**pod["spec"], "ephemeralContainers": list(containers)}}
    written = registry.update(PODS, "shop", "p", body, subresource="ephemeralcontainers")
    found: list[dict[str, Any]] = written.object["spec"]["ephemeralContainers"]
    return found


def test_one_is_added(registry: Registry) -> None:
    """With defaults, beside those that are there."""
    put(registry, debugger())
    found = put(registry, debugger(), debugger("more"))
    assert [("dbg", "Always"), ("more", "Always")] == [
        (c["name"], c["imagePullPolicy"]) for c in found
    ]


@pytest.mark.parametrize(
    ("containers", "said"),
    [
        ([], 'existing ephemeral containers "dbg" may not be removed'),
        ([debugger(image="other")], 'existing ephemeral containers "dbg" may not be changed'),
        ([debugger(), debugger("c")], "Duplicate value"),
        ([debugger(), debugger("x", ports=[{"containerPort": 1}])], "cannot be set for an Eph"),
        ([debugger(), debugger("x", targetContainerName="no")], "targetContainerName: Not found"),
    ],
)
def test_what_is_refused(registry: Registry, containers: list[Any], said: str) -> None:
    """Removal, change, a name that is taken, what only ordinary containers have."""
    put(registry, debugger())
    with pytest.raises(ApiError) as caught:
        put(registry, *containers)
    assert caught.value.code == 422
    assert said in caught.value.message


def test_a_new_pod_has_none(registry: Registry) -> None:
    """They come by their own way only."""
    spec = {"containers": [{"name": "c", "image": "i"}], "ephemeralContainers": [debugger()]}
    with pytest.raises(ApiError, match="cannot be set on create"):
        registry.create(PODS, "shop", {"metadata": {"name": "q"}, "spec": spec})


def test_an_ordinary_update_adds_none(registry: Registry) -> None:
    """The rest of the spec is not the subresource's, and this part is not the pod's."""
    pod = registry.store.get("pods", "shop", "p")
    body = {**pod, "spec": {**pod["spec"], "ephemeralContainers": [debugger()]}}
    with pytest.raises(ApiError, match="pod updates may not change fields"):
        registry.update(PODS, "shop", "p", body)
