"""Servers that those cannot reach who are there for them: the outside, Prometheus, the API server.

The API server is no pod, or one in its node's network: selectors of pods need not mean it. Nor is
it reached by workloads that have roles to ask it, where no rule lets them out to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from netproof.model.flow import Direction, Endpoint, EndpointKind, Expected, Flow
from netproof.model.review import Hint, Severity
from netproof.model.workload import Pod, Protocol, Service
from netproof.policy import LabelSelector, PortMatch, matching
from netproof.policy.entrances import Entrance
from netproof.policy.otherobjects import OtherObject
from netproof.review import phrases
from netproof.review.hints.context import HintContext, words
from netproof.review.ways import may_be_routed, ways_in

SHUT_SERVICE = "shut-service"
SHUT_SCRAPE = "shut-scrape"
SHUT_WEBHOOK = "shut-webhook"
SHUT_API_SERVER = "shut-apiserver"
HOST_PORT = "host-port"

_SCRAPERS = {"prometheus", "vmagent", "grafana-agent", "alloy", "opentelemetry-collector"}


def shut_service(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each way from outside to pods that the policies shut.

    A Service at nodes is shut where nobody outside may come, a route where no pod of another
    namespace may, for there its controller mostly is.
    """
    for way, each in groupby(ways_in(context.reach), key=lambda one: one[0]):
        ends = [(pod, port) for _, pod, port in each]
        if all(_is_shut(context, way, pod, port) for pod, port in ends):
            shut = phrases.listed(f"{pod.key}:{port}" for pod, port in ends)
            whom = (
                "anyone from outside" if way.nodes else "pods of other namespaces, a controller's"
            )
            yield Hint(
                SHUT_SERVICE,
                Severity.WARNING,
                way.place,
                way.what,
                f"it leads from outside to {shut}, and no policy lets {whom} in there",
                "let in whom it is for, on the pods' port, or lead nobody there",
            )


def _is_shut(context: HintContext, way: Entrance, pod: Pod, port: int) -> bool:
    if not way.nodes:
        return not may_be_routed(context.reach, pod, port, Protocol.TCP)
    there, grid = Endpoint.pod(pod.key), context.reach.grid
    answers = {
        grid.expected(source, target)
        for target, one in enumerate(grid.targets)
        if (one.destination, one.port) == (there, port)
        for source, end in enumerate(grid.sources)
        if end.kind is EndpointKind.OUTSIDE
    }
    return answers == {Expected.DENIED}


def shut_scrape(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each port with metrics that the policies shut to whoever fetches them.

    That is the Prometheus of the bundle, or, where it has none, pods of other namespaces.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for what, place, pod, port in _scraped(context):
        if not _may_scrape(context, pod, port):
            found.setdefault((what, place), []).append(f"{pod.key}:{port}")
    for (what, place), ends in found.items():
        yield Hint(
            SHUT_SCRAPE,
            Severity.WARNING,
            place,
            what,
            f"metrics are to be fetched from {phrases.listed(dict.fromkeys(ends))}, and no policy "
            "lets Prometheus in there",
            "let the pods of Prometheus in on that port, by namespaceSelector and podSelector",
        )


def _may_scrape(context: HintContext, pod: Pod, port: int) -> bool:
    scrapers = [one for one in context.reach.workloads if _SCRAPERS & set(one.labels.values())]
    if pod.host_network or not scrapers or pod in scrapers:
        return pod.host_network or may_be_routed(context.reach, pod, port, Protocol.TCP)
    flows = [Flow(Endpoint.pod(s.key), Endpoint.pod(pod.key), port) for s in scrapers]
    sides = [
        reason.expected
        for expectation in context.reach.expect(flows).values()
        for reason in expectation.reasons
        if reason.direction is Direction.INGRESS
    ]
    return set(sides) != {Expected.DENIED}


def _scraped(context: HintContext) -> Iterator[tuple[str, str, Pod, int]]:
    """Yield who asks for metrics, where, and the pod and port that they are at."""
    for workload in context.reach.mirror.workloads:
        if workload.scraped:
            pod = context.reach.pods[workload.key]
            what = f"{workload.kind} {workload.key}"
            yield what, str(workload.origin), pod, workload.scraped
    labels = _labels(context)
    for other in context.reach.mirror.others:
        if other.kind == "PodMonitor":
            ends: Iterable[tuple[Pod, int]] = _of_pod_monitor(context, other)
        elif other.kind == "ServiceMonitor":
            ends = _of_service_monitor(context, other, labels)
        else:
            continue
        yield from ((str(other), other.place, pod, port) for pod, port in ends)


def _of_pod_monitor(context: HintContext, other: OtherObject) -> Iterator[tuple[Pod, int]]:
    chosen = other.selector("spec", "selector") or LabelSelector()
    for pod in context.reach.workloads:
        if _is_watched(other, pod.namespace) and matching.matches(chosen, pod.labels):
            for end in _dicts(_spec(other).get("podMetricsEndpoints")):
                port = end.get("portNumber", end.get("port", end.get("targetPort")))
                yield from ((pod, number) for number in _numbers(pod, port))


def _of_service_monitor(
    context: HintContext, other: OtherObject, labels: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[Pod, int]]:
    chosen = other.selector("spec", "selector") or LabelSelector()
    for service in context.reach.mirror.bundle.services:
        if not _is_watched(other, service.namespace):
            continue
        if matching.matches(chosen, labels.get(service.key, {})):
            for end in _dicts(_spec(other).get("endpoints")):
                for pod in context.reach.index.backends(service):
                    named = [p.target for p in service.ports if p.name == end.get("port")]
                    target = named[0] if named else end.get("targetPort")
                    yield from ((pod, number) for number in _numbers(pod, target))


def _is_watched(other: OtherObject, namespace: str) -> bool:
    chosen = _spec(other).get("namespaceSelector")
    names = chosen.get("matchNames") if isinstance(chosen, dict) else None
    if isinstance(chosen, dict) and chosen.get("any") is True:
        return True
    return namespace in (names if isinstance(names, list) and names else (other.namespace,))


def _labels(context: HintContext) -> dict[str, Mapping[str, str]]:
    """Return the labels of each Service."""
    return {
        f"{m.namespace}/{m.name}": m.raw["metadata"].get("labels") or {}
        for m in context.reach.mirror.bundle.manifests
        if m.kind == "Service"
    }


def _numbers(pod: Pod, port: object) -> list[int]:
    if isinstance(port, int):
        return [port]
    return [one.number for one in pod.ports if port and one.name == port]


def shut_webhook(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each admission webhook or aggregated API that the API server cannot reach.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/.
    """
    found: dict[str, list[OtherObject]] = {}
    for other, service, number in _called_back(context):
        for pod in context.reach.index.backends(service):
            ports = Entrance("", "", service.key, number).leads_to(service, pod)
            shut = [port for port in sorted(ports) if not _may_be_called(context, pod, port)]
            if shut and not pod.host_network:
                found.setdefault(f"{pod.key}:{shut[0]}", []).append(other)
    for end, others in found.items():
        yield Hint(
            SHUT_WEBHOOK,
            Severity.WARNING,
            others[0].place,
            str(others[0]),
            f"the API server calls {end} for {phrases.listed(map(str, others))}, and no policy "
            "lets it in: it is no pod that selectors surely mean",
            "let in everyone on that port (a rule without `from`), or the API server's addresses",
        )


def _may_be_called(context: HintContext, pod: Pod, port: int) -> bool:
    rules = context.reach.index.rules(pod, Direction.INGRESS)
    return not context.isolating(pod, Direction.INGRESS) or any(
        (rule.everyone or rule.blocks) and rule.has_port(port, Protocol.TCP, pod) for rule in rules
    )


def shut_api_server(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each binding of roles by which workloads ask the API server in vain.

    A service account is given roles to be used there. Policies by selectors do not surely mean it,
    so what may let pass is a rule for everyone, for addresses, or for all pods of its namespace.
    """
    bindings = _bindings(context)
    found: dict[tuple[str, str, str], list[str]] = {}
    for pod in context.reach.workloads:
        account = f"{pod.namespace}/{pod.service_account or 'default'}"
        limiting = context.isolating(pod, Direction.EGRESS)
        if account in bindings and limiting and not _may_ask_api_server(context, pod):
            policy = next((one for one in limiting if one.egress), limiting[0])
            end = str(policy.origin), policy.key, str(bindings[account])
            found.setdefault(end, []).append(pod.key)
    for (place, policy_key, binding), pods in found.items():
        yield Hint(
            SHUT_API_SERVER,
            Severity.WARNING,
            place,
            policy_key,
            f"{phrases.listed(pods)} may ask the API server by {binding}, and no policy lets it "
            "out there: it is no pod that selectors surely mean",
            "add egress to an ipBlock of the API server's addresses, mostly port 6443 "
            "(`kubectl get endpointslices --namespace default --selector "
            "kubernetes.io/service-name=kubernetes`)",
        )


def _may_ask_api_server(context: HintContext, pod: Pod) -> bool:
    mirror = context.reach.mirror
    labels = mirror.known_labels(pod.namespace)
    opened = any(
        one.opens and Direction.EGRESS in one.directions and one.may_touch(pod, labels)
        for one in mirror.overrulers
    )
    return (
        pod.host_network
        or opened
        or any(
            (rule.everyone or rule.blocks or rule.api_server) and _lets_more_than_dns(rule.ports)
            for rule in context.reach.index.rules(pod, Direction.EGRESS)
        )
    )


def _lets_more_than_dns(ports: Iterable[PortMatch]) -> bool:
    tcp = [match.port for match in ports if match.protocol is Protocol.TCP]
    return not tuple(ports) or any(port not in (53, 5353, "dns", "dns-tcp") for port in tcp)


def _bindings(context: HintContext) -> dict[str, OtherObject]:
    """Return the bindings of roles that may be used, by the service accounts they are for."""
    others = context.reach.mirror.others
    idle = {f"{one.kind} {one.name}" for one in others if _only_uses(one)}
    found: dict[str, OtherObject] = {}
    for one in others:
        if one.kind not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        role = _dict(one.raw.get("roleRef"))
        if f"{role.get('kind')} {role.get('name')}" in idle:
            continue
        for subject in _dicts(one.raw.get("subjects")):
            if subject.get("kind") == "ServiceAccount":
                space = subject.get("namespace") or one.namespace
                found.setdefault(f"{space}/{subject.get('name')}", one)
    return found


def _only_uses(other: OtherObject) -> bool:
    """Tell whether a role is one to `use` something, as security policies are, and to ask nothing.

    Nobody has to reach the API server for that.
    """
    if other.kind not in ("Role", "ClusterRole"):
        return False
    rules = _dicts(other.raw.get("rules"))
    return {verb for rule in rules for verb in words(rule, "verbs")} == {"use"}


def _called_back(context: HintContext) -> Iterator[tuple[OtherObject, Service, int]]:
    """Yield the Services that the API server calls, with the port."""
    services = {service.key: service for service in context.reach.mirror.bundle.services}
    for other in context.reach.mirror.others:
        found: list[Any] = []
        if other.kind.endswith("WebhookConfiguration"):
            hooks = _dicts(other.raw.get("webhooks"))
            found = [hook.get("clientConfig") for hook in hooks]
        elif other.kind == "APIService":
            found = [_spec(other)]
        elif other.kind == "CustomResourceDefinition":
            hook = _dict(_dict(_spec(other).get("conversion")).get("webhook"))
            found = [hook.get("clientConfig")]
        named = dict.fromkeys(_service_of(_dict(_dict(one).get("service"))) for one in found)
        for key, port in named:
            if key in services:
                yield other, services[key], port


def _service_of(raw: Mapping[str, Any]) -> tuple[str, int]:
    port = raw.get("port")
    return f"{raw.get('namespace')}/{raw.get('name')}", port if isinstance(port, int) else 443


def _spec(other: OtherObject) -> dict[str, Any]:
    return _dict(other.raw.get("spec"))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def host_port(context: HintContext) -> Iterator[Hint]:
    """Yield a remark for each hostPort of a pod that policies isolate: they may not guard it."""
    for one in context.reach.mirror.overrulers:
        for pod in context.reach.workloads if one.ports else ():
            if one.may_touch(pod, None) and context.reach.index.isolating(pod, Direction.INGRESS):
                yield Hint(
                    HOST_PORT,
                    Severity.INFO,
                    one.place,
                    one.what,
                    one.why,
                    "lead to it by a Service, or do not count on policies for that port",
                )
                break
