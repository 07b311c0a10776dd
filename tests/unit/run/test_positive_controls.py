"""Which flows have a positive control."""

from netproof.model.flow import Endpoint, Flow, Observation, Outcome
from netproof.model.matrix import Matrix
from netproof.model.workload import Pod, Topology
from netproof.run.observer import PositiveControls

WEB, API = Endpoint.pod("shop/web"), Endpoint.pod("shop/api")
THERE, BACK = Flow(WEB, API, 80), Flow(API, WEB, 80)
OUT = Flow(WEB, Endpoint.outside("the web"), 443)
OPEN, SHUT = Observation(Outcome.CONNECTED), Observation(Outcome.DROPPED)


def _after(*seen: dict[Flow, Observation]) -> PositiveControls:
    controls = PositiveControls()
    for look in seen:
        controls.remember(Matrix(look, look))
    return controls


def test_only_what_was_open_is_a_control() -> None:
    """A flow that was dropped without policies proves nothing when it is dropped with them."""
    controls = _after({THERE: OPEN, BACK: SHUT})
    assert {THERE: OPEN} == controls.observations
    assert controls.cover([THERE])
    assert not controls.cover([THERE, BACK])


def test_nothing_is_not_covered() -> None:
    """A step without flows is looked at, so that it is told that there are none."""
    assert not _after({THERE: OPEN}).cover([])


def test_the_last_look_counts() -> None:
    """A flow that is open no more is a control no more."""
    assert {} == _after({THERE: OPEN}, {THERE: SHUT}).observations


def test_pods_that_are_gone_are_forgotten() -> None:
    """Another pod may come by the name; hosts stay who they are."""
    controls = _after({THERE: OPEN, BACK: OPEN, OUT: OPEN})
    controls.keep(Topology(pods=(Pod("shop", "web"),)))
    assert {OUT: OPEN} == controls.observations
    controls.keep(Topology(), Topology(pods=(Pod("shop", "api"),)))
    assert {} == controls.observations
