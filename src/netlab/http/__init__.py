"""The lab's Kubernetes API over HTTP: from a connection to an answer.

`server` says for each request who, what and which handler; `routes` reads paths and knows what is
offered where, `calls`, `bodies` and `responses` what comes and goes over the wire; `reads`,
`watch` and `writes` are the verbs, `proxy` and `streams` the ways into pods. What a pod really is
lies behind the `PodRuntime` protocol. What does not belong here: what a write means
(`objects.registry`) and who may do it (`access`).
"""
