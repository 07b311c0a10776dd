"""The dataplane: NetworkPolicies and Services compiled to nftables text, one table each per node.

Everything but `nft` is pure: a `ClusterView` of the objects goes in, text comes out. How a policy
is read is a `Semantics`; `defects` are deliberate misreadings of it, each a small class of its own;
`planes` knows dataplanes and defects by name. What does not belong here: the store, HTTP, how pods
and nodes come to be.
"""
