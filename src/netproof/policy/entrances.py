"""Ways by which the outside comes to pods: Services at nodes, and what routes into the cluster.

A Service of type NodePort or LoadBalancer leads from nodes to its pods. An Ingress, an HTTPRoute
and the like lead from the pods of a controller to those of a Service: what arrives there is a pod,
whoever stands behind it. Sources: Service.spec.externalTrafficPolicy, Ingress.spec, the Gateway API
(BackendRef), and the routes of OpenShift, Istio, Traefik and Contour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netproof.model.workload import Pod, Service
from netproof.policy.fields import Field
from netproof.policy.otherobjects import OtherObject

_NODES = ("NodePort", "LoadBalancer")

_ROUTES = re.compile(
    r"(Ingress|IngressRoute(TCP|UDP)?|(HTTP|TCP|TLS|UDP|GRPC)Route|Route|VirtualService|HTTPProxy)"
)


@dataclass(frozen=True, slots=True)
class Entrance:
    """A way from outside to a Service (`namespace/name`), by one of its ports; None for all.

    At `nodes` it begins there, else at the pods of a controller. `rewrites` tells whether a node
    may put its own address in place of the client's.
    """

    what: str
    place: str
    service: str
    port: int | str | None = None
    nodes: bool = False
    rewrites: bool = False

    def leads_to(self, service: Service, pod: Pod) -> frozenset[int]:
        """Return the ports of a pod that it leads to, by the Service that it names."""
        if service.key != self.service:
            return frozenset()
        chosen = [p for p in service.ports if self.port in (None, p.number, p.name, p.target)]
        named = {port.name: port.number for port in pod.ports if port.name}
        targets = (named.get(p.target) if isinstance(p.target, str) else p.target for p in chosen)
        return frozenset(number for number in targets if number is not None)


def of_service(service: Service, root: Field) -> Iterator[Entrance]:
    """Yield the way in that a Service is, if it is one."""
    spec = root.child("spec")
    kind = spec.child("type").text() or ""
    if kind in _NODES:
        rewrites = spec.child("externalTrafficPolicy").text() != "Local"
        what = f"Service {service.key} ({kind})"
        yield Entrance(what, str(root.origin), service.key, nodes=True, rewrites=rewrites)


def of_route(other: OtherObject, default: str) -> Iterator[Entrance]:
    """Yield the ways in that an Ingress or another route is; `default` is where it may live."""
    if not _ROUTES.fullmatch(other.kind) or _is_inward(other):
        return
    space = other.namespace or default
    spec = other.raw.get("spec")
    if other.group == "route.openshift.io":
        spec = _openshift(spec)
    found = dict.fromkeys(_backends(spec, space))
    for service, port in found:
        yield Entrance(str(other), other.place, service, port)


def _is_inward(other: OtherObject) -> bool:
    """Tell whether a route is for the mesh only: a VirtualService without a gateway."""
    spec = other.raw.get("spec")
    gateways = spec.get("gateways") if isinstance(spec, Mapping) else None
    return other.kind == "VirtualService" and set(gateways or ("mesh",)) <= {"mesh"}


def _openshift(spec: Any) -> Any:
    """Return an OpenShift route in the words of the others."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("to"), Mapping):
        return None
    port = spec.get("port")
    target = port.get("targetPort") if isinstance(port, Mapping) else None
    return {"backendRefs": [{"name": spec["to"].get("name"), "port": target}]}


def _backends(value: Any, space: str) -> Iterator[tuple[str, int | str | None]]:
    """Yield each Service and port that is named anywhere in a route."""
    if isinstance(value, list):
        for item in value:
            yield from _backends(item, space)
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if key in ("backendRefs", "services") and isinstance(item, list):
            yield from (one for ref in item for one in _named(ref, "name", space))
        elif key in ("service", "destination") and isinstance(item, Mapping):
            yield from _named(item, "host" if key == "destination" else "name", space)
        yield from _backends(item, space)
    if "serviceName" in value:
        yield from _named(value, "serviceName", space)


def _named(ref: Any, key: str, space: str) -> Iterator[tuple[str, int | str | None]]:
    if not isinstance(ref, Mapping) or not isinstance(ref.get(key), str):
        return
    if ref.get("kind") not in (None, "Service"):
        return
    name, _, rest = ref[key].partition(".")
    own = ref.get("namespace") or rest.partition(".")[0] or space
    port = ref.get("port", ref.get("servicePort"))
    if isinstance(port, Mapping):
        port = port.get("number", port.get("name"))
    yield f"{own}/{name}", port if isinstance(port, int | str) else None
