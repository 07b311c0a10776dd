"""What kind is asked to do, one call each: the only module that knows its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netproof.cluster.kind.machine import Tools
from netproof.errors import ClusterError

CREATE_TIMEOUT_S = 900.0
"""Most of it is the download of a node image of about 1 GB."""

LOAD_TIMEOUT_S = 300.0
REMOVE_TIMEOUT_S = 180.0

NAME_IS_TAKEN = "already exist for a cluster"
"""What kind says of a name that somebody took since we looked."""


@dataclass(frozen=True, slots=True)
class KindCommands:
    """The kind cluster of one name, there or not."""

    tools: Tools
    name: str

    def exists(self) -> bool:
        """Tell whether there is a cluster of that name."""
        listed = self.tools.run(("kind", "get", "clusters"), what="listing the kind clusters")
        return self.name in listed.split()

    def create(self, config: Path) -> None:
        """Create the cluster; raise ClusterError with kind's last words.

        Without --wait: no node gets ready before there is a CNI. With --retain, so that a node
        that did not boot can be asked why.
        """
        argv = ("create", "cluster", "--config", str(config), "--retain")
        self._kind(*argv, what=f"creating the cluster {self.name}", timeout_s=CREATE_TIMEOUT_S)

    def adopt(self) -> None:
        """Write the kubeconfig of a cluster that is there."""
        self._kind("export", "kubeconfig", what=f"getting the kubeconfig of {self.name}")

    def nodes(self) -> tuple[str, ...]:
        """Return the names of the node containers."""
        argv = ("kind", "get", "nodes", "--name", self.name)
        return tuple(self.tools.run(argv, what=f"listing the nodes of {self.name}").split())

    def load(self, archive: Path) -> None:
        """Put the images of an archive (`docker save`) onto every node."""
        argv = ("kind", "load", "image-archive", str(archive), "--name", self.name)
        what = f"loading the images of {archive} onto the nodes"
        self.tools.run(argv, what=what, timeout_s=LOAD_TIMEOUT_S)

    def alias(self, image: str, name: str) -> None:
        """Let every node know an image that it has by another name too, both spelled in full."""
        for node in self.nodes():
            tag = ("ctr", "--namespace=k8s.io", "images", "tag", "--force", image, name)
            argv = (self.tools.engine, "exec", node, *tag)
            self.tools.run(argv, what=f"naming {image} on {node}")

    def export_logs(self, folder: Path) -> None:
        """Collect the logs of all nodes in a folder."""
        argv = ("kind", "export", "logs", str(folder), "--name", self.name)
        what = f"collecting the logs of the cluster {self.name}"
        self.tools.run(argv, what=what, timeout_s=REMOVE_TIMEOUT_S)

    def delete(self) -> None:
        """Remove the cluster; one that is not there is no error (kind's own rule)."""
        what = f"removing the cluster {self.name}"
        self._kind("delete", "cluster", what=what, timeout_s=REMOVE_TIMEOUT_S)

    def _kind(self, *argv: str, what: str, timeout_s: float = 60.0) -> None:
        """Run a command that reads or writes a kubeconfig: ours, never the person's own."""
        ours = ("--name", self.name, "--kubeconfig", str(self.tools.kubeconfig))
        self.tools.run(("kind", *argv, *ours), what=what, timeout_s=timeout_s)


def is_name_taken(error: ClusterError) -> bool:
    """Tell whether `create` failed because there is such a cluster: one that is not ours."""
    return NAME_IS_TAKEN in str(error)
