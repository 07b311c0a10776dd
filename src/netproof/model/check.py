"""What `netproof check` leaves behind: a look at a bundle, and the run that probed it."""

from __future__ import annotations

from typing import Final, Literal

from netproof.model.picture import Picture
from netproof.model.record import RunVerdict, StepRecord
from netproof.model.review import Hint, IntentResult, Mutation, Note
from netproof.model.value import Value

CHECK_SCHEMA: Final = "netproof.check/v1"


class PacketsRecord(Value):
    """What the packets of a check showed: what the canary said, and all findings in words.

    `known_gap` words the documented gaps of the CNI that explain all findings about the bundle.
    """

    canary: str
    flows: int
    seconds: float
    findings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    known_gap: str = ""


class CheckRecord(Value, kw_only=True):
    """All that `netproof check` found; `mutations` is None where it was not asked for.

    `verdict` is that of the run, None where there was nothing to judge: no packet was sent and no
    intent is stated. `exit_code` counts hints and mutations too, `exit_reason` is the sentence.
    `picture` and `steps` are what a page draws from: who decides of each flow, and what packets did
    in each state of the cluster; the JSON of a check has neither.
    """

    schema: Literal["netproof.check/v1"] = CHECK_SCHEMA
    bundle: str
    netproof: str
    workloads: int
    policies: int
    flows: int
    seconds: float
    notes: tuple[Note, ...] = ()
    hints: tuple[Hint, ...] = ()
    intents: tuple[IntentResult, ...] = ()
    mutations: tuple[Mutation, ...] | None = None
    packets: PacketsRecord | None = None
    verdict: RunVerdict | None = None
    exit_code: int = 0
    exit_reason: str = ""
    picture: Picture | None = None
    steps: tuple[StepRecord, ...] = ()

    @property
    def broken(self) -> tuple[IntentResult, ...]:
        """The intents that do not hold, or of which it could not be told."""
        return tuple(r for r in self.intents if not r.kept.holds)

    @property
    def unnoticed(self) -> tuple[Mutation, ...]:
        """The mutations that open or close a flow without any intent that notices."""
        return tuple(one for one in self.mutations or () if one.flows and not one.noticed_by)
