"""The list of defects, and how a choice of them is sorted."""

from netlab.dataplane.planes import DEFECTS
from netlab.node.runtime import RUNTIMES, Forwarding
from netlab.process.settings import KUBELET_DEFECTS, choose_defects, list_defects


def test_all_defects_are_listed_with_their_kind() -> None:
    """Names are unique over both kinds."""
    found = {defect.name: defect.kind for defect in list_defects()}
    expected = dict.fromkeys(DEFECTS, "dataplane") | dict.fromkeys(KUBELET_DEFECTS, "kubelet")
    assert expected == found
    assert len(DEFECTS) + len(KUBELET_DEFECTS) == len(found)


def test_a_choice_is_sorted_by_kind() -> None:
    """The dataplane gets its own, in their order."""
    first, second = list(DEFECTS)[:2]
    chosen = choose_defects([second, "get-opens-port-forward", first, "port-forward-refused"])
    assert (second, first) == chosen.dataplane
    assert (Forwarding.REFUSED, True) == (chosen.forwarding, chosen.get_opens_streams)


def test_without_a_choice_all_is_sound() -> None:
    """Loopback is dialled and streams need create."""
    chosen = choose_defects([])
    assert ((), Forwarding.TO_LOOPBACK, False) == (
        chosen.dataplane,
        chosen.forwarding,
        chosen.get_opens_streams,
    )


def test_every_forwarding_has_a_runtime() -> None:
    """None of them is a name only."""
    assert set(Forwarding) == set(RUNTIMES)
