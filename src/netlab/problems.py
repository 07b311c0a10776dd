"""The one exception that ends a start: what was tried, what went wrong, what to do about it.

Must not know: how it is shown. The supervisor turns it into one line of JSON.
"""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class StartError(Exception):
    """The lab cannot start. `step` names what was tried; `remedy` tells the reader what to do."""

    step: str
    error: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.step}: {self.error}; {self.remedy}"

    def as_json(self) -> dict[str, object]:
        """Return the object that the starter reads."""
        return {"ok": False, **asdict(self)}
