"""The evaluator against cells worked out by hand from the documentation (hand_cells.yaml)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.expected import expect, expected_matrix
from netproof.policy import NetworkPolicy, load_text
from tests.unit.expected.world import WORLD, flow

TABLE: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("hand_cells.yaml").read_text(encoding="utf-8")
)
ANSWERS = ("allowed", "denied", "undefined")


def policies_of(case: dict[str, Any]) -> tuple[NetworkPolicy, ...]:
    """Read a case's policies the way a bundle is read."""
    documents = [
        json.dumps(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {
                    "name": policy.get("name", "p"),
                    "namespace": policy.get("namespace", "shop"),
                },
                "spec": policy["spec"],
            }
        )
        for policy in case["policies"]
    ]
    if not documents:
        return ()
    return load_text("\n---\n".join(documents), "cells").policies


def _cells() -> Iterator[Any]:
    for case in TABLE["cases"]:
        for answer in ANSWERS:
            for line in case.get(answer, ()):
                yield pytest.param(case, line, answer, id=f"{case['title']}: {line}")


CELLS = list(_cells())


@pytest.mark.parametrize(("case", "line", "answer"), CELLS)
def test_cell(case: dict[str, Any], line: str, answer: str) -> None:
    """The evaluator says of a flow what the documentation says."""
    expectation = expect(flow(line), WORLD, policies_of(case))
    why = "; ".join(reason.text for reason in expectation.reasons)
    assert answer == expectation.expected, f"{TABLE['links'][case['see']]} against: {why}"


def test_there_are_at_least_150_cells() -> None:
    """The table stays as large as it was meant to be."""
    assert len(CELLS) >= 150


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["title"])
def test_matrix_agrees_with_single_cells(case: dict[str, Any]) -> None:
    """A matrix holds the same expectations as asking flow by flow."""
    flows = [flow(line) for answer in ANSWERS for line in case.get(answer, ())]
    policies = policies_of(case)
    expected = {one: expect(one, WORLD, policies) for one in flows}
    assert expected == dict(expected_matrix(flows, WORLD, policies))
