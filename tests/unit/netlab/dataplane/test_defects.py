"""Each defect changes the rules in the way its name says, and the clean dataplane does not."""

import pytest

from netlab.dataplane.defects.defect import INVENTED
from netlab.dataplane.planes import DEFECTS, make_dataplane
from tests.unit.netlab.dataplane.cases import CASES, Case, view

_AS_IF = {name: case for name, case in CASES.items() if case.as_if is not None}
_RULES = {name: case for name, case in CASES.items() if case.rule}


def test_every_defect_has_a_case() -> None:
    """No defect is without a cluster that shows it."""
    assert set(DEFECTS) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_defect_changes_the_rules(name: str) -> None:
    """The defective dataplane compiles the case to other rules than the clean one."""
    assert _compile(CASES[name]) != _compile(CASES[name], name)


@pytest.mark.parametrize("name", _AS_IF)
def test_a_misreading_is_what_another_cluster_would_say(name: str) -> None:
    """The defective rules are the clean ones of the objects as misread."""
    case = _AS_IF[name]
    assert case.as_if is not None
    assert _compile(Case((case.as_if,), node=case.node)) == _compile(case, name)


@pytest.mark.parametrize("name", _RULES)
def test_a_faulty_rule_is_the_defects_own(name: str) -> None:
    """The telling rule is there with the defect and not without it."""
    case = _RULES[name]
    assert (False, True) == (case.rule in _compile(case), case.rule in _compile(case, name))


@pytest.mark.parametrize("name", CASES)
def test_without_policies_a_defect_denies_nothing(name: str) -> None:
    """No defect denies traffic in a cluster without policies, or every check would blame it."""
    text = make_dataplane("enforcing", [name]).policy_ruleset(view(), "lab-node-0")
    assert "goto deny" not in text


def test_defects_can_be_combined() -> None:
    """Two defects at once show both."""
    text = _compile(CASES["ignores-udp"], "ignores-udp", "cluster-ip-bypass")
    assert "meta l4proto udp accept" in text
    assert "ct status dnat accept" in text


def test_every_defect_says_what_it_does_and_where_it_was_seen() -> None:
    """A defect has a one-sentence summary and a source, or says that it is invented."""
    for defect in DEFECTS.values():
        assert defect.summary.endswith(".")
        assert defect.seen_in == INVENTED or len(defect.seen_in) > len(INVENTED)


def _compile(case: Case, *defects: str) -> str:
    plane = make_dataplane("enforcing", defects)
    for one in case.views:
        text = plane.policy_ruleset(one, case.node)
    return text
