"""Where the API server's proxy goes: from the name in a path to a pod's address; pure.

Sources: ResourceLocation of pods and services in pkg/registry/core of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj, at

_STANDARD = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Location:
    """Where a request goes."""

    scheme: str
    ip: str
    port: int

    @property
    def address(self) -> str:
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{host}:{self.port}"


def split_name(text: str, kind: str) -> tuple[str, str, str]:
    """Split [SCHEME:]NAME[:PORT]; raise ApiError (BadRequest).

    With one colon it is a port that is given.
    """
    parts = text.split(":")
    scheme = parts.pop(0) if len(parts) == 3 else ""
    name, port = (*parts, "")[:2]
    if not name or len(parts) > 2 or scheme not in {"", *_STANDARD}:
        raise errors.bad_request(f'invalid {kind} request "{text}"')
    return scheme or "http", name, port


def pod_location(pod: Obj, scheme: str, port: str) -> Location:
    """Return a pod's address and the port asked for, or its first; raise ApiError (BadRequest)."""
    ip = at(pod, "status", "podIP")
    if not ip:
        raise errors.bad_request("address not allowed")
    containers = pod["spec"].get("containers") or []
    listed = [str(p["containerPort"]) for c in containers for p in c.get("ports") or []]
    number = port or next(iter(listed), _STANDARD[scheme])
    if not number.isdigit() or not 0 < int(number) < 65536:
        raise errors.bad_request(f'invalid pod request "{pod["metadata"]["name"]}:{port}"')
    return Location(scheme, ip, int(number))


def service_locations(
    service: Obj, slices: Sequence[Obj], scheme: str, port: str
) -> list[Location]:
    """Return the ready endpoints of a Service's port, given by name or number.

    Those of the Service's first family: the proxy knows no other. Raises ApiError
    (ServiceUnavailable) where there are none.
    """
    name = service["metadata"]["name"]
    port_name = _port_name(service, port)
    wants_v6 = (at(service, "spec", "ipFamilies") or ["IPv4"])[0] == "IPv6"
    found = [
        Location(scheme, ip, int(entry["port"]))
        for piece in slices
        if at(piece, "metadata", "labels", "kubernetes.io/service-name") == name
        for entry in piece.get("ports") or []
        if entry.get("name", "") == port_name
        for ip in _ready_ips(piece)
        if (":" in ip) is wants_v6
    ]
    if not found:
        raise errors.service_unavailable(f'no endpoints available for service "{name}"')
    return found


def _ready_ips(piece: Obj) -> list[str]:
    return [
        ip
        for endpoint in piece.get("endpoints") or []
        if at(endpoint, "conditions", "ready") is not False
        for ip in endpoint.get("addresses") or []
    ]


def _port_name(service: Obj, port: str) -> str:
    if not port.isdigit():
        return port
    name = service["metadata"]["name"]
    for entry in at(service, "spec", "ports") or []:
        if entry.get("port") == int(port):
            return str(entry.get("name", ""))
    raise errors.service_unavailable(f'no service port {port} found for service "{name}"')
