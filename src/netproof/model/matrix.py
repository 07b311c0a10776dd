"""Flows by what is expected or was observed: complete, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from netproof.errors import HarnessBug
from netproof.model.flow import Expectation, Flow, Observation

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
