"""Flows, labels and findings in the words that people use for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netproof.expected import UnmetLabel
from netproof.model.flow import Direction, Endpoint, EndpointKind, Flow
from netproof.model.record import Finding


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


def unmet(values: Iterable[UnmetLabel]) -> str:
    """Say in which labels something differs from what a selector wants."""
    return " and ".join(dict.fromkeys(map(_unmet, values)))


def _unmet(value: UnmetLabel) -> str:
    if value.given is None:
        return f"it has no label {value.key}"
    wanted = "" if value.wanted is None else f", not {value.wanted}"
    return f"{value.key} is {value.given}{wanted}"


def verb(direction: Direction) -> str:
    """Return how a rule of that direction speaks of its peers."""
    return "from" if direction is Direction.INGRESS else "to"


def flow(value: Flow) -> str:
    """Return a flow as an intent would state it, without what goes without saying."""
    there = "dns" if value.destination.kind is EndpointKind.SERVICE else _end(value.destination)
    return f"{_end(value.source)} -> {there}:{value.port}/{value.protocol}"


_MACHINES = ("nodes", "apiserver")
"""Ends that stand for machines by the word that statements have for them."""


def _end(end: Endpoint) -> str:
    plain = end.kind is not EndpointKind.NODE or end.name in _MACHINES
    return end.name if plain else str(end)


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
