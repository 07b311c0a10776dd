"""A rule for the port of a Service: policies see packets after it was rewritten to the pod's."""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.review import Hint, Severity
from netproof.model.workload import Pod, Service, ServicePort
from netproof.policy import NetworkPolicy, PortMatch, Rule
from netproof.review.hints.look import Look, rule_name

NAME = "service-port"


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each port of a rule that is a Service's and no declared one of its pods."""
    for policy, rule in look.rules():
        servers = look.servers(policy, rule)
        for match in rule.ports:
            for service, port in _services(look, servers, match):
                yield _hint(policy, rule, match, service, port)


def _services(
    look: Look, servers: tuple[Pod, ...], match: PortMatch
) -> Iterator[tuple[Service, ServicePort]]:
    for service in look.world.mirror.bundle.services:
        behind = {pod.key for pod in look.world.topology.backends(service)}
        reached = [pod for pod in servers if pod.key in behind]
        for port in service.ports:
            written = match.port in (port.number, port.name or None)
            if not reached or not written or match.protocol is not port.protocol:
                continue
            if port.target != match.port and not any(_serves(look, p, match) for p in reached):
                yield service, port


def _serves(look: Look, pod: Pod, match: PortMatch) -> bool:
    workload = look.workloads.get(pod.key)
    declared = workload.declared if workload else pod.ports
    return any(match.port in (port.number, port.name or None) for port in declared)


def _hint(
    policy: NetworkPolicy, rule: Rule, match: PortMatch, service: Service, port: ServicePort
) -> Hint:
    return Hint(
        NAME,
        Severity.ERROR,
        str(match.origin),
        rule_name(policy, rule),
        f"{match.port}/{match.protocol} is the port of Service {service.key}; its pods are reached "
        f"at {port.target}, and that is what policies see",
        f"write port: {port.target}",
    )
