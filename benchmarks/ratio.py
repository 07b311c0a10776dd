"""What a benchmark returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """Seconds of ours against seconds of the floor, and the ratio that is within reach."""

    name: str
    ours_s: float
    floor_s: float
    limit: float
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times the floor we take."""
        return self.ours_s / self.floor_s

    @property
    def within(self) -> bool:
        """Tell whether the ratio is within its limit."""
        return self.ratio <= self.limit

    def line(self) -> str:
        """Return one line for people."""
        mark = "ok  " if self.within else "OVER"
        return (
            f"{mark} {self.name:34} {self.ours_s:8.3f} s / {self.floor_s:8.3f} s"
            f" = {self.ratio:5.2f} x (limit {self.limit:g} x)  {self.note}"
        )
