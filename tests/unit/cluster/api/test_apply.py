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
