"""EndpointSlices: which pods stand behind each Service, kept up to date with both.

One slice per Service and IP family, named after both; more where a named port has different
numbers on different pods. The slices are written within the commit
that changed the pod or the Service, so whoever hears of the slice hears of a state that is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

from netlab.objects.kinds import BY_PLURAL
from netlab.objects.obj import Obj, at, has_ended, labels_of
from netlab.objects.selectors import selects
from netlab.objects.store import Store, StoreEvent

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"

SlicePorts = tuple[tuple[str, str, int], ...]

_VERSIONS = {"IPv4": 4, "IPv6": 6}


class EndpointsController:
    """Acts on every change of a Service or a pod."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._store = store

    def start(self) -> Callable[[], None]:
        """Begin to act, also on the services there are; return the undoing."""
        undo = (
            self._store.subscribe("services", self._on_service),
            self._store.subscribe("pods", self._on_pod),
        )
        for service in self._store.list("services"):
            self._sync(service)

        def stop() -> None:
            for unsubscribe in undo:
                unsubscribe()

        return stop

    def _on_service(self, event: StoreEvent) -> None:
        meta = event.object["metadata"]
        current = self._store.find("services", meta["namespace"], meta["name"])
        if current is not None:
            self._sync(current)
            return
        for slice_ in self._slices(meta["namespace"], meta["name"]):
            self._remove(slice_)

    def _on_pod(self, event: StoreEvent) -> None:
        if not _can_change_slices(event):
            return
        labels = [labels_of(obj) for obj in (event.object, event.old) if obj is not None]
        for service in self._store.list("services", event.object["metadata"]["namespace"]):
            selector = at(service, "spec", "selector")
            if selector and any(selects(selector, pod_labels) for pod_labels in labels):
                self._sync(service)

    def _sync(self, service: Obj) -> None:
        meta, spec = service["metadata"], service.get("spec") or {}
        if not spec.get("selector") or spec.get("type") == "ExternalName":
            return  # its slices, if any, are somebody's own
        namespace = meta["namespace"]
        pods = self._store.list("pods", namespace)
        chosen = [pod for pod in pods if selects(spec["selector"], labels_of(pod))]
        families = spec.get("ipFamilies") or []
        slices = [s for family in families for s in endpoint_slices(service, chosen, family)]
        for slice_ in slices:
            self._write(slice_)
        names = {slice_["metadata"]["name"] for slice_ in slices}
        for slice_ in self._slices(namespace, meta["name"]):
            if slice_["metadata"]["name"] not in names:
                self._remove(slice_)

    def _write(self, new: Obj) -> None:
        meta = new["metadata"]
        stored = self._store.find("endpointslices", meta["namespace"], meta["name"])
        if stored is None:
            if self._open(meta["namespace"]):
                self._store.create("endpointslices", new)
            return
        generation = stored["metadata"].get("generation", 1)
        same = all(stored.get(key) == new[key] for key in ("endpoints", "ports"))
        metadata = {**meta, "generation": generation + (0 if same else 1)}
        self._store.update("endpointslices", {**new, "metadata": metadata})

    def _open(self, namespace: str) -> bool:
        home = self._store.find("namespaces", None, namespace)
        return home is not None and not home["metadata"].get("deletionTimestamp")

    def _slices(self, namespace: str, service: str) -> list[Obj]:
        own_labels = {SERVICE_NAME: service, MANAGED_BY: MANAGER}
        slices = self._store.list("endpointslices", namespace)
        return [slice_ for slice_ in slices if selects(own_labels, labels_of(slice_))]

    def _remove(self, slice_: Obj) -> None:
        meta = slice_["metadata"]
        if self._store.find("endpointslices", meta["namespace"], meta["name"]) is not None:
            self._store.delete("endpointslices", meta["namespace"], meta["name"])


def endpoint_slices(service: Obj, pods: list[Obj], family: str) -> list[Obj]:
    """Return the slices of a Service for one IP family, at least one; pure."""
    publish = bool(at(service, "spec", "publishNotReadyAddresses"))
    groups: dict[SlicePorts, list[Obj]] = {}
    for pod in pods:
        ip = _address_in(pod, family)
        if ip is not None:
            ends = groups.setdefault(_ports(service, pod), [])
            ends.append(_endpoint(pod, ip, publish=publish))
    # Sorted, so that the same pods give the same slices in whatever order they came.
    ends_by_ports = sorted(groups.items()) or [((), [])]
    return [
        _slice(service, family, index, ports, ends)
        for index, (ports, ends) in enumerate(ends_by_ports)
    ]


def _slice(service: Obj, family: str, index: int, ports: SlicePorts, endpoints: list[Obj]) -> Obj:
    meta = service["metadata"]
    resource = BY_PLURAL["endpointslices"]
    suffix = f"-{index + 1}" if index else ""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": f"{meta['name']}-{family.lower()}{suffix}",
            "namespace": meta["namespace"],
            "labels": {SERVICE_NAME: meta["name"], MANAGED_BY: MANAGER, **_headless(service)},
            "generation": 1,
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "addressType": family,
        "endpoints": endpoints,
        "ports": [
            {"name": name, "protocol": protocol, "port": port} for name, protocol, port in ports
        ],
    }


def slices_of(slices: Iterable[Obj], service: str) -> list[Obj]:
    """Return the slices of a Service, of those of its namespace."""
    return [one for one in slices if labels_of(one).get(SERVICE_NAME) == service]


def ready_ips(endpoint_slice: Obj) -> list[str]:
    """Return the addresses that take traffic; a condition that is not given means yes."""
    return [
        ip
        for endpoint in endpoint_slice.get("endpoints") or []
        if at(endpoint, "conditions", "ready") is not False
        for ip in endpoint.get("addresses") or []
    ]


def target_port(port: Obj, pod: Obj) -> int | None:
    """Return the number of a Service port's target on a pod, None where the pod has no such port.

    A name is looked up among the pod's container ports of the same protocol.
    """
    target: Any = port.get("targetPort") or port.get("port")
    if isinstance(target, int):
        return target
    for container in at(pod, "spec", "containers") or []:
        for offered in container.get("ports") or []:
            same = offered.get("protocol", "TCP") == port.get("protocol", "TCP")
            if offered.get("name") == target and same:
                return int(offered["containerPort"])
    return None


def is_ready(pod: Obj) -> bool:
    """Tell whether a pod's Ready condition is true."""
    conditions = at(pod, "status", "conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _can_change_slices(event: StoreEvent) -> bool:
    """Tell whether a pod's change can change a slice."""
    if event.old is None or event.type == "DELETED":
        return True
    return _slice_inputs(event.old) != _slice_inputs(event.object)


def _slice_inputs(pod: Obj) -> tuple[Any, ...]:
    return (
        labels_of(pod),
        at(pod, "status", "podIPs"),
        at(pod, "status", "phase"),
        is_ready(pod),
        at(pod, "spec", "nodeName"),
        bool(pod["metadata"].get("deletionTimestamp")),
    )


def _address_in(pod: Obj, family: str) -> str | None:
    if has_ended(pod):
        return None
    for entry in at(pod, "status", "podIPs") or []:
        ip = entry.get("ip")
        if ip and ipaddress.ip_address(ip).version == _VERSIONS[family]:
            return str(ip)
    return None


def _endpoint(pod: Obj, ip: str, *, publish: bool) -> Obj:
    meta = pod["metadata"]
    serving, ends = is_ready(pod), bool(meta.get("deletionTimestamp"))
    ready = publish or (serving and not ends)
    endpoint: Obj = {
        "addresses": [ip],
        "conditions": {"ready": ready, "serving": serving, "terminating": ends},
        "targetRef": {
            "kind": "Pod",
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
        },
    }
    if node := at(pod, "spec", "nodeName"):
        endpoint["nodeName"] = node
    if hostname := at(pod, "spec", "hostname"):
        endpoint["hostname"] = hostname
    return endpoint


def _ports(service: Obj, pod: Obj) -> SlicePorts:
    """Return the ports of a Service on a pod: name, protocol and number."""
    ports = [(port, target_port(port, pod)) for port in at(service, "spec", "ports") or []]
    return tuple(
        (port.get("name", ""), port.get("protocol", "TCP"), number)
        for port, number in ports
        if number is not None
    )


def _headless(service: Obj) -> dict[str, str]:
    if at(service, "spec", "clusterIP") == "None":
        return {"service.kubernetes.io/headless": ""}
    return {}
