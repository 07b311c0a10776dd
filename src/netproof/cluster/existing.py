"""A cluster that is already there: a kubeconfig, a context, and nothing of it ours to end."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netproof.cluster.access import required
from netproof.cluster.api.client import Client
from netproof.cluster.api.login import context_name
from netproof.cluster.backend import ClusterRef
from netproof.cluster.outside import OutsideMachine
from netproof.cluster.placement import ANYWHERE, PodOptions
from netproof.cluster.profiles.profile import Profile
from netproof.errors import ClusterError
from netproof.model.value import replace

OLDEST = (1, 22)
"""The first Kubernetes in which probe pods may serve low ports unprivileged: the sysctl
net.ipv4.ip_unprivileged_port_start is a safe one since then."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class ExistingCluster:
    """A cluster behind the protocol ClusterBackend that `stop` leaves as it is.

    `profile` is what its CNI is declared to be, where that is said. `rights` are those that are
    asked for before anything is made. `outside` is a machine that stands for the world.
    """

    kubeconfig: str = ""
    context: str = ""
    pods: PodOptions = ANYWHERE
    profile: Profile | None = None
    rights: tuple[required.Right, ...] = required.RIGHTS
    outside: OutsideMachine | None = None

    def start(self) -> ClusterRef:
        """Return the cluster once its API has answered and granted what a run needs.

        Raises ClusterError where it does not, with every right that is missing.
        """
        ref = self._ref()
        client = Client(ref)
        try:
            check_version(client.version())
            required.check(client, self.rights)
        finally:
            client.close()
        return ref

    def stop(self) -> None:
        """Leave the cluster as it is: it is somebody else's."""

    def _ref(self) -> ClusterRef:
        bare = ClusterRef(
            kind="existing",
            name=self.context or context_name(self.kubeconfig),
            kubeconfig=self.kubeconfig,
            context=self.context,
            pods=self.pods,
            outside=self.outside,
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
            capabilities=self.profile.capabilities,
            stance=self.profile.stance,
        )


def check_version(version: str) -> None:
    """Raise ClusterError for a Kubernetes that is too old for the probe pods."""
    found = _VERSION.match(version)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(str(part) for part in OLDEST)
        raise ClusterError(f"this cluster is Kubernetes {version}; {oldest} or newer is needed")
