"""Names come from the run's and the worker's id alone."""

from netproof.cluster.naming import Naming


def test_a_namespace_carries_run_and_worker() -> None:
    """Two workers of one run never share a namespace."""
    assert Naming("r1", "gw0").namespace("production") == "np-r1-gw0-production"
    assert Naming("r1", "gw1").namespace("production") == "np-r1-gw1-production"


def test_a_long_name_is_cut_to_what_a_namespace_may_have() -> None:
    """A name of 63 characters still fits, and differs from one with the same beginning."""
    long, other = "a" * 62 + "x", "a" * 62 + "y"
    names = {Naming("r1", "gw0").namespace(name) for name in (long, other)}
    assert {63} == {len(name) for name in names}
    assert len(names) == 2


def test_the_selector_finds_what_the_labels_mark() -> None:
    """The labels of a worker's objects match the worker's selector."""
    naming = Naming("r1", "gw0")
    wanted = dict(pair.split("=") for pair in naming.selector.split(","))
    assert wanted.items() <= naming.labels.items()
