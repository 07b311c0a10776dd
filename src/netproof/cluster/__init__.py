"""Where a run takes place: getting a cluster, and everything that is asked of its API.

One Protocol (`backend`), a module for each way to get a cluster, and the same code for all of them
after that: `client` (the only module that holds the Kubernetes client), `apply`, `fleet`,
`streams`. The client's exceptions end here, as `ClusterError`. What a policy means or a probe saw
is none of this stage's business.
"""
