"""Applying and deleting objects, and waiting until they are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from netproof.cluster.api.client import Client, Obj, is_not_found
from netproof.cluster.api.waiting import wait_until
from netproof.errors import ClusterError

Key = tuple[str, str]
"""Namespace and name of a policy, as the caller names them."""


class PoliciesInForce:
    """The policies that somebody has put into a cluster, so that they can be changed and removed.

    What is believed of a policy changes with each call that succeeded. Where the API server did not
    say whether a call did anything, the policy is in doubt: it is removed before it is made again.
    """

    def __init__(self, client: Client, ours: str) -> None:
        """Keep the means; there are no policies yet. `ours` is the label selector of our own."""
        self._client = client
        self._ours = ours
        self._present: dict[Key, Obj] = {}
        self._in_doubt: dict[Key, Obj] = {}

    def become(self, wanted: Mapping[Key, Obj]) -> None:
        """Create, replace and delete until the wanted policies are there and no others.

        Raises ClusterError with the API server's words at the first no; what was done until then is
        known, so that the next call takes it up from there.
        """
        for key, policy in wanted.items():
            if key in self._in_doubt:
                self._delete([key])
            if key not in self._present:
                self._put(key, policy, self._client.create, unless=409)
            elif policy != self._present[key]:
                self._put(key, policy, self._client.replace, unless=404)
        known = self._present | self._in_doubt
        gone = known.keys() - wanted.keys()
        self._remove(sorted(gone, key=lambda key: (_space(known[key]), key)))

    def _put(self, key: Key, policy: Obj, call: Callable[[Obj], object], *, unless: int) -> None:
        """Create or replace; `unless` is the refusal that contradicts what was believed."""
        try:
            call(policy)
        except ClusterError as error:
            if not 400 <= error.status < 500 or error.status == unless:
                self._present.pop(key, None)
                self._in_doubt[key] = policy
            raise
        self._present[key] = policy

    def _remove(self, keys: Sequence[Key]) -> None:
        """Delete policies; where a namespace of ours is to have none left, all of them at once."""
        known = self._present | self._in_doubt
        kept = {_space(known[key]) for key in known.keys() - set(keys)}
        for namespace, group in groupby(keys, key=lambda key: _space(known[key])):
            together = list(group)
            if len(together) == 1 or namespace in kept:
                self._delete(together)
            else:
                self._client.delete_all("NetworkPolicy", namespace, labels=self._ours)
                self._forget(together)

    def _delete(self, keys: Iterable[Key]) -> None:
        for key in keys:
            meta = (self._present | self._in_doubt)[key]["metadata"]
            self._client.delete("NetworkPolicy", meta["name"], meta["namespace"])
            self._forget([key])

    def _forget(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._present.pop(key, None)
            self._in_doubt.pop(key, None)


def _space(policy: Obj) -> str:
    return str(policy["metadata"]["namespace"])


def wait_gone(
    client: Client, kind: str, name: str, namespace: str = "", *, deadline_s: float
) -> None:
    """Wait until an object no longer exists; raise NotReadyError at the deadline."""

    def look() -> bool | None:
        try:
            client.get(kind, name, namespace)
        except ClusterError as error:
            if is_not_found(error):
                return True
            raise
        return None

    where = f"{namespace}/{name}" if namespace else name
    wait_until(look, deadline_s=deadline_s, what=lambda: f"{kind} {where} is not gone yet")
