"""A cluster that is already there: a kubeconfig, a context, and nothing of it ours to end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netproof.cluster import rights
from netproof.cluster.backend import ClusterRef
from netproof.cluster.client import Client
from netproof.cluster.placement import ANYWHERE, PodOptions
from netproof.cluster.profile import Profile


@dataclass(frozen=True, slots=True)
class ExistingCluster:
    """A cluster behind the Backend protocol that `stop` leaves as it is.

    `profile` is what its CNI is declared to be, where that is said.
    """

    kubeconfig: str = ""
    context: str = ""
    pods: PodOptions = ANYWHERE
    profile: Profile | None = None

    def start(self) -> ClusterRef:
        """Return the cluster once its API has answered and granted what a run needs.

        Raises ClusterError where it does not, with every right that is missing.
        """
        ref = self._ref()
        client = Client(ref)
        try:
            client.version()
            rights.check(client)
        finally:
            client.close()
        return ref

    def stop(self) -> None:
        """Leave the cluster as it is: it is somebody else's."""

    def _ref(self) -> ClusterRef:
        bare = ClusterRef(
            kind="existing",
            name=self.context or "current context",
            kubeconfig=self.kubeconfig,
            context=self.context,
            pods=replace(self.pods, spread=True),
        )
        if self.profile is None:
            return bare
        return replace(
            bare,
            dataplane=self.profile.title,
            enforces=self.profile.enforces,
            probe_timeout_s=self.profile.probe_timeout_s,
            converge_s=self.profile.converge_s,
            gaps=self.profile.gaps,
        )
