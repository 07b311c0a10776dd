"""Accounts with chosen rights: asked for before they are made, and undone as far as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netproof.cluster.access import holders, required
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.errors import ClusterError

SERVER = SimpleNamespace(server="http://x", ca_file="", verify=True, server_name="", proxy="")


class _Api:
    """An API server that refuses some things: (verb, kind or resource)."""

    def __init__(self, *refused: tuple[str, str]) -> None:
        self.refused = set(refused)
        self.there: list[str] = []
        self.ref = ClusterRef("existing", "c", "k")
        self.transport = SimpleNamespace(login=SERVER)

    def _judge(self, verb: str, what: str) -> None:
        if (verb, what) in self.refused:
            raise ClusterError(f"{what} is forbidden: User cannot {verb} it", 403)

    def create(self, obj: Mapping[str, Any]) -> None:
        self._judge("create", obj["kind"])
        self.there.append(obj["kind"])

    def delete(self, kind: str, *_: str) -> None:
        self._judge("delete", kind)
        self.there.remove(kind)

    def post(self, *_: object) -> dict[str, Any]:
        self._judge("create", "token")
        return {"status": {"token": "t"}}

    def may(self, attributes: Mapping[str, str]) -> bool:
        assert "np-1" == attributes["namespace"]
        return (attributes["verb"], attributes["resource"]) not in self.refused


def _client(*refused: tuple[str, str]) -> tuple[_Api, Client]:
    api = _Api(*refused)
    return api, cast("Client", api)


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (("delete", "serviceaccounts"), "delete serviceaccounts (for users with chosen rights)"),
        (("create", "roles"), "create roles.rbac.authorization.k8s.io (for their rights)"),
        (("get", "pods"), "get pods (for giving it away)"),
    ],
)
def test_what_it_takes_is_asked_before(refused: tuple[str, str], told: str) -> None:
    """The right to undo is asked for as well as the right to make."""
    _, client = _client(refused)
    assert (told,) == holders.lacking(client, "np-1")


@pytest.mark.parametrize("refused", ["ServiceAccount", "Role", "RoleBinding", "token"])
def test_what_was_made_before_a_refusal_is_undone(refused: str) -> None:
    """Nothing is left of an account that was not to be."""
    api, client = _client(("create", refused))
    with pytest.raises(ClusterError, match="cannot create"):
        holders.make_holder(client, "np-1", "a", [])
    assert [] == api.there


def test_an_undo_that_fails_is_said_with_the_refusal() -> None:
    """The refusal comes first, and what was left after it."""
    _, client = _client(("create", "Role"), ("delete", "ServiceAccount"))
    with pytest.raises(ClusterError, match=r"Role is .*create it; at the end: ServiceAccount is"):
        holders.make_holder(client, "np-1", "a", [])


def test_an_account_that_cannot_be_removed_is_a_note() -> None:
    """Each part is tried; what stays goes with its namespace."""
    api, client = _client(("delete", "Role"))
    holder = holders.make_holder(client, "np-1", "a", [])
    left = holder.remove()
    assert "Role is forbidden: User cannot delete it; it goes with its namespace" == left
    assert ["Role"] == api.there
    assert not Path(holder.ref.kubeconfig).exists()


@pytest.mark.parametrize("command", [*required.COMMANDS, required.DOORS])
def test_a_command_s_rights_are_printed_once_a_resource(command: str) -> None:
    """A role names each resource once, with every verb that its command needs."""
    rights = required.of(command)
    (role,) = required.manifests(None, rights)
    named = [(*rule["apiGroups"], *rule["resources"]) for rule in role["rules"]]
    assert len(named) == len(set(named))
    granted = {(*rule["resources"], v) for rule in role["rules"] for v in rule["verbs"]}
    assert granted == {(right.resource, verb) for right in rights for verb in right.verbs}
