"""The three client-side patches."""

from typing import Any

import pytest

from netlab.objects.apierrors import ApiError
from netlab.objects.merging import json_patch, merge_patch, strategic_merge

POD: dict[str, Any] = {
    "metadata": {"name": "p", "labels": {"a": "1"}, "finalizers": ["x/y"]},
    "spec": {
        "containers": [
            {"name": "one", "image": "i:1", "env": [{"name": "E", "value": "1"}]},
            {"name": "two", "image": "i:2"},
        ],
        "tolerations": [{"key": "k"}],
    },
}


def containers(patched: dict[str, Any]) -> list[str]:
    return [container["name"] for container in patched["spec"]["containers"]]


def test_json_patch_applies_its_operations() -> None:
    """RFC 6902 operations work on a copy."""
    operations = [{"op": "add", "path": "/metadata/labels/b", "value": "2"}]
    assert json_patch(POD, operations)["metadata"]["labels"] == {"a": "1", "b": "2"}
    assert "b" not in POD["metadata"]["labels"]


def test_a_json_patch_that_does_not_fit_is_invalid() -> None:
    """A failed test operation is a 422."""
    with pytest.raises(ApiError) as caught:
        json_patch(POD, [{"op": "test", "path": "/metadata/name", "value": "q"}])
    assert caught.value.code == 422


@pytest.mark.parametrize("body", [{}, [{"op": "no", "path": "/a"}], [{}], [1]])
def test_a_json_patch_that_is_none_is_a_bad_request(body: Any) -> None:
    """What is no list of operations is a 400."""
    with pytest.raises(ApiError) as caught:
        json_patch(POD, body)
    assert caught.value.code == 400


# The examples of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: Any, patch: Any, merged: Any) -> None:
    """Objects merge, null deletes, everything else replaces."""
    assert merge_patch(target, patch) == merged


def test_strategic_merge_finds_list_items_by_key() -> None:
    """A container is merged by its name, its variables by theirs."""
    env = [{"name": "F", "value": "2"}]
    patch = {"spec": {"containers": [{"name": "one", "env": env}]}}
    patched = strategic_merge("pods", POD, patch)
    assert containers(patched) == ["one", "two"]
    assert [v["name"] for v in patched["spec"]["containers"][0]["env"]] == ["E", "F"]
    assert patched["spec"]["containers"][0]["image"] == "i:1"


def test_strategic_merge_deletes_by_directive() -> None:
    """$patch: delete takes one item out of a list."""
    patch = {"spec": {"containers": [{"name": "one", "$patch": "delete"}]}}
    assert containers(strategic_merge("pods", POD, patch)) == ["two"]


def test_strategic_merge_replaces_by_directive() -> None:
    """$patch: replace puts a whole list in the place of the old one."""
    patch = {"spec": {"containers": [{"name": "three"}, {"$patch": "replace"}]}}
    assert containers(strategic_merge("pods", POD, patch)) == ["three"]


def test_strategic_merge_replaces_an_object_by_directive() -> None:
    """$patch: replace in an object drops what the patch does not name."""
    patch = {"metadata": {"labels": {"$patch": "replace", "b": "2"}}}
    assert strategic_merge("pods", POD, patch)["metadata"]["labels"] == {"b": "2"}


def test_strategic_merge_replaces_lists_without_a_key() -> None:
    """Tolerations have no merge key: the new list is the list."""
    patch = {"spec": {"tolerations": [{"key": "other"}]}}
    assert strategic_merge("pods", POD, patch)["spec"]["tolerations"] == [{"key": "other"}]


def test_the_rules_of_a_policy_are_replaced() -> None:
    """A NetworkPolicy's lists are atomic, ports included."""
    policy = {"spec": {"ingress": [{"ports": [{"port": 80}]}]}}
    patch = {"spec": {"ingress": [{"ports": [{"port": 81}]}]}}
    assert strategic_merge("networkpolicies", policy, patch) == patch


def test_strategic_merge_null_deletes() -> None:
    """A null takes a field away."""
    patch = {"metadata": {"labels": {"a": None}}}
    assert strategic_merge("pods", POD, patch)["metadata"]["labels"] == {}


def test_strategic_merge_orders_as_told() -> None:
    """$setElementOrder sorts the merged list."""
    order = [{"name": "two"}, {"name": "one"}]
    patch = {"spec": {"$setElementOrder/containers": order, "containers": [{"name": "one"}]}}
    assert containers(strategic_merge("pods", POD, patch)) == ["two", "one"]


def test_strategic_merge_treats_finalizers_as_a_set() -> None:
    """Plain values join the list, and leave it by $deleteFromPrimitiveList."""
    added = strategic_merge("pods", POD, {"metadata": {"finalizers": ["a/b", "x/y"]}})
    assert added["metadata"]["finalizers"] == ["x/y", "a/b"]
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/y"]}}
    assert strategic_merge("pods", added, patch)["metadata"]["finalizers"] == ["a/b"]


def test_strategic_merge_retains_only_named_keys() -> None:
    """$retainKeys drops the other keys of an object."""
    patch = {"spec": {"$retainKeys": ["tolerations"], "tolerations": []}}
    assert set(strategic_merge("pods", POD, patch)["spec"]) == {"tolerations"}


def test_a_list_item_without_its_key_is_refused() -> None:
    """An item that cannot be found is a 400."""
    with pytest.raises(ApiError, match="does not contain declared merge key: name"):
        strategic_merge("pods", POD, {"spec": {"containers": [{"image": "i"}]}})
