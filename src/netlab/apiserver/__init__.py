"""The lab's Kubernetes API: objects in a store, HTTP in front of it.

`store` holds the objects, `registry` is what a write goes through (defaults, validation,
admission), `handlers` and `watch` speak HTTP, `streams` the long-lived connections (exec,
port-forward). What a pod really is lies behind the `Runtime` protocol.
"""
