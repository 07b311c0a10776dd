"""The peers of a rule (NetworkPolicyPeer): pods by selectors, or a block of addresses.

Source: k8s.io/api/networking/v1/types.go, pkg/apis/networking/validation/validation.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from netproof.policy.document import NOWHERE, Origin
from netproof.policy.fields import Field
from netproof.policy.selectors import LabelSelector, read_selector

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_CIDR = re.compile(r"([0-9.]+|[0-9a-fA-F:.]+)/([0-9]+)", re.ASCII)
_ZEROS_V4 = re.compile(r"(^|[./])0+(?=[0-9])", re.ASCII)
_ZEROS_V6 = re.compile(r"(/)0+(?=[0-9])", re.ASCII)
_OCTAL = re.compile(r"(^|\.)0+([1-9][0-9]+|[89])(?=[./])", re.ASCII)
"""A part of an IPv4 address that is another number, or none, to those who read octal."""


@dataclass(frozen=True, slots=True)
class PodPeer:
    """Pods: of the policy's own namespace, or of the namespaces that a selector matches.

    None is a selector that is not written, which differs from an empty one: without
    `namespace_selector` only the own namespace counts, without `pod_selector` every pod there.
    """

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    origin: Origin = field(default=NOWHERE, compare=False)

    def words(self, namespace: str) -> str:
        """Return whom the peer of a policy in a namespace names."""
        everyone = self.pod_selector in (None, LabelSelector())
        who = "all pods" if everyone else f"pods with {self.pod_selector}"
        if self.namespace_selector is None:
            return f"{who} of namespace {namespace}"
        if self.namespace_selector == LabelSelector():
            return f"{who} of every namespace"
        return f"{who} of namespaces with {self.namespace_selector}"


@dataclass(frozen=True, slots=True)
class IpBlock:
    """The addresses of `cidr` without those of `excepts`.

    `doubt` says, as the end of a sentence, why CNIs may take other addresses for meant; `is_clean`
    that it is written by its first address.
    """

    cidr: Network
    excepts: tuple[Network, ...] = ()
    origin: Origin = field(default=NOWHERE, compare=False)
    doubt: str = field(default="", compare=False)
    is_clean: bool = field(default=True, compare=False)

    def words(self, _namespace: str) -> str:
        """Return whom the peer of a policy in a namespace names."""
        without = ", ".join(str(cut) for cut in self.excepts)
        return f"addresses of {self.cidr}" + (f" without {without}" if without else "")


Peer = PodPeer | IpBlock


def read_peer(at: Field) -> Peer | None:
    """Read one entry of `from` or `to` and note what the API server would refuse of it."""
    at.mapping(("podSelector", "namespaceSelector", "ipBlock"))
    pods, namespaces = at.child("podSelector"), at.child("namespaceSelector")
    block = at.child("ipBlock")
    peer = PodPeer(
        read_selector(pods) if pods.present else None,
        read_selector(namespaces) if namespaces.present else None,
        at.origin,
    )
    if block.present:
        if pods.present or namespaces.present:
            at.forbidden(
                "may not specify both ipBlock and another peer; make them two entries of the list"
            )
        return _block(block)
    if not pods.present and not namespaces.present:
        at.required("must specify a peer; leave the whole list out to allow everyone")
        return None
    return peer


def _block(at: Field) -> IpBlock | None:
    at.mapping(("cidr", "except"))
    text = at.child("cidr").text()
    if not text:
        at.child("cidr").required()
        return None
    cidr = _network(at.child("cidr"), text)
    excepts = []
    words = [text]
    for item in at.child("except").items():
        word = item.text() or ""  # null is the empty string to the API server
        words.append(word)
        cut = _network(item, word)
        if cut and cidr:
            if cut == cidr or not lies_in(cut, cidr):
                item.invalid(word, "must be a strict subset of `cidr`")
            excepts.append(cut)
    doubt = next(filter(None, map(_doubt, words)), "")
    if cidr is None:
        return None
    return IpBlock(cidr, tuple(excepts), at.origin, doubt, _is_clean(text))


def _is_clean(text: str) -> bool:
    """Tell whether a CIDR is written by the first of its addresses; one with zeros is not asked."""
    network = _parse(text)
    return network is None or network.network_address == ip_address(text.partition("/")[0])


def lies_in(inner: Network, outer: Network) -> bool:
    """Tell whether all addresses of a network are in another, which may be the same one."""
    return inner.prefixlen >= outer.prefixlen and inner.network_address in outer


def _network(at: Field, text: str) -> Network | None:
    """Parse a CIDR as the API server does by default: host bits and leading zeros are let pass.

    With its StrictIPCIDRValidation (KEP-4858) it would refuse them, and IPv4-mapped IPv6.
    """
    network = _parse((_ZEROS_V6 if ":" in text else _ZEROS_V4).sub(r"\1", text))
    if network is None:
        at.invalid(text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")
    return network


def _doubt(text: str) -> str:
    """Say what of a CIDR each dataplane decides for itself, "" where nothing is."""
    if _OCTAL.search(text):
        return f"in {text} a part with a leading 0 may be read as octal"
    if re.match(r"(::|0*:)[0:]*ffff:", text, re.IGNORECASE | re.ASCII):
        return f"{text} is IPv4-mapped, and which family that is each CNI decides for itself"
    if _parse(text) and not _is_clean(text):
        return (
            f"{text} is written by an address inside of {_parse(text)}, for which some CNIs take "
            "it, and others for none"
        )
    return ""


def _parse(text: str) -> Network | None:
    if not _CIDR.fullmatch(text):
        return None  # ip_network would take a bare address, a netmask or a zone
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
