"""The machine side of the lab: namespaces, links, mounts, processes and their output.

What belongs here acts on the kernel and knows addresses, but no Kubernetes controller and no
policy. Objects are read only where they say how a process is to be run.
"""
