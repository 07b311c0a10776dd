"""Selectors, peers and ports in the words that people use for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netproof.model.flow import Direction, Endpoint, EndpointKind, Flow
from netproof.model.record import Finding
from netproof.policy import IpBlock, LabelSelector, MatchExpression, Operator, Peer, PortMatch


def selector(value: LabelSelector) -> str:
    """Return `app=api, tier in (a, b)`, or `{}` for the selector that matches everything."""
    parts = [f"{key}={text}" for key, text in sorted(value.match_labels.items())]
    parts += [expression(one) for one in value.match_expressions]
    return ", ".join(parts) or "{}"


def expression(value: MatchExpression) -> str:
    """Return one match expression as kubectl would write it."""
    match value.operator:
        case Operator.EXISTS:
            return value.key
        case Operator.DOES_NOT_EXIST:
            return f"!{value.key}"
        case Operator.IN | Operator.NOT_IN:
            word = "in" if value.operator is Operator.IN else "notin"
            return f"{value.key} {word} ({', '.join(value.values)})"


def labels(value: Mapping[str, str]) -> str:
    """Return labels as `app=api, tier=backend`."""
    return ", ".join(f"{key}={text}" for key, text in sorted(value.items())) or "no labels"


_MADE = ("statefulset.kubernetes.io/", "apps.kubernetes.io/", "batch.kubernetes.io/", "helm.sh/")
_NEVER_SELECTED = ("job-name", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")


def own_labels(value: Mapping[str, str]) -> str:
    """Return the labels that a person would select by: without those that tools make."""
    kept = {
        key: text
        for key, text in value.items()
        if not key.startswith(_MADE) and key not in _NEVER_SELECTED
    }
    return labels(kept or value) if value else "{}"


def difference(value: LabelSelector, own: Mapping[str, str]) -> str:
    """Say in which label something differs from what a selector wants; "" where it matches."""
    wrong = [
        f"{key} is {own[key]}, not {text}" if key in own else f"it has no label {key}"
        for key, text in sorted(value.match_labels.items())
        if own.get(key) != text
    ]
    wrong += [
        f"{one.key} is {own[one.key]}" if one.key in own else f"it has no label {one.key}"
        for one in value.match_expressions
        if not one.matches(own)
    ]
    return " and ".join(dict.fromkeys(wrong))


def port(value: PortMatch) -> str:
    """Return `5432/TCP`, `8000-8080/TCP`, `http/TCP` or `every TCP port`."""
    if value.port is None:
        return f"every {value.protocol} port"
    last = f"-{value.end_port}" if value.end_port else ""
    return f"{value.port}{last}/{value.protocol}"


def ports(values: Iterable[PortMatch]) -> str:
    """Return the ports of a rule as a list in words."""
    return " or ".join(port(one) for one in values) or "any port"


def peer(value: Peer, namespace: str) -> str:
    """Return whom a peer of a policy in `namespace` names."""
    if isinstance(value, IpBlock):
        without = ", ".join(str(cut) for cut in value.excepts)
        return f"addresses of {value.cidr}" + (f" without {without}" if without else "")
    who = "all pods" if _is_all(value.pod_selector) else f"pods with {_of(value.pod_selector)}"
    if value.namespace_selector is None:
        return f"{who} of namespace {namespace}"
    if _is_all(value.namespace_selector):
        return f"{who} of every namespace"
    return f"{who} of namespaces with {selector(value.namespace_selector)}"


def peers(values: Iterable[Peer], namespace: str) -> str:
    """Return whom a rule names, everyone where it names nobody."""
    return " or ".join(peer(one, namespace) for one in values) or "everyone"


def verb(direction: Direction) -> str:
    """Return how a rule of that direction speaks of its peers."""
    return "from" if direction is Direction.INGRESS else "to"


def flow(value: Flow) -> str:
    """Return a flow as an intent would state it, without what goes without saying."""
    there = "dns" if value.destination.kind is EndpointKind.SERVICE else _end(value.destination)
    return f"{_end(value.source)} -> {there}:{value.port}/{value.protocol}"


def _end(end: Endpoint) -> str:
    return str(end) if end.kind is EndpointKind.NODE else end.name


def finding(step: str, value: Finding) -> str:
    """Return what a flow did that was not expected, in which state of the cluster, and why."""
    reasons = [reason.text for reason in value.reasons if reason.expected is value.expected]
    why = [text for text in (value.why, value.detail, *reasons) if text]
    because = f" ({'; '.join(dict.fromkeys(why))})" if why else ""
    return (
        f"{step}: {value.verdict}: {flow(value.flow)} {value.flow.family}: expected "
        f"{value.expected}, saw {value.outcome}{because}"
    )


def listed(words: Iterable[str], most: int = 4) -> str:
    """Return `a, b and 3 more`."""
    every = list(words)
    if len(every) <= most:
        return " and ".join(filter(None, [", ".join(every[:-1]), every[-1]])) if every else "none"
    return f"{', '.join(every[:most])} and {len(every) - most} more"


def _is_all(value: LabelSelector | None) -> bool:
    return value is None or value == LabelSelector()


def _of(value: LabelSelector | None) -> str:
    return selector(value) if value else "{}"
