"""The positive controls: a denial counts only for a flow that was open before (evidence rule 1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from netproof.model.flow import Endpoint, EndpointKind, Flow, Observation, Outcome
from netproof.model.matrix import ObservedMatrix
from netproof.model.workload import Topology


class Controls:
    """Which flows were open when last looked at without policies."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._open: dict[Flow, Observation] = {}

    @property
    def seen(self) -> Mapping[Flow, Observation]:
        """What was seen of the flows that were open."""
        return self._open

    def cover(self, flows: Collection[Flow]) -> bool:
        """Tell whether there is a control for each of the flows; not where there are none."""
        return bool(flows) and all(flow in self._open for flow in flows)

    def remember(self, observed: ObservedMatrix) -> None:
        """Take in what was seen while no policies were in force."""
        for flow, seen in observed.items():
            if seen.outcome is Outcome.CONNECTED:
                self._open[flow] = seen
            else:
                self._open.pop(flow, None)

    def keep(self, *topologies: Topology) -> None:
        """Forget all other pods: who comes by the name of one that is gone is another."""
        pods = {pod.key for topology in topologies for pod in topology.pods}

        def known(end: Endpoint) -> bool:
            return end.kind is not EndpointKind.POD or end.name in pods

        self._open = {
            flow: seen
            for flow, seen in self._open.items()
            if known(flow.source) and known(flow.destination)
        }
