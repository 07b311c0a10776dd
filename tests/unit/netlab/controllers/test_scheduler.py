"""Which node a pod goes to, and the reason when it is none."""

from typing import Any

import pytest

from netlab.controllers.bootstrap import node_object, outside_object
from netlab.controllers.pods import UnschedulableError, choose_node
from netlab.node.addressplan import node_addresses

NOW = "2026-01-01T00:00:00Z"
NODES = [node_object(node_addresses(0), NOW), node_object(node_addresses(1), NOW)]
ALL = [*NODES, outside_object(NOW)]


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": spec}


def test_the_node_with_the_fewest_pods_is_chosen() -> None:
    """Pods spread over the nodes."""
    assert choose_node(pod(), ALL, {"lab-node-0": 2, "lab-node-1": 1}) == "lab-node-1"


def test_a_node_name_is_honoured() -> None:
    """A nodeName in the spec goes past the scheduler, taints or not."""
    assert choose_node(pod(nodeName="outside"), ALL, {}) == "outside"


def test_a_node_selector_is_honoured() -> None:
    """Only nodes with the wanted labels are looked at."""
    selector = {"kubernetes.io/hostname": "lab-node-1"}
    assert choose_node(pod(nodeSelector=selector), ALL, {}) == "lab-node-1"


def _requires(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return pod(affinity={"nodeAffinity": required})


def test_a_required_node_is_honoured() -> None:
    """A node is required by its name, as a DaemonSet's pods do it, or by its labels."""
    name = {"key": "metadata.name", "operator": "In", "values": ["lab-node-1"]}
    label = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["lab-node-0"]}
    crowded = {"lab-node-1": 9}
    assert "lab-node-1" == choose_node(_requires({"matchFields": [name]}), ALL, crowded)
    assert "lab-node-1" == choose_node(_requires({"matchExpressions": [label]}), ALL, crowded)


def test_one_term_of_several_is_enough() -> None:
    """Terms are alternatives, what stands in one has to hold together, an empty one never does."""
    nowhere = {"key": "metadata.name", "operator": "In", "values": ["nowhere"]}
    more = {"key": "disks", "operator": "Gt", "values": ["1"]}
    here = {"key": "metadata.name", "operator": "In", "values": ["lab-node-0"]}
    either = _requires({}, {"matchFields": [nowhere]}, {"matchFields": [here]})
    assert "lab-node-0" == choose_node(either, ALL, {"lab-node-0": 9})
    for terms in ((), ({"matchFields": [here], "matchExpressions": [more]},)):
        with pytest.raises(UnschedulableError, match="match Pod's node affinity"):
            choose_node(_requires({}, *terms), ALL, {})


def test_a_toleration_opens_the_outside_host() -> None:
    """A pod that tolerates the taint and selects the host goes there."""
    tolerations = [{"key": "netproof.dev/outside", "operator": "Exists"}]
    selector = {"netproof.dev/outside": "true"}
    assert choose_node(pod(tolerations=tolerations, nodeSelector=selector), ALL, {}) == "outside"


def test_an_unknown_node_name_is_unschedulable() -> None:
    """The message repeats the name."""
    with pytest.raises(UnschedulableError, match='nodeName "nowhere"'):
        choose_node(pod(nodeName="nowhere"), ALL, {})


def test_the_reason_counts_nodes_as_the_scheduler_does() -> None:
    """Each obstacle is listed with the number of nodes it holds for."""
    expected = (
        "0/3 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, "
        "1 node(s) had untolerated taint {netproof.dev/outside: }."
    )
    with pytest.raises(UnschedulableError) as caught:
        choose_node(pod(nodeSelector={"disk": "ssd"}), ALL, {})
    assert str(caught.value) == expected
