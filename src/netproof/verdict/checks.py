"""The exit code of a check: the verdict on its run, and what reading the bundle found besides."""

from __future__ import annotations

from netproof.model.check import CheckRecord
from netproof.model.review import Severity


def check_exit_code(record: CheckRecord, *, strict: bool) -> int:
    """Return 1 where the run failed or reading found something, 0 else.

    Hints of mistakes count, warnings where it is `strict`, and mutations that no intent notices.
    """
    counting = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    hints = any(hint.severity in counting and not hint.silenced for hint in record.hints)
    unnoticed = any(one.flows and not one.noticed_by for one in record.mutations or ())
    return 1 if record.exit_code or hints or unnoticed else 0
