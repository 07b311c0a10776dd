"""The machine side of the lab: namespaces, links, mounts, processes and their output.

What belongs here acts on the kernel and knows addresses. Objects are read only where they say whose
container is meant. What does not belong here: controllers, policies, HTTP, the store.
"""
