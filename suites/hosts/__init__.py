"""Nodes, and pods that live in a node's network: what the API leaves open is observed."""
