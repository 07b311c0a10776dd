"""The schema of a check's JSON, as its classes say it; `python -m` this writes the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

import netproof.model
from netproof.model.check import CHECK_SCHEMA, CheckRecord

FILE = Path(netproof.model.__file__).parent / "check.schema.json"


def schema() -> dict[str, Any]:
    """Return what a check's JSON may be, with the docstrings of its values as descriptions."""
    made = _plain(msgspec.json.schema(CheckRecord))
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": CHECK_SCHEMA}
    return {**head, **made}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return " ".join(value.split()) if isinstance(value, str) and "\n" in value else value


def text() -> str:
    """Return the file, the same for the same classes."""
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
