"""Which ways lead through which door."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from netproof.bypass import apidoors, netdoors
from netproof.bypass.tries import Means, Way
from netproof.model.doors import Door
from netproof.model.workload import Pod, Service


def ways(door: Door, means: Means, pod: Pod, service: Service | None) -> Iterator[Way]:
    """Yield the ways through a door to a pod and its Service, none where there is none here."""
    yield from _WAYS[door](means, pod, service)


_Ways = Callable[[Means, Pod, Service | None], Iterator[Way]]

_WAYS: Mapping[Door, _Ways] = {
    Door.PORT_FORWARD_POD: apidoors.forward_to_pod,
    Door.PORT_FORWARD_SERVICE: apidoors.forward_to_service,
    Door.EXEC: apidoors.exec_in,
    Door.ATTACH: apidoors.attach_to,
    Door.POD_PROXY: apidoors.pod_proxy,
    Door.SERVICE_PROXY: apidoors.service_proxy,
    Door.HOST_NETWORK: netdoors.from_hosts,
    Door.NODE: netdoors.from_node,
    Door.EPHEMERAL: apidoors.ephemeral_in,
    Door.NODE_PORT: netdoors.from_node_ports,
}
