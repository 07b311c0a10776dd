"""A look at flows: probed until the cluster does what is expected of it, then judged.

An observer remembers the positive controls: a denial counts only for a flow that was open when it
was last looked at without policies (evidence rule 1 of the design).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from netproof.expected import expected_matrix
from netproof.model.flow import Endpoint, EndpointKind, Flow, Observation, Outcome
from netproof.model.matrix import ExpectedMatrix, JudgedStep, ObservedMatrix
from netproof.model.workload import Topology
from netproof.policy import NetworkPolicy
from netproof.probe.converge import converge
from netproof.probe.runner import Prober
from netproof.run.scenario import Statement
from netproof.verdict import judge_step


class PositiveControls:
    """Which flows were open when last looked at without policies."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._open: dict[Flow, Observation] = {}

    @property
    def observations(self) -> Mapping[Flow, Observation]:
        """What was seen of the flows that were open."""
        return self._open

    def cover(self, flows: Collection[Flow]) -> bool:
        """Tell whether there is a control for each of the flows; not where there are none."""
        return bool(flows) and all(flow in self._open for flow in flows)

    def remember(self, observed: ObservedMatrix) -> None:
        """Take in what was seen while no policies were in force."""
        for flow, observation in observed.items():
            if observation.outcome is Outcome.CONNECTED:
                self._open[flow] = observation
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


class Observer:
    """Looks at flows through one prober."""

    def __init__(self, prober: Prober, converge_s: float, way_back: Callable[[], None]) -> None:
        """Keep the means; nothing was seen yet.

        `converge_s` is how long a change may take. `way_back` waits until the API server answers
        and raises ClusterGoneError where it does not: a stream through one that hangs says nothing.
        """
        self._prober = prober
        self._converge_s = converge_s
        self._way_back = way_back
        self.controls = PositiveControls()
        self._open: tuple[tuple[Flow, ...], Topology, ExpectedMatrix] | None = None

    def look(
        self,
        name: str,
        policies: Sequence[NetworkPolicy],
        flows: Sequence[Flow],
        topology: Topology,
        known: Sequence[Statement] = (),
    ) -> JudgedStep:
        """Probe every flow until the cluster does what is expected of it, and judge what it did.

        Raises HarnessBug where a cell is known to be other than netproof reads the policies,
        ClusterGoneError where agents do not answer because the API server does not.
        """
        expected = self._expected(flows, topology, policies)
        for statement in known:
            statement.check(expected)
        converged = converge(
            self._probe,
            flows,
            {flow: expected[flow].expected for flow in flows},
            deadline_s=self._converge_s,
        )
        if not policies:
            self.controls.remember(converged.observations)
            self._prober.learn(converged.observations.values())
        return judge_step(
            name,
            tuple(policy.key for policy in policies),
            expected=expected,
            observed=converged.observations,
            baseline=self.controls.observations if policies else None,
            convergence=converged.convergence,
            topology=topology,
            places={policy.key: str(policy.origin) for policy in policies},
        )

    def _expected(
        self, flows: Sequence[Flow], topology: Topology, policies: Sequence[NetworkPolicy]
    ) -> ExpectedMatrix:
        """Return what is expected; without policies as before where all else is as before."""
        if policies:
            return expected_matrix(flows, topology, policies)
        asked = tuple(flows)
        if not (self._open and self._open[0] == asked and self._open[1] is topology):
            self._open = asked, topology, expected_matrix(flows, topology, ())
        return self._open[2]

    def _probe(self, flows: Collection[Flow], **how: Any) -> Mapping[Flow, Observation]:
        """Probe once; where some probe was not made, look whether there is a cluster left."""
        seen = self._prober.probe(flows, **how)
        if any(observation.outcome is Outcome.ERROR for observation in seen.values()):
            self._way_back()
        return seen
