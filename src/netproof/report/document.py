"""The record itself as a JSON document; `run.schema.json` beside this module describes it."""

from __future__ import annotations

from netproof.model import codec
from netproof.model.record import RunRecord


def render(record: RunRecord) -> str:
    """Return the record as JSON, which `netproof.model.codec.loads` reads back."""
    return codec.dumps(record)
