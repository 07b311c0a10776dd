"""Capabilities gate cases: what a CNI is declared not to do is skipped, and the reason said."""

from __future__ import annotations

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.existing import ExistingCluster
from netproof.cluster.profiles import reading
from netproof.cluster.profiles.declaration import Capabilities, Support
from netproof.model import codec

CONFIGS = reading.folder()


@pytest.mark.parametrize("support", Support)
def test_sctp_is_tried_unless_it_is_declared_away(support: Support) -> None:
    """Unknown is tried: packets tell."""
    ref = ClusterRef("kind", "c", "", dataplane="X 1.0", capabilities=Capabilities(sctp=support))
    gated = support in (Support.OPT_IN, Support.UNSUPPORTED)
    declared = f"capabilities.sctp is {support} in its profile"
    why = f"X 1.0 does not filter SCTP as it is installed: {declared}"
    assert (why if gated else "") == ref.why_no_sctp()


@pytest.mark.parametrize("cni", reading.names(CONFIGS))
def test_a_profiles_capabilities_reach_the_test_workers(cni: str) -> None:
    """They travel with the cluster, of which the profile was named."""
    profile = reading.load(cni, CONFIGS)
    ref = ExistingCluster("/nowhere", "c", profile=profile)._ref()
    sent = codec.unpack(ClusterRef, codec.pack(ref))
    assert profile.capabilities == sent.capabilities
    assert (cni in ("cilium", "flannel")) == bool(sent.why_no_sctp())


def test_a_cluster_without_a_profile_is_tried() -> None:
    """As the lab is."""
    assert "" == ClusterRef("lab", "lab", "").why_no_sctp()
