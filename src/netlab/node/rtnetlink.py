"""A small rtnetlink: links, addresses, routes and neighbours, many messages per system call.

Messages are made by pure functions; `RtNetlink.send` numbers a batch of them, sends it at once
and reads the acknowledgements. Must not know: which addresses the cluster uses.
"""

import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Self

# include/uapi/linux/rtnetlink.h
_RTM_NEWLINK, _RTM_NEWADDR, _RTM_NEWROUTE, _RTM_NEWNEIGH = 16, 20, 24, 28
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_EXCL, _NLM_F_CREATE, _NLM_F_REPLACE = 1, 4, 0x200, 0x400, 0x100
_NLMSG_ERROR = 2
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_NET_NS_FD = 1, 3, 18, 26, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_INET6_ADDR_GEN_MODE, _ADDR_GEN_MODE_NONE = 8, 1
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFA_F_NODAD, _IFA_F_PERMANENT = 0x02, 0x80
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_RT_TABLE_MAIN, _RTPROT_STATIC, _RTNH_F_ONLINK = 254, 4, 4
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK = 0, 253
_RTN_UNICAST, _RTN_UNREACHABLE = 1, 7
_NDA_DST, _NDA_LLADDR, _NUD_PERMANENT = 1, 2, 0x80


@dataclass(frozen=True, slots=True)
class NetlinkRequest:
    """One request without its header: kind, flags, body and what to call it in an error."""

    kind: int
    flags: int
    body: bytes
    label: str


def veth(name: str, index: int, mac: bytes, *, peer: "VethPeer") -> NetlinkRequest:
    """Make a veth pair; both interface indexes and MACs are chosen by the caller."""
    far = _ifinfo(peer.index) + attribute(_IFLA_IFNAME, peer.name.encode() + b"\0")
    far += attribute(_IFLA_ADDRESS, peer.mac) + attribute(_IFLA_NET_NS_FD, _u32(peer.netns_fd))
    info = attribute(_IFLA_INFO_KIND, b"veth")
    info += attribute(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, far))
    body = _ifinfo(index) + attribute(_IFLA_IFNAME, name.encode() + b"\0")
    body += attribute(_IFLA_ADDRESS, mac) + attribute(_IFLA_LINKINFO, info)
    return NetlinkRequest(_RTM_NEWLINK, _NLM_F_CREATE | _NLM_F_EXCL, body, f"add veth {name}")


@dataclass(frozen=True, slots=True)
class VethPeer:
    """The far end of a veth pair, in the namespace behind `netns_fd`."""

    name: str
    index: int
    mac: bytes
    netns_fd: int


def link_up(index: int) -> NetlinkRequest:
    """Set an interface up."""
    return NetlinkRequest(_RTM_NEWLINK, 0, _ifinfo(index, up=True), f"set link {index} up")


def no_link_local(index: int) -> NetlinkRequest:
    """Give an interface no fe80:: address; before it goes up: saves an address detection."""
    mode = attribute(_IFLA_INET6_ADDR_GEN_MODE, struct.pack("=B", _ADDR_GEN_MODE_NONE))
    body = _ifinfo(index) + attribute(_IFLA_AF_SPEC, attribute(socket.AF_INET6, mode))
    return NetlinkRequest(_RTM_NEWLINK, 0, body, f"set link {index} addrgenmode none")


def address(ip: str, index: int) -> NetlinkRequest:
    """Add a host address (/32 or /128), usable at once: no duplicate address detection."""
    packed = ip_address(ip).packed
    flags = _IFA_F_NODAD | _IFA_F_PERMANENT
    body = struct.pack("=BBBBi", _family(packed), len(packed) * 8, flags, 0, index)
    body += attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)
    body += attribute(_IFA_FLAGS, _u32(flags))
    return NetlinkRequest(_RTM_NEWADDR, _NLM_F_CREATE | _NLM_F_REPLACE, body, f"add address {ip}")


def route(
    destination: str, index: int, *, via: str | None = None, source: str | None = None
) -> NetlinkRequest:
    """Add a route to a network, directly or by a gateway that is on the link."""
    network = ip_network(destination)
    packed = network.network_address.packed
    scope = _RT_SCOPE_UNIVERSE if via or network.version == 6 else _RT_SCOPE_LINK
    flags = _RTNH_F_ONLINK if via else 0
    body = _rtmsg(packed, network.prefixlen, scope=scope, kind=_RTN_UNICAST, flags=flags)
    body += attribute(_RTA_DST, packed) if network.prefixlen else b""
    body += attribute(_RTA_GATEWAY, ip_address(via).packed) if via else b""
    body += attribute(_RTA_PREFSRC, ip_address(source).packed) if source else b""
    body += attribute(_RTA_OIF, _u32(index))
    return NetlinkRequest(
        _RTM_NEWROUTE, _NLM_F_CREATE | _NLM_F_REPLACE, body, f"add route {destination}"
    )


def unreachable(destination: str) -> NetlinkRequest:
    """Add a route that answers "host unreachable" for what has no better route."""
    network = ip_network(destination)
    packed = network.network_address.packed
    scope = _RT_SCOPE_UNIVERSE
    body = _rtmsg(packed, network.prefixlen, scope=scope, kind=_RTN_UNREACHABLE, flags=0)
    body += attribute(_RTA_DST, packed)
    return NetlinkRequest(
        _RTM_NEWROUTE, _NLM_F_CREATE | _NLM_F_REPLACE, body, f"add unreachable {destination}"
    )


def neighbour(ip: str, mac: bytes, index: int) -> NetlinkRequest:
    """Add a permanent neighbour; permanent ones do not count against gc_thresh3."""
    packed = ip_address(ip).packed
    body = struct.pack("=BxxxiHBB", _family(packed), index, _NUD_PERMANENT, 0, 0)
    body += attribute(_NDA_DST, packed) + attribute(_NDA_LLADDR, mac)
    return NetlinkRequest(
        _RTM_NEWNEIGH, _NLM_F_CREATE | _NLM_F_REPLACE, body, f"add neighbour {ip}"
    )


class RtNetlink:
    """An rtnetlink socket; it stays in the network namespace it was opened in."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._sequence = 0

    def send(self, messages: Sequence[NetlinkRequest]) -> None:
        """Send a batch in one system call; raise OSError for the first message refused."""
        first = self._sequence + 1
        self._sequence += len(messages)
        batch = b"".join(encode(message, first + i) for i, message in enumerate(messages))
        self._socket.send(batch)
        labels = {first + i: message.label for i, message in enumerate(messages)}
        refused: OSError | None = None
        while labels:
            for sequence, code in acknowledgements(self._socket.recv(65536)):
                label = labels.pop(sequence, "")
                if code and refused is None:
                    refused = OSError(code, f"rtnetlink: {label}: {os.strerror(code)}")
        if refused is not None:
            raise refused

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def encode(message: NetlinkRequest, sequence: int) -> bytes:
    """Put the netlink header in front of a message and ask for an acknowledgement."""
    flags = _NLM_F_REQUEST | _NLM_F_ACK | message.flags
    length = 16 + len(message.body)
    return struct.pack("=IHHII", length, message.kind, flags, sequence, 0) + message.body


def acknowledgements(data: bytes) -> list[tuple[int, int]]:
    """Read (sequence, errno) pairs from what the kernel answered; errno 0 means done."""
    pairs = []
    offset = 0
    while offset + 16 <= len(data):
        length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data, offset)
        if kind == _NLMSG_ERROR:
            (code,) = struct.unpack_from("=i", data, offset + 16)
            pairs.append((sequence, -code))
        offset += (length + 3) & ~3
    return pairs


def _ifinfo(index: int, *, up: bool = False) -> bytes:
    flag = _IFF_UP if up else 0
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flag, flag)


def _rtmsg(packed: bytes, length: int, *, scope: int, kind: int, flags: int) -> bytes:
    table, protocol = _RT_TABLE_MAIN, _RTPROT_STATIC
    family = _family(packed)
    return struct.pack("=BBBBBBBBI", family, length, 0, 0, table, protocol, scope, kind, flags)


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute of a netlink message, padded (struct nlattr)."""
    padding = b"\0" * (-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def _family(packed: bytes) -> int:
    return socket.AF_INET if len(packed) == 4 else socket.AF_INET6


def _u32(value: int) -> bytes:
    return struct.pack("=I", value)
