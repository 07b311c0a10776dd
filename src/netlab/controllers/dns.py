"""The cluster's DNS: a pod as CoreDNS's, a Service in front of it, answers from the store.

It is served inside the lab's own process, on sockets in that pod's network namespace, so that
policies and Services apply to it as to any pod. Names: Kubernetes DNS specification 1.1.
"""

import asyncio
import contextlib
import socket
from typing import Any, Final, cast

from netlab.apiserver.registry import Registry
from netlab.apiserver.resources import BY_PLURAL
from netlab.apiserver.store import Event, Store
from netlab.controllers import dnswire
from netlab.controllers.dnswire import Code
from netlab.node.addresses import DNS_IPS, OUTSIDE_IPS
from netlab.node.sandbox import Sandbox

Obj = dict[str, Any]

POD_KEY: Final = ("kube-system", "coredns-0")
OUTSIDE_HOST: Final = "outside.example"  # a name of the world beyond the cluster
_DOMAIN = ["cluster", "local"]
_LABELS = {"k8s-app": "kube-dns"}
_PORT = 53
_TCP_IDLE_S = 10


class ClusterDns:
    """Answers from the store's Services, EndpointSlices and Namespaces."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._open = contextlib.ExitStack()
        store.subscribe("pods", self._hear)

    def create_objects(self) -> None:
        """Create the Service and the pod in kube-system."""
        namespace, _ = POD_KEY
        self._registry.create(BY_PLURAL["services"], namespace, service_object())
        self._create_pod()

    def _create_pod(self) -> None:
        namespace, _ = POD_KEY
        self._registry.create(BY_PLURAL["pods"], namespace, pod_object())

    async def serve(self, sandbox: Sandbox) -> None:
        """Answer on port 53 of a pod, UDP and TCP, IPv4 and IPv6; it replaces an earlier one."""
        self._open.close()
        loop = asyncio.get_running_loop()
        for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 (inside the pod's namespace)
            datagrams = _bound(sandbox, family, socket.SOCK_DGRAM, any_address)
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), sock=datagrams
            )
            self._open.callback(transport.close)
            streams = _bound(sandbox, family, socket.SOCK_STREAM, any_address)
            server = await asyncio.start_server(self._serve_stream, sock=streams)
            self._open.callback(server.close)

    def answer(self, data: bytes, *, udp: bool) -> bytes | None:
        """Answer one query; None for what is no query."""
        try:
            query = dnswire.parse(data)
        except ValueError:
            return None
        limit = query.udp_limit if udp else 65535
        if not query.is_standard:
            return dnswire.respond(query, Code.NOT_IMPLEMENTED)
        ips = self._look_up(query.name)
        if ips is None:
            return dnswire.respond(query, Code.NAME_ERROR)
        wanted = [ip for ip in ips if query.kind == (dnswire.AAAA if ":" in ip else dnswire.A)]
        return dnswire.respond(query, Code.NO_ERROR, wanted, limit=limit)

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
        return [
            ip
            for endpoint_slice in self._store.list("endpointslices", namespace)
            if (endpoint_slice["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
            == name
            for endpoint in endpoint_slice.get("endpoints") or []
            if (endpoint.get("conditions") or {}).get("ready") is not False
            for ip in endpoint["addresses"]
        ]

    def _pod(self, namespace: str, dashed: str) -> list[str] | None:
        """Return a pod's address from the form 10-244-0-2, if there is such a pod."""
        wanted = {dashed.replace("-", "."), dashed.replace("-", ":")}
        for pod in self._store.list("pods", namespace):
            ips = {entry["ip"] for entry in (pod.get("status") or {}).get("podIPs") or []}
            if ips & wanted:
                return sorted(ips & wanted)
        return None

    def _hear(self, event: Event) -> None:
        """Bring the pod back when somebody deletes it, as its Deployment would."""
        meta = event.object["metadata"]
        if event.type == "DELETED" and (meta["namespace"], meta["name"]) == POD_KEY:
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


class _Datagrams(asyncio.DatagramProtocol):
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


def service_object() -> Obj:
    """Return the Service kube-dns."""
    namespace, _ = POD_KEY
    ports = [
        {"name": name, "port": _PORT, "targetPort": _PORT, "protocol": protocol}
        for name, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))
    ]
    spec = {
        "clusterIP": DNS_IPS[0],
        "clusterIPs": list(DNS_IPS),
        "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "RequireDualStack",
        "ports": ports,
        "selector": _LABELS,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": namespace, "labels": _LABELS},
        "spec": spec,
    }


def pod_object() -> Obj:
    """Return the pod that stands for CoreDNS; its one container has no process."""
    namespace, name = POD_KEY
    ports = [
        {"name": port, "containerPort": _PORT, "protocol": protocol}
        for port, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))
    ]
    container = {"name": "coredns", "image": "netproof.dev/lab-dns", "ports": ports}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": _LABELS},
        "spec": {"containers": [container], "restartPolicy": "Always", "dnsPolicy": "Default"},
    }


def _bound(
    sandbox: Sandbox, family: socket.AddressFamily, kind: socket.SocketKind, address: str
) -> socket.socket:
    with sandbox.attachment.netns:
        sock = socket.socket(family, kind)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setblocking(False)
    sock.bind((address, _PORT))
    if kind == socket.SOCK_STREAM:
        sock.listen(128)
    return sock
