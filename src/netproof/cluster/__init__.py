"""Where a run takes place: getting a cluster, and everything that is asked of its API.

One Protocol (`backend`), and a way to get a cluster each: `lab`, `existing` and the room `kind`,
which reads the CNI's declaration in `profiles`. After that the code is the same for all of them:
`client` (the only module that holds the Kubernetes client), the pods in `fleet`, the ways into them
in `streams` and `forward`. The client's exceptions end here, as `ClusterError`. What a policy means
or a probe saw is none of this stage's business.

A module that no room claims stays at this level: names, waits, policies, rights, what a run left.
It may read `profiles`, and imports no other room.
"""
