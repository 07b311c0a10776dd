"""Policies are created, replaced and deleted until the wanted ones are there."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netproof.cluster.api.apply import PoliciesInForce
from netproof.cluster.api.client import Client
from netproof.errors import ClusterError

A, B = ("shop", "a"), ("shop", "b")


class Calls:
    """A client that notes what it is told; it refuses to create what is called `bad`."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []

    def create(self, obj: dict[str, Any]) -> None:
        if obj["metadata"]["name"] == "bad":
            raise ClusterError("refused")
        self.made.append(("create", obj["metadata"]["name"]))

    def replace(self, obj: dict[str, Any]) -> None:
        self.made.append(("replace", obj["metadata"]["name"]))

    def delete(self, kind: str, name: str, namespace: str) -> None:
        assert (kind, namespace) == ("NetworkPolicy", "np-shop")
        self.made.append(("delete", name))

    def delete_all(self, kind: str, namespace: str, *, labels: str) -> None:
        assert (kind, labels) == ("NetworkPolicy", "ours=yes")
        self.made.append(("delete all", namespace))


def _policy(name: str, **spec: object) -> dict[str, Any]:
    return {"metadata": {"namespace": "np-shop", "name": name}, "spec": spec}


def _in_force() -> tuple[Calls, PoliciesInForce]:
    calls = Calls()
    return calls, PoliciesInForce(cast("Client", calls), "ours=yes")


def test_what_is_new_is_created() -> None:
    """Policies that are not there are created."""
    calls, policies = _in_force()
    policies.become({A: _policy("a"), B: _policy("b")})
    assert [("create", "a"), ("create", "b")] == calls.made


def test_what_changed_is_replaced() -> None:
    """A policy that keeps its name is updated, one that is the same is left alone."""
    calls, policies = _in_force()
    policies.become({A: _policy("a"), B: _policy("b")})
    calls.made.clear()
    policies.become({A: _policy("a", ingress=[]), B: _policy("b")})
    assert [("replace", "a")] == calls.made


def test_what_is_not_wanted_is_deleted() -> None:
    """Asking for nothing removes all of them, once."""
    calls, policies = _in_force()
    policies.become({A: _policy("a")})
    calls.made.clear()
    policies.become({})
    policies.become({})
    assert [("delete", "a")] == calls.made


def test_what_was_refused_is_removed_too() -> None:
    """After a refusal, asking for nothing deletes what was created and what may have been.

    Where a namespace is to have none of ours left, one call removes them all.
    """
    calls, policies = _in_force()
    with pytest.raises(ClusterError, match="refused"):
        policies.become({A: _policy("a"), B: _policy("bad")})
    policies.become({})
    assert [("create", "a"), ("delete all", "np-shop")] == calls.made


def test_what_stays_keeps_its_namespace_from_being_emptied() -> None:
    """Policies that are still wanted are not swept away with the rest."""
    calls, policies = _in_force()
    policies.become({A: _policy("a"), B: _policy("b"), ("shop", "c"): _policy("c")})
    calls.made.clear()
    policies.become({B: _policy("b")})
    assert [("delete", "a"), ("delete", "c")] == calls.made


class Cluster:
    """A client to a cluster that holds policies by name; the calls of `fails` end in a status."""

    def __init__(self, **fails: int) -> None:
        self.there: dict[str, dict[str, Any]] = {}
        self.fails = fails

    def create(self, obj: dict[str, Any]) -> None:
        self._fail("create", obj)
        if obj["metadata"]["name"] in self.there:
            raise ClusterError("already exists", 409)
        self.there[obj["metadata"]["name"]] = obj

    def replace(self, obj: dict[str, Any]) -> None:
        self._fail("replace", obj)
        if obj["metadata"]["name"] not in self.there:
            raise ClusterError("not found", 404)
        self.there[obj["metadata"]["name"]] = obj

    def delete(self, _kind: str, name: str, _namespace: str) -> bool:
        self._fail("delete", None)
        return self.there.pop(name, None) is not None

    def delete_all(self, _kind: str, _namespace: str, *, labels: str) -> None:
        assert "ours=yes" == labels
        self._fail("delete", None)
        self.there.clear()

    def _fail(self, call: str, obj: dict[str, Any] | None) -> None:
        status = self.fails.pop(call, None)
        if status is not None:
            if status == 0 and obj:  # no answer came, yet it was done
                self.there[obj["metadata"]["name"]] = obj
            raise ClusterError("no", status)


def _with(cluster: Cluster) -> PoliciesInForce:
    return PoliciesInForce(cast("Client", cluster), "ours=yes")


@pytest.mark.parametrize("wanted", [{}, {A: _policy("a")}], ids=["both", "one"])
@pytest.mark.parametrize("status", [0, 403, 500])
def test_what_was_not_deleted_is_deleted_the_next_time(
    wanted: dict[tuple[str, str], Any], status: int
) -> None:
    """A failed delete leaves policies in force, and they are not forgotten."""
    cluster = Cluster(delete=status)
    policies = _with(cluster)
    policies.become({A: _policy("a"), B: _policy("b")})
    with pytest.raises(ClusterError):
        policies.become(wanted)
    assert {"a", "b"} == set(cluster.there)
    policies.become(wanted)
    assert {name for _, name in wanted} == set(cluster.there)


@pytest.mark.parametrize("status", [0, 403, 409, 422, 500])
def test_what_was_not_created_is_created_the_next_time(status: int) -> None:
    """A failed create leaves nothing, or nobody knows: the next time the policy is there."""
    cluster = Cluster(create=status)
    policies = _with(cluster)
    with pytest.raises(ClusterError):
        policies.become({A: _policy("a")})
    policies.become({A: _policy("a")})
    assert {"a": _policy("a")} == cluster.there


@pytest.mark.parametrize("status", [0, 403, 404, 500])
def test_what_was_not_replaced_is_replaced_the_next_time(status: int) -> None:
    """A failed update leaves the policy as it was, or nobody knows."""
    cluster = Cluster(replace=status)
    policies = _with(cluster)
    policies.become({A: _policy("a")})
    new = {A: _policy("a", ingress=[])}
    with pytest.raises(ClusterError):
        policies.become(new)
    policies.become(new)
    assert {"a": new[A]} == cluster.there


def test_a_create_without_an_answer_is_swept_away() -> None:
    """What may have been created is deleted where nothing is wanted any more."""
    cluster = Cluster(create=0)
    policies = _with(cluster)
    with pytest.raises(ClusterError):
        policies.become({A: _policy("a")})
    assert {"a"} == set(cluster.there)
    policies.become({})
    assert {} == cluster.there
