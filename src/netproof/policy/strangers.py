"""Pods that are not in a bundle, as its rules name them: by their labels and their namespaces'.

A selector means whoever carries the labels, not only those whom a bundle happens to hold. What is
said of such pods is said of all that a selector means, so one set of them lies in another where
each requirement of the other follows from one of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from netproof.model.workload import NAMESPACE_NAME_LABEL
from netproof.policy import matching
from netproof.policy.peers import PodPeer
from netproof.policy.selectors import LabelSelector, MatchExpression, Operator

_WORDS = re.compile(
    r"(any pod|pods labelled (?P<pods>\S.*?)) in "
    r"(any namespace|namespace (?P<name>\S+)|namespaces labelled (?P<spaces>\S.*))"
)
_EACH = re.compile(r"[^,()]+(?:\([^()]*\))?")
_AMONG = re.compile(r"(?P<key>\S+) (?P<word>in|notin) \((?P<values>[^()]*)\)")


@dataclass(frozen=True, slots=True)
class Strangers:
    """All pods that meet some requirements, in all namespaces that meet others."""

    pods: tuple[MatchExpression, ...] = ()
    spaces: tuple[MatchExpression, ...] = ()

    def __str__(self) -> str:
        pods = f"pods labelled {_written(self.pods)}" if self.pods else "any pod"
        if self.space:
            return f"{pods} in namespace {self.space}"
        spaces = f"namespaces labelled {_written(self.spaces)}" if self.spaces else "any namespace"
        return f"{pods} in {spaces}"

    @property
    def space(self) -> str:
        """The one namespace that they are in, "" where they may be in several."""
        only = self.spaces[0] if len(self.spaces) == 1 else None
        if only is None or only.key != NAMESPACE_NAME_LABEL or len(only.values) != 1:
            return ""
        return only.values[0] if only.operator is Operator.IN else ""

    def covers(self, others: Strangers) -> bool:
        """Tell whether all of some others are among these, by what is written."""
        return _follow(others.pods, self.pods) and _follow(others.spaces, self.spaces)


ANYONE = Strangers()
"""Every pod of every namespace."""


def named_by(peer: PodPeer, own: str) -> Strangers:
    """Return all whom a peer of a policy in namespace `own` names."""
    pods = _required(peer.pod_selector) if peer.pod_selector else ()
    if peer.namespace_selector is None:
        return Strangers(pods, (MatchExpression(NAMESPACE_NAME_LABEL, Operator.IN, (own,)),))
    return Strangers(pods, _required(peer.namespace_selector))


@lru_cache(maxsize=65536)
def read_strangers(text: str) -> Strangers | None:
    """Read what `str` made of strangers; None where a text names none."""
    words = _WORDS.fullmatch(text)
    if words is None:
        return None
    spaces = _read(words["spaces"])
    if words["name"]:
        spaces = (MatchExpression(NAMESPACE_NAME_LABEL, Operator.IN, (words["name"],)),)
    return Strangers(_read(words["pods"]), spaces)


def _required(selector: LabelSelector) -> tuple[MatchExpression, ...]:
    """Return all requirements of a selector in one form and order."""
    labels = (
        MatchExpression(key, Operator.IN, (text,)) for key, text in selector.match_labels.items()
    )
    expressions = (
        MatchExpression(one.key, one.operator, tuple(sorted(set(one.values))))
        for one in selector.match_expressions
    )
    return _ordered((*labels, *expressions))


def _ordered(every: tuple[MatchExpression, ...]) -> tuple[MatchExpression, ...]:
    return tuple(sorted(set(every), key=lambda one: (one.key, one.operator, one.values)))


def _written(every: tuple[MatchExpression, ...]) -> str:
    return ", ".join(map(_one_written, every))


def _one_written(one: MatchExpression) -> str:
    if one.operator is Operator.IN and len(one.values) == 1:
        return f"{one.key}={one.values[0]}"
    return str(one)


def _read(text: str | None) -> tuple[MatchExpression, ...]:
    return _ordered(tuple(_one_read(one.strip()) for one in _EACH.findall(text or "")))


def _one_read(text: str) -> MatchExpression:
    if among := _AMONG.fullmatch(text):
        operator = Operator.IN if among["word"] == "in" else Operator.NOT_IN
        return MatchExpression(among["key"], operator, tuple(among["values"].split(", ")))
    key, equals, value = text.partition("=")
    if equals:
        return MatchExpression(key, Operator.IN, (value,))
    if text.startswith("!"):
        return MatchExpression(text[1:], Operator.DOES_NOT_EXIST)
    return MatchExpression(text, Operator.EXISTS)


def _follow(given: tuple[MatchExpression, ...], wanted: tuple[MatchExpression, ...]) -> bool:
    return all(any(matching.implies(one, want) for one in given) for want in wanted)
