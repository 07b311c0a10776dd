"""The record as JSON, against the schema that is published for it."""

import copy
import json
from collections.abc import Iterator
from dataclasses import fields
from importlib import resources
from typing import Any

import jsonschema
import pytest

from netproof.model import codec, flow, record
from netproof.model.record import RunRecord
from netproof.report import document
from tests.unit.report.sample import ALL_PASS, EVERYTHING, FLAT

SCHEMA: dict[str, Any] = json.loads(
    resources.files("netproof.report").joinpath("run.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def objects() -> dict[str, dict[str, Any]]:
    """Return the schema of every object, by the name of its dataclass."""
    defined = {k: v for k, v in SCHEMA["$defs"].items() if v.get("type") == "object"}
    return {"RunRecord": SCHEMA} | defined


def properties() -> Iterator[Any]:
    for name, schema in objects().items():
        for key, described in schema["properties"].items():
            yield pytest.param(described, id=f"{name}.{key}")


def test_the_schema_is_one() -> None:
    """The document is a valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("run", [EVERYTHING, FLAT, ALL_PASS], ids=lambda r: str(r.verdict))
def test_a_record_follows_the_schema(run: RunRecord) -> None:
    """What is written is what is published."""
    VALIDATOR.validate(json.loads(document.render(run)))


@pytest.mark.parametrize("described", list(properties()))
def test_every_field_is_described(described: dict[str, Any]) -> None:
    """The schema is the documentation of the format."""
    assert described["description"].endswith(".")


@pytest.mark.parametrize("name", list(objects()))
def test_the_schema_has_the_fields_of_the_model(name: str) -> None:
    """A field added to the model is added to the schema, in the same order."""
    kind = getattr(record, name, None) or getattr(flow, name)
    named = [field.name for field in fields(kind)]
    assert sorted(named, key=lambda key: key != "schema") == list(objects()[name]["properties"])


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "netproof.run/v0"},
        {"verdict": "MAYBE"},
        {"surprise": 1},
        {"seconds": -1},
        {"canaries": [{}]},
    ],
    ids=str,
)
def test_what_is_no_record_fails_the_schema(change: dict[str, Any]) -> None:
    """The schema is as strict as the reader."""
    plain = copy.deepcopy(codec.to_plain(ALL_PASS)) | change
    assert not VALIDATOR.is_valid(plain)
