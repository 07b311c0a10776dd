"""The store: versions, conflicts, events and who hears of them."""

import json
from typing import Any

import pytest

from netlab.objects.apierrors import ApiError
from netlab.objects.store import Store, StoreEvent


def pod(name: str, **meta: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "shop", **meta}}


def test_creation_gives_identity_time_and_version() -> None:
    """A new object has a uid, a creation time and the first resourceVersion."""
    made = Store(clock=lambda: "2026-01-01T00:00:00Z").create("pods", pod("a"))
    meta = made["metadata"]
    assert meta["uid"]
    assert meta["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert meta["resourceVersion"] == "1"


def test_an_object_is_created_once() -> None:
    """A second object of the name is refused as AlreadyExists."""
    store = Store()
    store.create("pods", pod("a"))
    with pytest.raises(ApiError, match='pods "a" already exists') as caught:
        store.create("pods", pod("a"))
    assert caught.value.reason == "AlreadyExists"


def test_a_missing_object_is_not_found() -> None:
    """Reading what is not there is NotFound, with group, kind and name."""
    with pytest.raises(ApiError) as caught:
        Store().get("networkpolicies", "shop", "p")
    assert caught.value.message == 'networkpolicies.networking.k8s.io "p" not found'
    assert caught.value.details["kind"] == "networkpolicies"


def test_an_update_of_an_old_version_conflicts() -> None:
    """A write against a version that is no longer stored is a Conflict."""
    store = Store()
    first = store.create("pods", pod("a"))
    store.update("pods", {**first, "spec": {"nodeName": "n"}})
    with pytest.raises(ApiError, match="the object has been modified") as caught:
        store.update("pods", {**first, "spec": {}})
    assert caught.value.reason == "Conflict"


def test_an_update_without_a_version_wins() -> None:
    """Without resourceVersion the write replaces whatever is stored."""
    store = Store()
    store.create("pods", pod("a"))
    assert store.update("pods", {**pod("a"), "spec": {"x": 1}})["spec"] == {"x": 1}


def test_an_update_that_changes_nothing_is_no_event() -> None:
    """Writing what is stored neither counts up the version nor tells anybody."""
    store, heard = Store(), list[StoreEvent]()
    made = store.create("pods", pod("a"))
    store.subscribe("pods", heard.append)
    assert store.update("pods", made) is made
    assert heard == []


def test_a_status_update_leaves_the_rest_alone() -> None:
    """With subresource status only the status is taken."""
    store = Store()
    store.create("pods", {**pod("a"), "spec": {"nodeName": "n"}})
    wish = {**pod("a"), "spec": {}, "status": {"phase": "Running"}}
    stored = store.update("pods", wish, subresource="status")
    assert (stored["spec"], stored["status"]) == ({"nodeName": "n"}, {"phase": "Running"})


def test_an_update_keeps_identity_and_deletion_mark() -> None:
    """uid, creation time and deletion mark survive an update that leaves them out."""
    store = Store()
    made = store.create("pods", pod("a"))
    store.mark_deleted("pods", "shop", "a", grace_s=30)
    stored = store.update("pods", {**pod("a"), "spec": {"x": 1}})
    assert stored["metadata"]["uid"] == made["metadata"]["uid"]
    assert stored["metadata"]["deletionTimestamp"]


def test_a_subscriber_hears_every_commit_before_it_returns() -> None:
    """Callbacks run inside the commit, with the object before and after."""
    store, heard = Store(), list[StoreEvent]()
    store.subscribe("pods", heard.append)
    made = store.create("pods", pod("a"))
    changed = store.update("pods", {**pod("a"), "spec": {"x": 1}})
    store.delete("pods", "shop", "a")
    assert [event.type for event in heard] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event.old for event in heard] == [None, made, changed]


def test_nested_commits_are_told_in_order() -> None:
    """What a subscriber commits is told to everybody after what caused it."""
    store, heard = Store(), list[int]()

    def reacts(event: StoreEvent) -> None:
        if event.object["metadata"]["name"] == "a":
            store.create("pods", pod("b"))

    store.subscribe("pods", reacts)
    store.subscribe("pods", lambda event: heard.append(event.version))
    store.create("pods", pod("a"))
    assert heard == [1, 2]


def test_a_broken_subscriber_does_not_hide_the_event(caplog: pytest.LogCaptureFixture) -> None:
    """The others hear of the commit, and the fault is in the log."""
    store, heard = Store(), list[StoreEvent]()

    def breaks(_: StoreEvent) -> None:
        raise KeyError("gone")

    store.subscribe("pods", breaks)
    store.subscribe("pods", heard.append)
    store.create("pods", pod("a"))
    assert len(heard) == 1
    assert "a subscriber to pods failed" in caplog.text


def test_an_unsubscribed_callback_hears_nothing() -> None:
    """Undoing a subscription ends it, twice is as good as once."""
    store, heard = Store(), list[StoreEvent]()
    undo = store.subscribe("pods", heard.append)
    undo()
    undo()
    store.create("pods", pod("a"))
    assert heard == []


def test_the_history_tells_what_came_after_a_version() -> None:
    """A late watcher gets the events of its kind after its version."""
    store = Store()
    store.create("pods", pod("a"))
    store.create("configmaps", pod("c"))
    store.create("pods", pod("b"))
    names = [event.object["metadata"]["name"] for event in store.since("pods", 1)]
    assert names == ["b"]


def test_a_forgotten_version_is_expired() -> None:
    """Events that fell out of the history cannot be asked for."""
    store = Store(history=2)
    for name in "abc":
        store.create("pods", pod(name))
    with pytest.raises(ApiError, match="too old resource version: 0") as caught:
        store.since("pods", 0)
    assert caught.value.code == 410
    assert len(store.since("pods", 1)) == 2


def test_lists_are_sorted_and_scoped() -> None:
    """A list is in the order of namespace and name, and of one namespace if asked."""
    store = Store()
    for name in "cab":
        store.create("pods", pod(name))
    store.create("pods", {"metadata": {"name": "z", "namespace": "other"}})
    found = [obj["metadata"]["name"] for obj in store.list("pods", "shop")]
    assert found == ["a", "b", "c"]
    assert len(store.list("pods")) == 4


def test_a_deletion_with_another_uid_conflicts() -> None:
    """A deletion meant for an earlier object of the name is refused."""
    store = Store()
    store.create("pods", pod("a"))
    with pytest.raises(ApiError, match="Precondition failed: UID"):
        store.delete("pods", "shop", "a", uid="another")


@pytest.mark.parametrize(("second", "left"), [(10, 10), (60, 30)], ids=["shorter", "longer"])
def test_a_second_mark_only_shortens_the_grace(second: int, left: int) -> None:
    """Deleting again with less grace counts, with more it does not."""
    store = Store()
    store.create("pods", pod("a"))
    store.mark_deleted("pods", "shop", "a", grace_s=30)
    marked = store.mark_deleted("pods", "shop", "a", grace_s=second)
    assert marked["metadata"]["deletionGracePeriodSeconds"] == left


@pytest.mark.parametrize(("graces", "at"), [((30,), "30"), ((30, 10), "10"), ((10, 30), "10")])
def test_the_mark_says_when_the_object_has_to_be_gone(graces: tuple[int, ...], at: str) -> None:
    """The grace counts from the first deletion, also where it was shortened later."""
    store = Store(clock=lambda: "2026-01-01T00:00:00Z")
    store.create("pods", pod("a"))
    for grace_s in graces:
        marked = store.mark_deleted("pods", "shop", "a", grace_s=grace_s)
    assert marked["metadata"]["deletionTimestamp"] == f"2026-01-01T00:00:{at}Z"


def test_a_grace_longer_than_any_calendar_is_kept() -> None:
    """The API takes any number of 64 bits."""
    store = Store()
    store.create("pods", pod("a"))
    marked = store.mark_deleted("pods", "shop", "a", grace_s=2**63 - 1)
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 2**63 - 1


def test_the_size_is_that_of_all_that_is_stored() -> None:
    """Whatever of an object changed, came or went; the part that stays is not written again."""
    store = Store()
    one = store.create("pods", {**pod("a"), "spec": {"command": ["x" * 100]}})
    store.create("pods", pod("b"))
    assert _written(store) == store.size
    store.update("pods", {**one, "status": {"phase": "Running"}}, subresource="status")
    assert _written(store) == store.size
    now = store.get("pods", "shop", "a")
    store.update("pods", {**now, "spec": {"command": ["é"]}})
    assert _written(store) == store.size
    store.delete("pods", "shop", "a")
    assert _written(store) == store.size


def _written(store: Store) -> int:
    return sum(len(json.dumps(one, separators=(",", ":"))) for one in store.list("pods"))
