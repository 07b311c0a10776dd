"""Flows by what is expected, was observed, or became of both: complete, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from netproof.errors import HarnessBug
from netproof.model.flow import Expectation, Flow, Observation
from netproof.model.record import FlowVerdict, ScenarioRecord, StepRecord

T = TypeVar("T")


class Matrix(Mapping[Flow, T]):
    """An immutable mapping that holds exactly one value for each flow it was made for."""

    __slots__ = ("_cells",)

    def __init__(self, flows: Iterable[Flow], cells: Mapping[Flow, T]) -> None:
        """Keep the cells in the order of the flows; raise HarnessBug where one is missing."""
        wanted = tuple(dict.fromkeys(flows))
        missing = [flow for flow in wanted if flow not in cells]
        if missing:
            raise HarnessBug(f"the matrix lacks {len(missing)} flows, the first is {missing[0]}")
        self._cells = {flow: cells[flow] for flow in wanted}

    def __getitem__(self, flow: Flow) -> T:
        return self._cells[flow]

    def __iter__(self) -> Iterator[Flow]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


ExpectedMatrix = Matrix[Expectation]
ObservedMatrix = Matrix[Observation]


@dataclass(frozen=True, slots=True)
class JudgedCell:
    """What was expected of a flow, what was seen of it, and what that shows of the cluster."""

    expectation: Expectation
    observation: Observation
    verdict: FlowVerdict
    why: str = ""


JudgedMatrix = Matrix[JudgedCell]


@dataclass(frozen=True, slots=True)
class JudgedStep:
    """One state of the cluster, judged: the whole matrix, and what the run keeps of it."""

    record: StepRecord
    matrix: JudgedMatrix


@dataclass(frozen=True, slots=True)
class JudgedScenario:
    """A scenario, judged: its steps with their matrices, and what the run keeps of it."""

    record: ScenarioRecord
    steps: tuple[JudgedStep, ...]

    @property
    def in_force(self) -> JudgedStep:
        """The first step with policies in force; the first of all where it has no policies."""
        return next((step for step in self.steps if step.record.policies), self.steps[0])
