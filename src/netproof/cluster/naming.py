"""What netproof's objects are called in a cluster, so that runs and workers never collide.

Names come from the run's and the worker's id alone: what made an object can be told from its name,
and what a dead run left can be found again by its labels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

RUN_LABEL = "netproof.dev/run"
WORKER_LABEL = "netproof.dev/worker"
MANAGED_BY = {"app.kubernetes.io/managed-by": "netproof"}

PodName = tuple[str, str]
"""A pod's namespace and name as the cluster knows them."""

MAX_NAMESPACE_NAME = 63
"""Length of a DNS-1123 label, which a namespace's name is."""


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of one worker of one run."""

    run_id: str
    worker: str

    @property
    def labels(self) -> dict[str, str]:
        """The labels that mark an object as this run's and this worker's."""
        return {**MANAGED_BY, RUN_LABEL: self.run_id, WORKER_LABEL: self.worker}

    @property
    def selector(self) -> str:
        """The label selector that finds this worker's namespaces."""
        return f"{RUN_LABEL}={self.run_id},{WORKER_LABEL}={self.worker}"

    def pod(self, logical: str) -> str:
        """Return the cluster's name for a pod of the bundle.

        A name with a hyphen gets one more part: the network policy agent of EKS takes pods of a
        namespace for the same whose names differ in the last part only (GetPodIdentifier).
        """
        return f"{logical}-np" if "-" in logical else logical

    def namespace(self, logical: str) -> str:
        """Return the cluster's name for a namespace of the bundle.

        A name that would be too long is cut and told apart by a digest of the whole.
        """
        name = f"np-{self.run_id}-{self.worker}-{logical}"
        if len(name) <= MAX_NAMESPACE_NAME:
            return name
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{name[: MAX_NAMESPACE_NAME - 9]}-{digest}"
