"""A bundle of Kubernetes YAML, read into values that know the file and line they came from.

What belongs here: reading manifests, refusing what the API server would refuse, and the values
of a NetworkPolicy with its selectors. What a selector, peer or port matches is read in `matching`
and nowhere else. What the policies mean for a flow belongs to `expected`, and sending manifests
anywhere to `cluster`. Files are opened in `sources`, nowhere else.
"""

from netproof.policy.bundle import Bundle, check_namespaces, load_bundle, load_text
from netproof.policy.document import Origin
from netproof.policy.manifest import Manifest
from netproof.policy.networkpolicy import NetworkPolicy, Rule
from netproof.policy.peers import Address, IpBlock, Network, Peer, PodPeer, lies_in
from netproof.policy.ports import PortMatch
from netproof.policy.rewriting import rename_namespaces
from netproof.policy.selectors import LabelSelector, MatchExpression, Operator

__all__ = [
    "Address",
    "Bundle",
    "IpBlock",
    "LabelSelector",
    "Manifest",
    "MatchExpression",
    "Network",
    "NetworkPolicy",
    "Operator",
    "Origin",
    "Peer",
    "PodPeer",
    "PortMatch",
    "Rule",
    "check_namespaces",
    "lies_in",
    "load_bundle",
    "load_text",
    "rename_namespaces",
]
