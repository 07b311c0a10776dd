"""The network that Kubernetes promises: without policies everything talks to everything."""
