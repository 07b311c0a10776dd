"""What is to be run: a bundle's policies on a fleet, the flows to try, the cells known by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from netproof.cluster.backend import GONE_AFTER_S, ClusterRef
from netproof.errors import HarnessBug, UsageError
from netproof.model import flows
from netproof.model.flow import Expected, Flow
from netproof.model.flowpattern import parse_pattern
from netproof.model.matrix import ExpectedMatrix
from netproof.model.workload import Topology
from netproof.policy import Bundle
from netproof.run.changes import Change

FlowSource = Callable[[Topology], Iterable[Flow]]


@dataclass(frozen=True, slots=True)
class Settings:
    """How long to wait for what, in seconds.

    `probe_timeout_s`: for an answer to a packet, at most where `timeouts_follow` what answers take.
    `converge_s`: for the cluster to do what is expected of it after a change.
    """

    probe_timeout_s: float
    converge_s: float
    image: str
    timeouts_follow: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person running it asked for; None leaves the measure to the cluster.

    `nodes` asks for agents on nodes, in their network, for flows that start or end there,
    `gone_after_s` is how long the API server may be silent until the run ends. Raises
    UsageError for a time that is not to be waited: every answer would come too late.
    """

    image: str
    probe_timeout_s: float | None = None
    converge_s: float | None = None
    nodes: bool = False
    gone_after_s: float = GONE_AFTER_S

    def __post_init__(self) -> None:
        measures = (
            ("--probe-timeout", self.probe_timeout_s),
            ("--converge-timeout", self.converge_s),
            ("--gone-after", self.gone_after_s),
        )
        for name, seconds in measures:
            if seconds is not None and not 0 < seconds < math.inf:
                raise UsageError(f"{name} {seconds:g}: write a number of seconds above 0")

    def settings(self, ref: ClusterRef) -> Settings:
        """Return the wishes, completed by the cluster's own measures."""
        probe, converge = self.probe_timeout_s, self.converge_s
        return Settings(
            probe_timeout_s=ref.probe_timeout_s if probe is None else probe,
            converge_s=ref.converge_s if converge is None else converge,
            image=self.image,
            timeouts_follow=self.probe_timeout_s is None,
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """A cell that is known without netproof's reading of the policies."""

    text: str
    expected: Expected

    def check(self, expected: ExpectedMatrix) -> None:
        """Raise HarnessBug where netproof reads the policies differently than the person."""
        for flow in parse_pattern(self.text).select(expected):
            computed = expected[flow].expected
            if computed is not self.expected:
                raise HarnessBug(
                    f"stated by hand: {self.text} is {self.expected}; "
                    f"netproof's evaluator says that {flow} is {computed}"
                )


def stated(allowed: Sequence[str], denied: Sequence[str]) -> tuple[Statement, ...]:
    """Return cells stated by hand."""
    return (
        *(Statement(text, Expected.ALLOWED) for text in allowed),
        *(Statement(text, Expected.DENIED) for text in denied),
    )


@dataclass(frozen=True, slots=True)
class After:
    """A change, and cells that are known by hand to hold after it."""

    change: Change
    allowed: Sequence[str] = ()
    denied: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One bundle on one fleet, from before its policies to after them.

    `flows` says which flows of the topology to try. `given` changes the fleet before all else,
    `then` is what happens one after another while the policies are in force; all flows are tried
    after each. All of it is undone.
    """

    id: str
    title: str
    bundle: Bundle
    source: str
    flows: FlowSource = flows.pod_flows
    statements: Sequence[Statement] = ()
    then: Sequence[After] = ()
    given: Sequence[Change] = ()
