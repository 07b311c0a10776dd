"""What random bundles are made of, and what is left of one that differs."""

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import NoSuchExample

from netproof.expected import expected_matrix
from netproof.front.plugin.cases import with_addresses
from netproof.model import flows
from netproof.model.flow import Expected, Flow
from netproof.model.value import replace
from netproof.model.workload import Topology
from netproof.policy import load_bundle, load_text
from netproof.suites.fuzz.hunt import Bundled, fewest
from netproof.suites.fuzz.strategies import bundles
from netproof.suites.generated.case import dump

UNTIMED = settings(
    max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@UNTIMED
@given(bundles(blocks=False))
def test_ip_blocks_can_be_left_out(bundle: tuple[dict[str, object], ...]) -> None:
    """Where a CNI is known to read ipBlocks its own way, everything else can still be tried."""
    assert "ipBlock" not in dump(bundle)


FEW = settings(UNTIMED, max_examples=150, phases=[Phase.generate])
"""An eighth of what 2,000 policies are: what is found in so few is tried often in a hunt."""


@cache
def _few() -> tuple[tuple[str, Bundled], ...]:
    """Return so many random bundles with their texts; all that is looked for is looked for here."""
    made: list[Bundled] = []

    def keep(one: Bundled) -> bool:
        made.append(one)
        return False

    with pytest.raises(NoSuchExample):
        find(bundles(), keep, settings=FEW, random=Random(1))
    return tuple((dump(one), one) for one in made)


@pytest.mark.parametrize(
    "field",
    ["from", "to", "ports", "protocol", "endPort", "except", "matchLabels", "matchExpressions"],
)
def test_a_field_that_is_ignored_would_be_noticed(field: str) -> None:
    """A hunt is worth something if the bundles have effects: each field decides about some flow."""

    def decides(text: str, bundle: Bundled) -> bool:
        less = tuple(_without(field, policy) for policy in bundle)
        return less != bundle and _means(text) != _means(dump(less))

    assert any(decides(text, bundle) for text, bundle in _few())


@pytest.mark.parametrize("word", ["ipBlock", "/24 of", "/64 of", "port: 20088", "r" * 240])
def test_limits_and_blocks_in_blocks_are_tried(word: str) -> None:
    """Random bundles have blocks, some in others, many ports, and names as long as may be."""
    assert any(word in text for text, _ in _few())


def test_a_block_around_a_pod_is_written_as_a_network() -> None:
    """Its host bits are cleared, so that no CNI's strictness is tried by the way."""
    said = with_addresses("${IPv4/24 of production/web} ${IPv6/64 of production/web}", FLEET)
    assert said == "10.244.0.0/24 fd00:10:244::/64"


def test_policies_that_nobody_needs_are_left_out() -> None:
    """Of four policies the two are left that differ together."""
    listed: Bundled = tuple({"name": name} for name in "abcd")
    left = fewest(listed, lambda some: {"b", "d"} <= {policy["name"] for policy in some})
    assert ({"name": "b"}, {"name": "d"}) == left


def test_one_policy_is_left_at_least() -> None:
    """A bundle without policies shows nothing."""
    assert ({"name": "a"},) == fewest(({"name": "a"},), bool)


def _fleet() -> Topology:
    bundle = load_bundle(Path("suites/fleet.yaml"))
    ips = [(f"10.244.0.{n}", f"fd00:10:244::{n:x}") for n in range(2, 2 + len(bundle.pods))]
    pods = tuple(replace(pod, ips=own) for pod, own in zip(bundle.pods, ips, strict=True))
    return Topology(bundle.namespaces, pods)


FLEET = _fleet()


@cache
def _means(bundle: str) -> dict[Flow, Expected]:
    """Return what a bundle means for the half of the flows; most fields are tried on the same."""
    policies = load_text(with_addresses(bundle, FLEET), "random").policies
    expected = expected_matrix(flows.mixed_flows(FLEET), FLEET, policies)
    return {flow: expectation.expected for flow, expectation in expected.items()}


def _without(field: str, value: Any) -> Any:
    """Take a field out of an object, wherever in it the field is."""
    if isinstance(value, list):
        return [_without(field, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without(field, item) for key, item in value.items() if key != field}
