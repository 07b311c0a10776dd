"""The lab: an embedded Kubernetes cluster in namespaces of this machine, a program of its own.

It is the system under test: nothing here knows the harness, and nothing of the harness but
`netproof.cluster.lab` knows of this, which starts it as a process (`python -m netlab`).
`supervisor` and `firstprocess` are its life and death, `lab` wires the rest together:
`apiserver` (objects over HTTP), `node` (namespaces, links, processes), `controllers` (what acts
on objects) and `dataplane` (policies and services as nftables rules).
"""
