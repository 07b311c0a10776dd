"""The generated cases: how many, how they are called, and that they can be told and read."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest

from netproof.policy import load_text
from netproof.suites.generated import blocks
from netproof.suites.generated.__main__ import main
from netproof.suites.generated.case import DIRECTIONS, Policies
from netproof.suites.generated.cases import cases

CYCLONUS = 230
ANY_ADDRESS = re.compile(r"\$\{(IPv[46])(/\d+)? of [^}]+\}")


def test_at_least_as_many_as_cyclonus() -> None:
    """There are no fewer cases than cyclonus generates."""
    assert len(cases()) >= CYCLONUS


def test_cases_differ() -> None:
    """No two cases have the same policies and the same sequel."""
    told = [(case.text(), str(case.then)) for case in cases().values()]
    assert len(told) == len(set(told))


def test_names_can_be_typed() -> None:
    """A name is of words and hyphens, so that it can be given to a shell and to -k."""
    assert [] == [name for name in cases() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)]


def test_bundles_are_valid() -> None:
    """Every bundle is one that netproof reads, whatever addresses the pods get."""
    addresses = {"IPv4": "10.0.0.1", "IPv6": "fd00::1"}
    for case in cases().values():
        text = ANY_ADDRESS.sub(lambda found: addresses[found[1]] + (found[2] or ""), case.text())
        assert load_text(text, case.name).policies


def test_every_pair_of_blocks_meets() -> None:
    """Whatever stands beside a block is there on every port, in all places and both directions."""
    kinds = {(peers, ports) for pair in blocks.pairs() for peers, ports in pair}
    assert kinds == set(product(blocks.MET, blocks.ON))
    everywhere = set(product(DIRECTIONS, ("two-rules", "two-policies")))
    met: dict[str, set[tuple[str, str]]] = {}
    for name, case in cases().items():
        place = name.partition("-in-")[2][:-2]
        for one in (*case.policies, *(one for step in case.then for one in _policies(step))):
            pair = one["metadata"].get("annotations", {}).get("pair", "")
            (direction,) = one["spec"]["policyTypes"]
            met.setdefault(pair, set()).add((direction.lower(), place))
    for (first, a), (second, b) in blocks.pairs():
        assert everywhere <= met[f"{first} on {a} and {second} on {b}"]


def test_blocks_of_both_directions_do_not_meet() -> None:
    """A flow that one direction denies would hide what the other one lets pass."""
    assert set(blocks.APART).isdisjoint(blocks.OTHERS)


def _policies(step: object) -> tuple[dict[str, Any], ...]:
    return step.bundle if isinstance(step, Policies) else ()


def test_a_case_is_printed_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """The bundle is printed, with the command that runs it again."""
    assert main(["ingress-none"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith(cases()["ingress-none"].text())
    assert "test_generated[ingress-none]" in printed


def test_an_unknown_name_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that no case has is an error with a way out."""
    assert main(["nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
