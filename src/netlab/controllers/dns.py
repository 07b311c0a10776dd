"""The cluster's DNS: a pod as CoreDNS's, a Service in front of it, answers from the store.

It is served inside the lab's own process, on sockets in that pod's network namespace, so that
policies and Services apply to it as to any pod. Names: Kubernetes DNS specification 1.1. Messages,
RFC 1035, are read and written here: one question in, addresses out. Importing a full DNS library
would take longer than wiring all nodes; the tests hold this against one.
"""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address
from typing import Any, Final, cast

from netlab.controllers.endpoints import ready_ips, slices_of
from netlab.node.addressplan import DNS_IPS, OUTSIDE_IPS
from netlab.node.sandbox import Sandbox
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.obj import Obj
from netlab.objects.registry import Registry
from netlab.objects.store import Store, StoreEvent

TYPE_A, TYPE_AAAA = 1, 28
_TYPE_OPT, _CLASS_IN, _CLASS_ANY = 41, 1, 255
_HEADER = struct.Struct("!HHHHHH")
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0200, 0x0080
_KEPT_FLAGS = 0x7900  # opcode and "recursion desired" are echoed
_NAME_OF_QUESTION = 0xC00C  # a pointer to the question, which follows the 12 bytes of header
_PLAIN_UDP_LIMIT = 512
_MAX_NAME = 255  # RFC 1035, 2.3.4


log = logging.getLogger(__name__)


class DnsCode(IntEnum):
    """What a response says of the name."""

    NO_ERROR = 0
    FORMAT_ERROR = 1
    SERVER_FAILURE = 2
    NAME_ERROR = 3  # NXDOMAIN
    NOT_IMPLEMENTED = 4


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """One question; `name` is in lower case and without the final dot."""

    id: int
    flags: int
    name: str
    kind: int
    question: bytes
    udp_limit: int = _PLAIN_UDP_LIMIT

    @property
    def is_standard(self) -> bool:
        return self.flags & 0x7800 == 0


def parse_question(data: bytes) -> DnsQuestion:
    """Read a query; raise ValueError for anything that is not one question of class IN."""
    try:
        query_id, flags, questions, _, _, additional = _HEADER.unpack_from(data)
        if flags & _RESPONSE or questions != 1:
            raise ValueError("not a query with one question")
        labels, end = _read_labels(data, _HEADER.size)
        kind, kind_class = struct.unpack_from("!HH", data, end)
    except (struct.error, IndexError) as error:
        raise ValueError("the query ends too early") from error
    if kind_class not in {_CLASS_IN, _CLASS_ANY}:
        raise ValueError("not of class IN")
    limit = _udp_limit(data, end + 4) if additional else _PLAIN_UDP_LIMIT
    question = data[_HEADER.size : end + 4]
    return DnsQuestion(query_id, flags, ".".join(labels).lower(), kind, question, limit)


def dns_response(
    query: DnsQuestion,
    code: DnsCode,
    ips: Sequence[str] = (),
    *,
    ttl_s: int = 5,
    limit: int = 65535,
) -> bytes:
    """Write the response; what is longer than `limit` bytes goes out empty and marked truncated."""
    records = b"".join(_answer_record(query.kind, ip, ttl_s) for ip in ips)
    flags = _RESPONSE | _AUTHORITATIVE | _RECURSION_AVAILABLE | (query.flags & _KEPT_FLAGS) | code
    count = len(ips)
    if _HEADER.size + len(query.question) + len(records) > limit:
        flags, count, records = flags | _TRUNCATED, 0, b""
    return _HEADER.pack(query.id, flags, 1, count, 0, 0) + query.question + records


def _read_labels(data: bytes, offset: int) -> tuple[list[str], int]:
    labels = []
    while length := data[offset]:
        if length > 63:
            raise ValueError("a compressed name in a question")
        labels.append(data[offset + 1 : offset + 1 + length].decode("ascii", "replace"))
        offset += 1 + length
        if offset - _HEADER.size >= _MAX_NAME:
            raise ValueError("a name of more than 255 bytes")
    return labels, offset + 1


def _udp_limit(data: bytes, offset: int) -> int:
    """Return the size that an EDNS client takes (RFC 6891), if the OPT record comes first."""
    try:
        name, kind, size = struct.unpack_from("!BHH", data, offset)
    except struct.error:
        return _PLAIN_UDP_LIMIT
    return max(size, _PLAIN_UDP_LIMIT) if (name, kind) == (0, _TYPE_OPT) else _PLAIN_UDP_LIMIT


def _answer_record(kind: int, ip: str, ttl_s: int) -> bytes:
    packed = ip_address(ip).packed
    return struct.pack("!HHHIH", _NAME_OF_QUESTION, kind, _CLASS_IN, ttl_s, len(packed)) + packed


DNS_POD_KEY: Final = ("kube-system", "coredns-0")
OUTSIDE_HOST: Final = "outside.example"  # a name of the world beyond the cluster
_DOMAIN = ["cluster", "local"]
_DNS_LABELS = {"k8s-app": "kube-dns"}
_DNS_PORT = 53
_TCP_IDLE_S = 10


class ClusterDns:
    """Answers from the store's Services, EndpointSlices and Namespaces."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._open = contextlib.ExitStack()
        store.subscribe("pods", self._on_pod)

    def create_objects(self) -> None:
        """Create the Service and the pod in kube-system."""
        namespace, _ = DNS_POD_KEY
        self._registry.create(BY_PLURAL["services"], namespace, _dns_service())
        self._create_pod()

    def _create_pod(self) -> None:
        namespace, _ = DNS_POD_KEY
        self._registry.create(BY_PLURAL["pods"], namespace, _dns_pod())

    async def serve(self, sandbox: Sandbox) -> None:
        """Answer on port 53 of a pod, UDP and TCP, IPv4 and IPv6; it replaces an earlier one."""
        self._open.close()
        loop = asyncio.get_running_loop()
        for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 (inside the pod's namespace)
            datagrams = _bound_socket(sandbox, family, socket.SOCK_DGRAM, any_address)
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _DnsDatagrams(self), sock=datagrams
            )
            self._open.callback(transport.close)
            streams = _bound_socket(sandbox, family, socket.SOCK_STREAM, any_address)
            server = await asyncio.start_server(self._serve_stream, sock=streams)
            self._open.callback(server.close)

    def answer(self, data: bytes, *, udp: bool) -> bytes | None:
        """Answer one query; None for what is no query."""
        try:
            query = parse_question(data)
        except ValueError:
            return None
        limit = query.udp_limit if udp else 65535
        if not query.is_standard:
            return dns_response(query, DnsCode.NOT_IMPLEMENTED)
        try:
            ips = self._look_up(query.name)
        except Exception:
            log.exception("%s cannot be looked up", query.name)
            return dns_response(query, DnsCode.SERVER_FAILURE)
        if ips is None:
            return dns_response(query, DnsCode.NAME_ERROR)
        answers = [ip for ip in ips if query.kind == (TYPE_AAAA if ":" in ip else TYPE_A)]
        return dns_response(query, DnsCode.NO_ERROR, answers, limit=limit)

    def _look_up(self, name: str) -> list[str] | None:
        """Return a name's addresses: an empty list if it has none, None without such a name."""
        labels = name.split(".")
        if labels[-2:] == _DOMAIN:
            return self._look_up_in_cluster(labels[:-2])
        return list(OUTSIDE_IPS) if name == OUTSIDE_HOST else None

    def _look_up_in_cluster(self, labels: list[str]) -> list[str] | None:
        match labels:
            case [service, namespace, "svc"]:
                return self._service(namespace, service)
            case [dashed, namespace, "pod"]:
                return self._pod(namespace, dashed)
            case [namespace, "svc" | "pod"]:
                return [] if self._store.find("namespaces", None, namespace) else None
            case [] | ["svc" | "pod"]:
                return []
        return None

    def _service(self, namespace: str, name: str) -> list[str] | None:
        service = self._store.find("services", namespace, name)
        if service is None:
            return None
        ips = [ip for ip in service["spec"].get("clusterIPs") or [] if ip != "None"]
        return ips or self._endpoints(namespace, name)

    def _endpoints(self, namespace: str, name: str) -> list[str]:
        """Return the addresses behind a headless service."""
        slices = slices_of(self._store.list("endpointslices", namespace), name)
        return [ip for endpoint_slice in slices for ip in ready_ips(endpoint_slice)]

    def _pod(self, namespace: str, dashed: str) -> list[str] | None:
        """Return a pod's address from the form 10-244-0-2, if there is such a pod."""
        addresses = {dashed.replace("-", "."), dashed.replace("-", ":")}
        for pod in self._store.list("pods", namespace):
            ips = {entry["ip"] for entry in (pod.get("status") or {}).get("podIPs") or []}
            if ips & addresses:
                return sorted(ips & addresses)
        return None

    def _on_pod(self, event: StoreEvent) -> None:
        """Bring the pod back when somebody deletes it, as its Deployment would."""
        meta = event.object["metadata"]
        if event.type == "DELETED" and (meta["namespace"], meta["name"]) == DNS_POD_KEY:
            asyncio.get_running_loop().call_soon(self._create_pod)

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(_TCP_IDLE_S):
                while True:
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    reply = self.answer(await reader.readexactly(length), udp=False)
                    if reply is None:
                        break
                    writer.write(len(reply).to_bytes(2, "big") + reply)
                    await writer.drain()
        writer.close()


class _DnsDatagrams(asyncio.DatagramProtocol):
    """One datagram in, one out."""

    def __init__(self, dns: ClusterDns) -> None:
        self._dns = dns
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        reply = self._dns.answer(data, udp=True)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


def _dns_service() -> Obj:
    """Return the Service kube-dns."""
    namespace, _ = DNS_POD_KEY
    ports = [
        {"name": name, "port": _DNS_PORT, "targetPort": _DNS_PORT, "protocol": protocol}
        for name, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))
    ]
    spec = {
        "clusterIP": DNS_IPS[0],
        "clusterIPs": list(DNS_IPS),
        "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "RequireDualStack",
        "ports": ports,
        "selector": _DNS_LABELS,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": namespace, "labels": _DNS_LABELS},
        "spec": spec,
    }


def _dns_pod() -> Obj:
    """Return the pod that stands for CoreDNS; its one container has no process."""
    namespace, name = DNS_POD_KEY
    ports = [
        {"name": port, "containerPort": _DNS_PORT, "protocol": protocol}
        for port, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))
    ]
    container = {"name": "coredns", "image": "netproof.dev/lab-dns", "ports": ports}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": _DNS_LABELS},
        "spec": {"containers": [container], "restartPolicy": "Always", "dnsPolicy": "Default"},
    }


def _bound_socket(
    sandbox: Sandbox, family: socket.AddressFamily, kind: socket.SocketKind, address: str
) -> socket.socket:
    with sandbox.attachment.netns:
        sock = socket.socket(family, kind)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setblocking(False)
    sock.bind((address, _DNS_PORT))
    if kind == socket.SOCK_STREAM:
        sock.listen(128)
    return sock
