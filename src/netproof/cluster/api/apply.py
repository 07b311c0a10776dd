"""Applying and deleting objects, and waiting until they are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from netproof.cluster.api.client import Client, Obj, is_not_found
from netproof.cluster.api.waiting import wait_until
from netproof.errors import ClusterError

Key = tuple[str, str]
"""Namespace and name of a policy, as the caller names them."""


class PoliciesInForce:
    """The policies that somebody has put into a cluster, so that they can be changed and removed.

    What was asked for counts as there even where the API server refused it: removing what is not
    there is no error.
    """

    def __init__(self, client: Client, ours: str) -> None:
        """Keep the means; there are no policies yet. `ours` is the label selector of our own."""
        self._client = client
        self._ours = ours
        self._present: dict[Key, Obj] = {}

    def become(self, wanted: Mapping[Key, Obj]) -> None:
        """Create, replace and delete until the wanted policies are there and no others.

        Raises ClusterError with the API server's words at the first no.
        """
        before = dict(self._present)
        for key, policy in wanted.items():
            self._present[key] = policy
            if key not in before:
                self._client.create(policy)
            elif policy != before[key]:
                self._client.replace(policy)
        self._remove(sorted(before.keys() - wanted.keys()))

    def _remove(self, keys: Iterable[Key]) -> None:
        """Delete policies; where a namespace of ours is to have none left, all of them at once."""
        gone = [self._present.pop(key)["metadata"] for key in keys]
        kept = {policy["metadata"]["namespace"] for policy in self._present.values()}
        by_namespace: dict[str, list[str]] = defaultdict(list)
        for meta in gone:
            by_namespace[meta["namespace"]].append(meta["name"])
        for namespace, names in by_namespace.items():
            if len(names) == 1 or namespace in kept:
                for name in names:
                    self._client.delete("NetworkPolicy", name, namespace)
            else:
                self._client.delete_all("NetworkPolicy", namespace, labels=self._ours)


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
