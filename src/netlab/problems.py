"""Errors that reach a person as they are: what was tried, what went wrong, what to do.

Must not know: how they are shown. The supervisor turns the first into one line of JSON, the API
server the second into a Status.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


class RuntimeRefusal(Exception):  # noqa: N818 - a refusal is no fault: the command was not startable
    """The runtime cannot do what was asked; the message goes to the client as it is."""


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
