"""The world outside a cluster, as far as a run can try it: who stands for it, and who reaches whom.

On the lab that is a pod of a Node of its own; on kind a container, of somebody's cluster a machine
with `netproof agent`. What nobody reaches before there is any policy is not tried: a route or a
firewall would be taken for a policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.outside import OutsideContainer, OutsideMachine, OutsidePlace
from netproof.errors import ClusterError, NetproofError, OtherVersionError, ProbeError
from netproof.model import flows
from netproof.model.flow import Endpoint, EndpointKind, Flow, Observation, Outcome
from netproof.model.value import replace
from netproof.model.workload import Family, Host, HostKind, Port, Protocol
from netproof.probe.agentcommand import relay_command, serve_command
from netproof.probe.channel import Channel
from netproof.probe.identity import OUTSIDE_IDENTITY, fingerprint
from netproof.probe.messages import Hello
from netproof.run.worker import Worker, key_ring

OUTSIDE_PORTS = (Port(80), Port(443), Port(443, Protocol.UDP))
"""What the host outside serves: the web, as a policy for the internet would name it."""

NOBODY = "the world outside, for which nobody stands"


def stand(ref: ClusterRef, run_id: str) -> tuple[ClusterRef, str]:
    """Have somebody stand for the world; return how it is reached, and who it is in words.

    Raises ClusterError where a machine that was named does not answer as it must. A run can do
    without a container that nobody has asked for.
    """
    place = ref.outside
    if place is None:
        return ref, "" if ref.outside_node else f"{NOBODY} (`netproof agent` on a machine does)"
    try:
        if isinstance(place, OutsideContainer):
            _start(place, ref, run_id)
        hosts = tuple(_hosts(_greet(place, ref, run_id)))
        if not hosts:
            raise ClusterError(f"{place} serves no port at an address of its own")
    except NetproofError as error:
        if isinstance(place, OutsideMachine):
            raise
        return replace(ref, outside=None), f"{NOBODY}, because {error}"
    return replace(ref, outside=replace(place, hosts=hosts)), _words(place, hosts)


def _start(place: OutsideContainer, ref: ClusterRef, run_id: str) -> None:
    from netproof.cluster.kind import containers  # noqa: PLC0415 - no other cluster has them

    command = serve_command(OUTSIDE_IDENTITY, OUTSIDE_PORTS, run_id, ref.secret)
    containers.stand(place, command)


def _greet(place: OutsidePlace, ref: ClusterRef, run_id: str) -> Hello:
    """Return who the agent outside says it is; raise ClusterError with what to do where none is."""
    end = Endpoint.outside(OUTSIDE_IDENTITY)
    key = key_ring(ref, run_id).of(OUTSIDE_IDENTITY)
    command = relay_command(OUTSIDE_IDENTITY, run_id)
    try:
        place.open(end, command).close()
    except ProbeError as error:
        remedy = "see that `netproof agent` runs there and that its port may be reached from here"
        raise ClusterError(f"{place}: {error}; {remedy}") from error
    channel = Channel(place, end, command, key)
    try:
        return channel.hello()
    except OtherVersionError as error:
        raise ClusterError(f"{place}: {error}; run the same netproof there and here") from error
    except ProbeError as error:
        raise ClusterError(f"{place}: {error}; {_remedy(place, key)}") from error
    finally:
        channel.close()


def _remedy(place: OutsidePlace, key: str) -> str:
    if isinstance(place, OutsideContainer):
        from netproof.cluster.kind import containers  # noqa: PLC0415 - no other cluster has them

        return f"it said: {containers.last_words(place)}"
    return (
        f"the token here has the fingerprint {fingerprint(key)}: compare it with what "
        "`netproof agent` says there, and see that its --from holds this machine's address"
    )


def _hosts(hello: Hello) -> Iterator[Host]:
    """Yield the hosts that one agent stands for: the n-th address of each family makes the n-th."""
    v4, v6 = ([ip for ip in hello.addresses if Family.of(ip) is family] for family in Family)
    for number, pair in enumerate(zip_longest(v4, v6), 1):
        ips = tuple(ip for ip in pair if ip)
        served = [
            {Port(port, protocol) for port, protocol, at in hello.serving if at is Family.of(ip)}
            for ip in ips
        ]
        ports = tuple(sorted(set.intersection(*served)))
        if ports:
            name = OUTSIDE_IDENTITY if number == 1 else f"{OUTSIDE_IDENTITY}-{number}"
            yield Host(HostKind.OUTSIDE, name, ips, ports)


def reached(worker: Worker, ref: ClusterRef, words: str) -> tuple[ClusterRef, str]:
    """Leave out what no pod gets an answer from though there is no policy, and say so.

    Raises ClusterError where of a machine that was named nothing is left.
    """
    place = ref.outside
    if place is None:
        return ref, words
    tried = list(flows.outside_flows(worker.topology))
    seen = worker.prober.probe(tried, expected_allowed=tried)
    answered = {_door(flow) for flow in tried if seen[flow].outcome is Outcome.CONNECTED}
    hosts = tuple(filter(None, (_left(host, answered) for host in place.hosts)))
    silent = [flow for flow in tried if _door(flow) not in answered]
    if hosts:
        left_out = f"; without policies no pod got an answer {_ways(silent)}" if silent else ""
        return replace(ref, outside=replace(place, hosts=hosts)), _words(place, hosts) + left_out
    why = f"no pod of the cluster gets an answer from {place} though there is no policy"
    if isinstance(place, OutsideMachine):
        ports = " and ".join(dict.fromkeys(f"{flow.port}/{flow.protocol}" for flow in tried))
        addresses = ", ".join(ip for host in place.hosts for ip in host.ips)
        raise ClusterError(
            f"{why} ({_said(seen.values())}): have firewalls, and policies of the platform, let "
            f"{ports} to {addresses} through, or start `netproof agent --address` with the address "
            "that pods reach it at"
        )
    return replace(ref, outside=None), f"{NOBODY}, because {why} ({_said(seen.values())})"


def _door(flow: Flow) -> tuple[str, Family, Port]:
    return flow.destination.name, flow.family, Port(flow.port, flow.protocol)


def _left(host: Host, answered: set[tuple[str, Family, Port]]) -> Host | None:
    """Return what is left of a host: families in which any port answers, ports that do in each."""
    doors = {(family, port) for name, family, port in answered if name == host.name}
    ips = tuple(ip for ip in host.ips if Family.of(ip) in {family for family, _ in doors})
    ports = [port for port in host.ports if all((Family.of(ip), port) in doors for ip in ips)]
    return replace(host, ips=ips, ports=tuple(ports)) if ips and ports else None


def _ways(silent: Iterable[Flow]) -> str:
    listed = (f"at {flow.port}/{flow.protocol} by {flow.family}" for flow in silent)
    return ", ".join(dict.fromkeys(listed))


def _said(seen: Iterable[Observation]) -> str:
    return ", ".join(dict.fromkeys(f"{one.outcome} {one.detail}".strip() for one in seen))


def _words(place: OutsidePlace, hosts: Iterable[Host]) -> str:
    addresses = ", ".join(ip for host in hosts for ip in host.ips)
    return f"the world outside but for {place}, at {addresses}"


def why_no_node_ports(worker: Worker) -> str:
    """Say at which node no port answers the machine outside, "" where each node has one.

    Of the lab and kind it is known that the way there is free.
    """
    if not isinstance(worker.client.ref.outside, OutsideMachine):
        return ""
    there = worker.topology
    tried = [
        flow
        for service in there.services
        for flow in flows.node_port_flows(there, service.key)
        if flow.source.kind is EndpointKind.OUTSIDE
    ]
    seen = worker.prober.probe(tried, expected_allowed=tried)
    good = {(f.destination, f.family) for f in tried if seen[f].outcome is Outcome.CONNECTED}
    for flow in tried:
        if (flow.destination, flow.family) not in good:
            what = _said([seen[flow]])
            return f"{flow.destination} answers the machine outside at no port: {flow}: {what}"
    return ""
