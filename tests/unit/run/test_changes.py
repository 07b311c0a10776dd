"""What may happen to a cluster while policies are in force: from one state to the next."""

from __future__ import annotations

import pytest

from netproof.errors import UsageError
from netproof.model.workload import Namespace, Pod, Topology
from netproof.policy import Bundle, load_text
from netproof.run.changes import (
    MOST_GRACE_S,
    AddNamespace,
    AddPod,
    Complete,
    CreateNamespace,
    CreatePod,
    DeleteNamespace,
    DeletePod,
    DeletePolicies,
    LabelNamespace,
    LabelPod,
    ReplacePolicies,
    Restart,
    State,
    Terminate,
)

HOME = Topology(
    namespaces=(Namespace("shop", {"env": "a"}), Namespace("other")),
    pods=(
        Pod("shop", "web", {"app": "web"}, node="n1", ips=("10.0.0.1",)),
        Pod("shop", "api", {"app": "api"}, node="n1", ips=("10.0.0.2",)),
        Pod("other", "web", {"app": "web"}, node="n2", ips=("10.0.1.1",)),
    ),
)
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: SPACE, name: deny}
spec: {podSelector: {}}
"""
POLICIES = load_text("---".join(POLICY.replace("SPACE", s) for s in ("shop", "other")), "test")


def _state() -> State:
    return State.at_home(HOME, POLICIES)


def _keys(state: State) -> list[str]:
    return [pod.key for pod in state.pods]


def _pod(state: State, key: str) -> Pod:
    return next(pod for pod in state.pods if pod.key == key)


def test_a_restarted_pod_is_to_be_made_anew() -> None:
    """It has no address and no node, the others keep theirs."""
    after = Restart("shop/web")(_state())
    assert [(), ("10.0.0.2",), ("10.0.1.1",)] == [pod.ips for pod in after.pods]
    assert _pod(after, "shop/web").node == ""


def test_a_terminating_pod_stays_where_it_is() -> None:
    """It has its grace and its address; one that is made anew then has neither."""
    after = Terminate("shop/web", 60)(_state())
    assert (60, ("10.0.0.1",)) == (_pod(after, "shop/web").grace_s, _pod(after, "shop/web").ips)
    anew = _pod(Restart("shop/web")(after), "shop/web")
    assert (0, ()) == (anew.grace_s, anew.ips)


def test_a_completed_pod_stays_as_an_object() -> None:
    """It is none of the pods, remembers its address, and goes when it is deleted."""
    after = Complete("shop/web")(_state())
    assert ["shop/api", "other/web"] == _keys(after)
    assert [("shop/web", ("10.0.0.1",))] == [(pod.key, pod.ips) for pod in after.completed]
    assert ((), ()) == tuple(
        change(after).completed for change in (DeletePod("shop/web"), DeleteNamespace("shop"))
    )


def test_a_pod_is_restarted_at_the_address_of_a_completed_one() -> None:
    """Which cannot be known before; who is to have it is."""
    after = Restart("shop/api", address_of="shop/web")(Complete("shop/web")(_state()))
    assert ({"shop/api": "shop/web"}, ()) == (after.heirs, _pod(after, "shop/api").ips)


@pytest.mark.parametrize("change", [Terminate("shop/new"), Complete("shop/new")])
def test_only_a_pod_that_runs_can_end(change: Terminate | Complete) -> None:
    """One that is not made yet, and one that terminates already, cannot."""
    with pytest.raises(UsageError, match="shop/new does not run before this change"):
        change(AddPod(Pod("shop", "new"))(_state()))
    ending = AddPod(Pod("shop", "new", ips=("10.0.0.9",), grace_s=5))(_state())
    with pytest.raises(UsageError, match="shop/new does not run before this change"):
        change(ending)


@pytest.mark.parametrize("grace_s", [0, -1, MOST_GRACE_S + 1])
def test_a_grace_is_within_what_is_waited_for(grace_s: int) -> None:
    """Without one there is nothing to see; a longer one would keep the namespace."""
    with pytest.raises(UsageError, match="write 1 to 90"):
        Terminate("shop/web", grace_s)(_state())


def test_a_deleted_pod_is_not_there() -> None:
    """The others are."""
    assert ["shop/api", "other/web"] == _keys(DeletePod("shop/web")(_state()))


def test_a_created_pod_is_the_one_of_the_fleet() -> None:
    """It has the labels it had, and no address yet."""
    after = CreatePod("shop/web")(DeletePod("shop/web")(_state()))
    assert (({"app": "web"}), ()) == (_pod(after, "shop/web").labels, _pod(after, "shop/web").ips)


def test_a_pod_can_come_back_with_other_labels() -> None:
    """The labels given are all that it has."""
    gone = DeletePod("shop/web")(_state())
    after = CreatePod("shop/web", labels={"app": "new"})(gone)
    assert {"app": "new"} == _pod(after, "shop/web").labels


def test_an_added_pod_is_there() -> None:
    """It stands beside those of the fleet."""
    assert "shop/new" in _keys(AddPod(Pod("shop", "new"))(_state()))


def test_labels_are_merged_and_none_takes_one_away() -> None:
    """Labels of a pod change as by a merge patch, and its address stays."""
    after = LabelPod("shop/web", {"app": None, "guest": "yes"})(_state())
    pod = _pod(after, "shop/web")
    assert ({"guest": "yes"}, ("10.0.0.1",)) == (pod.labels, pod.ips)


def test_a_namespace_is_relabelled() -> None:
    """Its labels change, those of others do not."""
    after = LabelNamespace("shop", {"env": "b"})(_state())
    assert [{"env": "b"}, {}] == [space.labels for space in after.namespaces]


def test_a_namespace_takes_its_pods_and_policies_with_it() -> None:
    """What is left is what other namespaces hold."""
    after = DeleteNamespace("shop")(_state())
    assert ["other/web"] == _keys(after)
    assert ["other/deny"] == [policy.key for policy in after.bundle.policies]
    assert ["other"] == [manifest.namespace for manifest in after.bundle.manifests]


def test_a_namespace_comes_back_without_policies() -> None:
    """Its pods are to be made anew, with it."""
    after = CreateNamespace("shop")(DeleteNamespace("shop")(_state()))
    assert {"shop/web", "shop/api", "other/web"} == set(_keys(after))
    assert ["other/deny"] == [policy.key for policy in after.bundle.policies]


def test_an_added_namespace_is_there_with_its_pods() -> None:
    """It stands beside those of the fleet, and is not theirs to come back to."""
    after = AddNamespace(Namespace("new"), (Pod("new", "web"),))(_state())
    assert ["shop", "other", "new"] == [space.name for space in after.namespaces]
    assert ("new/web" in _keys(after), HOME) == (True, after.home)


def test_policies_are_replaced() -> None:
    """The new bundle is the one in force."""
    assert Bundle() == ReplacePolicies(Bundle())(_state()).bundle


def test_one_policy_is_deleted() -> None:
    """The other one stays, as a value and as a manifest."""
    after = DeletePolicies(("shop/deny",))(_state()).bundle
    assert ["other/deny"] == [policy.key for policy in after.policies]
    assert ["other"] == [manifest.namespace for manifest in after.manifests]


@pytest.mark.parametrize(
    "change",
    [
        Restart("shop/no"),
        Restart("shop/web", address_of="shop/api"),
        Terminate("shop/no"),
        Complete("shop/no"),
        DeletePod("shop/no"),
        CreatePod("shop/no"),
        LabelPod("shop/no", {}),
        LabelNamespace("no", {}),
        DeleteNamespace("no"),
        CreateNamespace("no"),
        DeletePolicies(("shop/no",)),
    ],
    ids=lambda change: type(change).__name__,
)
def test_what_is_not_there_cannot_change(change: Restart) -> None:
    """A change of something unknown says what there is."""
    with pytest.raises(UsageError, match="there is no"):
        change(_state())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Restart("shop/web"), "shop/web restarted"),
        (
            Restart("shop/web", address_of="shop/api"),
            "shop/web restarted at the address of shop/api",
        ),
        (Terminate("shop/web"), "shop/web terminating"),
        (Complete("shop/web"), "shop/web completed"),
        (LabelPod("shop/web", {"a": "b", "c": None}), "shop/web labelled a=b,c-"),
        (DeletePolicies(("shop/deny",)), "shop/deny deleted"),
        (CreateNamespace("shop"), "namespace shop created anew"),
    ],
)
def test_a_change_names_the_step(change: Restart, words: str) -> None:
    """The name of the step that looks at it says what happened."""
    assert words == str(change)
