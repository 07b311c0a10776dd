"""What a lab is to be, as a value that travels from the command line to the first process."""

from collections.abc import Collection
from dataclasses import dataclass

from netlab.dataplane.options import Options
from netlab.node.addresses import MAX_NODES
from netlab.problems import StartError


@dataclass(frozen=True, slots=True)
class Settings:
    """Name, size and behaviour of one lab."""

    name: str
    nodes: int
    dataplane: str
    defects: tuple[str, ...]
    options: Options

    def check(self, *, dataplanes: Collection[str], defects: Collection[str]) -> None:
        """Raise StartError for a value that no lab can have; the remedy lists those it can."""
        if self.dataplane not in dataplanes:
            error = f"there is no dataplane called {self.dataplane!r}"
            raise StartError("settings", error, f"choose one of: {', '.join(sorted(dataplanes))}")
        for name in self.defects:
            if name not in defects:
                error = f"there is no defect called {name!r}"
                raise StartError("settings", error, f"choose from: {', '.join(sorted(defects))}")
        if not 1 <= self.nodes <= MAX_NODES:
            error = f"a lab with {self.nodes} nodes cannot be built"
            raise StartError("settings", error, f"choose a number of nodes from 1 to {MAX_NODES}")
