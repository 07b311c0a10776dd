"""The lab: an embedded Kubernetes cluster in namespaces of this machine, a program of its own.

It is the system under test: nothing here knows the harness, and nothing of the harness but
`netproof.cluster.lab` and the command line knows of this; they start it as a process
(`python -m netlab`). Its rooms, each knowing only those after it:

- `process`: the two processes of a lab, its start, its end, and what it claims of the machine;
- `http`: the API over HTTP, streams included;
- `controllers`: what acts on objects (and pods: the kubelets);
- `access`: who may do what;
- `objects`: what objects are, and the store that holds them.

`node` (namespaces, links, processes) and `dataplane` (policies and Services as nftables rules) know
none of these, nor each other: controllers and the process put them to use. `problems` and `tasks`
are for all.
"""
