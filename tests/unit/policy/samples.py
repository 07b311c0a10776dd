"""Short ways to write the objects that these tests are about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netproof.errors import PolicyError
from netproof.policy import Bundle, NetworkPolicy, load_text

Raw = dict[str, Any]


def network_policy(spec: Any, **metadata: Any) -> Raw:
    """Return a NetworkPolicy shop/p with this spec."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "shop", **metadata},
        "spec": spec,
    }


def core(kind: str, name: str = "x", spec: Any = None, **metadata: Any) -> Raw:
    """Return an object of the core group."""
    raw = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}
    return raw if spec is None else {**raw, "spec": spec}


def load(*objects: Raw, default_namespace: str = "default") -> Bundle:
    """Read objects as a bundle of one file called `b.yaml`."""
    text = "\n---\n".join(json.dumps(raw) for raw in objects)
    return load_text(text, "b.yaml", default_namespace=default_namespace)


def policy(spec: Any) -> NetworkPolicy:
    """Read a NetworkPolicy with this spec."""
    return load(network_policy(spec)).policies[0]


def refusal(*objects: Raw) -> str:
    """Return the message with which a bundle of these objects is refused."""
    with pytest.raises(PolicyError) as caught:
        load(*objects)
    return str(caught.value)
