"""Renaming namespaces changes names, and nothing a policy means."""

from __future__ import annotations

import copy

from netproof.policy import rename_namespaces
from tests.unit.policy.samples import core, load, network_policy

NAME = "kubernetes.io/metadata.name"
TO = {"shop": "np-1-shop", "bank": "np-1-bank"}


def test_namespace_gets_its_new_name() -> None:
    """A Namespace is renamed, its name label with it; other labels stay."""
    manifests = load(core("Namespace", "shop", labels={NAME: "shop", "team": "shop"})).manifests
    (renamed,) = rename_namespaces(manifests, TO)
    expected = {"name": "np-1-shop", "labels": {NAME: "np-1-shop", "team": "shop"}}
    assert ("np-1-shop", expected) == (renamed.name, renamed.raw["metadata"])


def test_objects_move() -> None:
    """An object in a namespace follows it, and keeps its own name."""
    pod = core("Pod", "shop", {"containers": [{"name": "c"}]}, namespace="shop")
    (renamed,) = rename_namespaces(load(pod).manifests, TO)
    assert ("np-1-shop", "shop") == (renamed.namespace, renamed.name)
    assert {"name": "shop", "namespace": "np-1-shop"} == renamed.raw["metadata"]


def test_namespace_selectors_follow() -> None:
    """A namespaceSelector that names a namespace names the new one, by label and expression."""
    selector = {
        "matchLabels": {NAME: "bank", "team": "bank"},
        "matchExpressions": [
            {"key": NAME, "operator": "NotIn", "values": ["shop", "kube-system"]},
            {"key": "team", "operator": "In", "values": ["shop"]},
            {"key": NAME, "operator": "Exists"},
        ],
    }
    rule = {"from": [{"namespaceSelector": selector, "podSelector": {"matchLabels": {NAME: "x"}}}]}
    spec = {"ingress": [rule], "egress": [{"to": [{"namespaceSelector": selector}]}]}
    (renamed,) = rename_namespaces(load(network_policy(spec)).manifests, TO)
    expected = {
        "matchLabels": {NAME: "np-1-bank", "team": "bank"},
        "matchExpressions": [
            {"key": NAME, "operator": "NotIn", "values": ["np-1-shop", "kube-system"]},
            {"key": "team", "operator": "In", "values": ["shop"]},
            {"key": NAME, "operator": "Exists"},
        ],
    }
    assert expected == renamed.raw["spec"]["ingress"][0]["from"][0]["namespaceSelector"]
    assert expected == renamed.raw["spec"]["egress"][0]["to"][0]["namespaceSelector"]


def test_pod_selectors_stay() -> None:
    """The label on a pod is the pod's own affair."""
    spec = {"podSelector": {"matchLabels": {NAME: "shop"}}}
    (renamed,) = rename_namespaces(load(network_policy(spec)).manifests, TO)
    assert spec == renamed.raw["spec"]


def test_namespaces_that_are_not_mapped_stay() -> None:
    """What the mapping lacks keeps its name."""
    (renamed,) = rename_namespaces(load(network_policy({}, namespace="other")).manifests, TO)
    assert "other" == renamed.namespace


def test_originals_are_untouched() -> None:
    """Renaming returns new manifests; the bundle's own stay as they were read."""
    spec = {"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {NAME: "bank"}}}]}]}
    manifests = load(core("Namespace", "shop"), network_policy(spec)).manifests
    before = copy.deepcopy(manifests)
    rename_namespaces(manifests, TO)
    assert before == manifests
