"""Where a run takes place: getting a cluster, and everything that is asked of its API.

One Protocol (`backend`), and a way to get a cluster each: `lab`, `existing` and the room `kind`,
which reads the CNI's declaration in `profiles`. After that the code is the same for all of them:
the REST client in `api`, the pods in `fleet`, the ways into them in `streams`, who may do what in
`access`. The libraries' exceptions end here, as `ClusterError`. What a policy means or a probe saw
is none of this stage's business.

Beside the rooms: what our objects are called (`naming`), how probe pods fit into somebody's cluster
(`placement`), and what of the cluster is not ours but takes part (`inventory`).
"""
