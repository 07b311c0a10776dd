"""The record as JSON, against the schema that is published for it."""

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import jsonschema
import msgspec
import pytest

from netproof.model import codec
from netproof.model.packing import Packed
from netproof.model.record import RunRecord
from tests.unit.report.sample import ALL_PASS, EVERYTHING, FLAT

SCHEMA: dict[str, Any] = json.loads(
    resources.files("netproof.model").joinpath("run.schema.json").read_text(encoding="utf-8")
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


def shape(schema: dict[str, Any]) -> Any:
    """Return what a schema says of types and names, without its descriptions and limits."""
    if "$ref" in schema:
        return schema["$ref"]
    if "enum" in schema or "const" in schema:
        return sorted(schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "object":
        return {
            "required": sorted(schema.get("required", ())),
            "properties": {k: shape(v) for k, v in schema.get("properties", {}).items()},
            "others": schema["additionalProperties"] and shape(schema["additionalProperties"]),
        }
    if schema.get("type") == "array":
        return [shape(schema["items"])]
    choices = schema.get("anyOf", ())
    if any("$ref" in one for one in choices):
        return sorted(one.get("$ref", one.get("type")) for one in choices)
    kinds = [one["type"] for one in choices] or schema["type"]
    return sorted([kinds] if isinstance(kinds, str) else kinds)


def written() -> dict[str, Any]:
    """Return the schemas of the model as it is written: with numbers for what is packed."""
    kinds = [RunRecord, Packed]
    _, modelled = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    number = {"type": "integer"}
    # A record without its version is refused, while one that is made here has no other.
    modelled["RunRecord"]["required"] += ["schema", "packed"]
    modelled["RunRecord"]["properties"]["packed"] = {"$ref": "#/$defs/Packed"}
    step, finding = (modelled[name]["properties"] for name in ("StepRecord", "Finding"))
    step["tables"] = {"type": "array", "items": {"type": "array", "items": number}}
    step["nodes"] = finding["flow"] = number
    finding["reasons"] = {"type": "array", "items": number}
    del modelled["Table"]
    return modelled


def test_the_schema_is_one() -> None:
    """The document is a valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("run", [EVERYTHING, FLAT, ALL_PASS], ids=lambda r: str(r.verdict))
def test_a_record_follows_the_schema(run: RunRecord) -> None:
    """What is written is what is published."""
    VALIDATOR.validate(json.loads(codec.dumps(run)))


@pytest.mark.parametrize("described", list(properties()))
def test_every_field_is_described(described: dict[str, Any]) -> None:
    """The schema is the documentation of the format."""
    assert described["description"].endswith(".")


def test_the_schema_is_that_of_the_model() -> None:
    """What is added to the model is added to the schema, with the same types in the same order."""
    modelled = written()
    published = {"RunRecord": SCHEMA} | SCHEMA["$defs"]
    assert {name: shape(one) for name, one in modelled.items()} == {
        name: shape(one) for name, one in published.items()
    }
    for name, one in objects().items():
        assert list(modelled[name]["properties"]) == list(one["properties"])


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "netproof.run/v1"},
        {"packed": {}},
        {"verdict": "MAYBE"},
        {"surprise": 1},
        {"seconds": -1},
        {"canaries": [{}]},
    ],
    ids=str,
)
def test_what_is_no_record_fails_the_schema(change: dict[str, Any]) -> None:
    """The schema is as strict as the reader."""
    plain = json.loads(codec.dumps(ALL_PASS)) | change
    assert not VALIDATOR.is_valid(plain)
