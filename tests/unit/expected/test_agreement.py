"""The evaluator against a second one that shares no code with it, on generated clusters.

NETPROOF_CASES sets how many clusters are tried (each with its policies and flows); the seed is in
the test's id, and a failure prints all that is needed to repeat it by hand.
"""

from __future__ import annotations

import json
import os
from random import Random

import pytest

from netproof.expected import expected_matrix
from netproof.policy import load_text
from tests.unit.expected import generate, naive

CASES = int(os.environ.get("NETPROOF_CASES", "2000"))
PER_TEST = 100
FLOWS = 12


@pytest.mark.parametrize("first", range(0, CASES, PER_TEST))
def test_two_evaluators_agree(first: int) -> None:
    """Two evaluators written apart give the same answer for every generated flow."""
    for seed in range(first, min(first + PER_TEST, CASES)):
        _compare(seed)


def _compare(seed: int) -> None:
    random = Random(seed)
    world = generate.world(random)
    policies = [generate.policy(random, number) for number in range(random.randint(1, 4))]
    flows = {
        generate.as_flow(raw): raw for raw in (generate.flow(random, world) for _ in range(FLOWS))
    }
    text = "\n---\n".join(json.dumps(policy) for policy in policies)
    matrix = expected_matrix(
        flows, generate.as_topology(world), load_text(text, f"seed {seed}").policies
    )
    for flow, raw in flows.items():
        expected = naive.answer(raw, world, policies)
        why = [reason.text for reason in matrix[flow].reasons]
        assert expected == matrix[flow].expected, f"seed {seed}: {flow}\n{text}\n{world}\n{why}"


def test_generated_cases_see_every_answer() -> None:
    """The generator is worth its while: each answer comes up in a good part of the flows."""
    counts = dict.fromkeys((naive.ALLOWED, naive.DENIED, naive.UNDEFINED), 0)
    for seed in range(200):
        random = Random(seed)
        world = generate.world(random)
        policies = [generate.policy(random, number) for number in range(3)]
        for _ in range(FLOWS):
            counts[naive.answer(generate.flow(random, world), world, policies)] += 1
    assert min(counts.values()) > 100, counts
