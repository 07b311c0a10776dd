"""Prove, with real packets, that a cluster's CNI enforces its NetworkPolicies."""

__version__ = "0.1.0"
