"""The dataplane: NetworkPolicies and Services compiled to nftables text, one table each per node.

Everything but `nft` is pure: a `View` of the cluster's objects goes in, text comes out. How a
policy is read is a `Semantics`; `defects` are deliberate misreadings of it, each a small class of
its own. Must not know: the store, HTTP, or how pods and nodes come to be.
"""

from netlab.dataplane.planes import Dataplane
from netlab.dataplane.registry import DEFECTS, PLANES, UnknownNameError, dataplane

__all__ = ["DEFECTS", "PLANES", "Dataplane", "UnknownNameError", "dataplane"]
