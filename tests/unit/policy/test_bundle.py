"""Many objects of many files become one bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.errors import PolicyError
from netproof.policy import check_namespaces, load_bundle, load_text
from tests.unit.policy.samples import core, load, network_policy, refusal

POD = {"containers": [{"name": "c"}]}


def test_objects_are_sorted_by_kind_and_kept_in_order() -> None:
    """Values come by kind, manifests in the order of the file."""
    bundle = load(
        core("Pod", "b", POD), network_policy({}), core("Namespace", "shop"), core("Pod", "a", POD)
    )
    assert ["b", "a"] == [pod.name for pod in bundle.pods]
    kinds = [manifest.kind for manifest in bundle.manifests]
    assert ["Pod", "NetworkPolicy", "Namespace", "Pod"] == kinds


def test_lists_are_unpacked() -> None:
    """The items of a List count as if they stood alone, a List within a List too."""
    inner = {"apiVersion": "v1", "kind": "List", "items": [core("Pod", "b", POD)]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [core("Pod", "a", POD), inner]}
    assert ["a", "b"] == [pod.name for pod in load(outer).pods]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ({"a": 1}, "List: items: Invalid value: must be a list, not a mapping"),
        ([1], "is no Kubernetes object"),
        ([{"apiVersion": "v1"}], "kind is not set"),
        ([], "holds no object"),
    ],
)
def test_lists_that_hold_no_objects(items: object, message: str) -> None:
    """What a List holds is checked like a document."""
    assert message in refusal({"apiVersion": "v1", "kind": "List", "items": items})


def test_objects_without_namespace_get_the_default_one() -> None:
    """The default namespace is filled in, in the manifest too."""
    bundle = load(core("Pod", "a", POD), default_namespace="shop")
    assert "shop/a" == bundle.pods[0].key
    assert "shop" == bundle.manifests[0].raw["metadata"]["namespace"]


def test_namespaces_have_no_namespace() -> None:
    """A kind outside of namespaces gets none."""
    manifest = load(core("Namespace", "shop")).manifests[0]
    assert ("", {"name": "shop"}) == (manifest.namespace, manifest.raw["metadata"])


def test_manifest_is_what_was_written() -> None:
    """What netproof does not read is kept for the cluster."""
    raw = core("Pod", "a", {**POD, "priority": 5, "tolerations": None}, namespace="shop")
    assert raw == load(raw).manifests[0].raw


def test_unknown_kind() -> None:
    """A kind that is not understood is named, with its place and what to do."""
    told = refusal(core("Namespace", "a"), {"apiVersion": "apps/v1", "kind": "Deployment"})
    assert told.startswith("b.yaml:3: kind Deployment is not understood")
    assert "Take the object out of the bundle" in told


def test_twins_in_two_files(tmp_path: Path) -> None:
    """Two objects of one kind, namespace and name are refused, with both places."""
    for name in ("a", "b"):
        text = "\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(PolicyError) as caught:
        load_bundle(tmp_path)
    assert f"{tmp_path}/b.yaml:2" == caught.value.place
    assert f"Namespace shop is in the bundle twice, first at {tmp_path}/a.yaml:2" in str(
        caught.value
    )


def test_same_name_in_another_namespace_or_kind_is_no_twin() -> None:
    """Kind, namespace and name together make an object."""
    bundle = load(
        core("Pod", "x", POD),
        core("Pod", "x", POD, namespace="shop"),
        core("Service", "x", {}),
    )
    assert 3 == len(bundle.manifests)


def test_default_namespace_makes_twins() -> None:
    """An object without namespace is the twin of one that names the default."""
    told = refusal(core("Pod", "x", POD), core("Pod", "x", POD, namespace="default"))
    assert "Pod default/x is in the bundle twice" in told


def test_policy_in_a_namespace_that_does_not_exist() -> None:
    """A namespace that nobody has is refused with the object that needs it."""
    bundle = load(core("Namespace", "shop"), network_policy({}, namespace="shopp"))
    with pytest.raises(PolicyError) as caught:
        check_namespaces(bundle, ["default"])
    expected = "b.yaml:3: NetworkPolicy shopp/p: there is no namespace shopp; add a Namespace"
    assert str(caught.value).startswith(expected)


def test_namespaces_of_the_bundle_and_known_ones_exist() -> None:
    """A namespace may be in the bundle or known already."""
    bundle = load(core("Namespace", "shop"), network_policy({}), core("Pod", "x", POD))
    check_namespaces(bundle, ["default"])


def test_origin_of_an_object_is_its_first_line() -> None:
    """An object's place is where its document begins."""
    text = "# shop\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    assert "x.yaml:2" == str(load_text(text, "x.yaml").manifests[0].origin)
