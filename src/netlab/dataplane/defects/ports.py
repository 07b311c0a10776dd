"""Faults in the ports of a rule."""

from collections.abc import Sequence
from itertools import chain

from netlab.dataplane import ports as port_lists
from netlab.dataplane.defects.defect import defect
from netlab.dataplane.ports import PROTOCOLS, Endpoint, Ports
from netlab.dataplane.semantics import Semantics
from netlab.dataplane.view import Obj
from netlab.dataplane.world import Pod, Policy


@defect("named-port-on-source")
class NamedPortOnSource(Semantics):
    """Looks a port's name up on the pod that connects instead of the one connected to."""

    def named(
        self, port: Obj, *, destinations: Sequence[Pod], sources: Sequence[Pod]
    ) -> tuple[Endpoint, ...]:
        wrong = super().named(port, destinations=sources, sources=destinations)
        numbers = sorted({(endpoint.protocol, endpoint.port) for endpoint in wrong})
        ips = [ip for pod in destinations for ip in pod.ips]
        return tuple(Endpoint(ip, protocol, number) for ip in ips for protocol, number in numbers)


@defect("named-port-opens-all")
class NamedPortOpensAll(Semantics):
    """Opens every port of the protocol where a rule names one by name."""

    def numbers(self, port: Obj) -> tuple[Ports, ...]:
        if port_lists.is_named(port):
            return super().numbers({"protocol": port.get("protocol")})
        return super().numbers(port)


@defect("named-port-voids-policy", seen_in="Weave Net, prog/weave-npc")
class NamedPortVoidsPolicy(Semantics):
    """Refuses, and so does not enforce, a whole policy in which a port is given by name."""

    def read(self, policy: Policy) -> Policy | None:
        rules = chain(policy.ingress, policy.egress)
        if any(port_lists.is_named(port) for rule in rules for port in rule.ports):
            return None
        return super().read(policy)


@defect("range-as-first-port", seen_in="Weave Net, and any CNI older than the field endPort")
class RangeAsFirstPort(Semantics):
    """Allows the first port of a range only."""

    def numbers(self, port: Obj) -> tuple[Ports, ...]:
        return super().numbers({key: port[key] for key in port if key != "endPort"})


@defect("first-port-only")
class FirstPortOnly(Semantics):
    """Reads the first entry of a list of numbered ports and none after it."""

    def ports(self, listed: Sequence[Obj]) -> tuple[Ports, ...] | None:
        return super().ports(listed[:1])


@defect("empty-ports-denies")
class EmptyPortsDenies(Semantics):
    """Takes a rule without ports for a rule that no port matches."""

    def ports(self, listed: Sequence[Obj]) -> tuple[Ports, ...] | None:
        return super().ports(listed) if listed else ()


@defect("ignores-ports")
class IgnoresPorts(Semantics):
    """Opens every port to the peers of a rule, whatever ports it lists."""

    def ports(self, listed: Sequence[Obj]) -> tuple[Ports, ...] | None:
        del listed
        return None


@defect("ignores-protocol")
class IgnoresProtocol(Semantics):
    """Opens a numbered port for every protocol, not only for the one given."""

    def numbers(self, port: Obj) -> tuple[Ports, ...]:
        alike = [super(IgnoresProtocol, self).numbers({**port, "protocol": p}) for p in PROTOCOLS]
        return tuple(chain.from_iterable(alike))
