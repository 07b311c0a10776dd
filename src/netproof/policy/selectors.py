"""LabelSelector: how it is written, and what the API server refuses; what it means is `matching`'s.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and
k8s.io/apimachinery/pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from netproof.policy.fields import Field
from netproof.policy.syntax import label_key, label_value


class Operator(StrEnum):
    """How a match expression relates a label's key to its values."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class MatchExpression:
    """One requirement on one key (LabelSelectorRequirement)."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.IN | Operator.NOT_IN:
                return f"{self.key} {self.operator.lower()} ({', '.join(self.values)})"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of `match_labels` and all of `match_expressions`; an empty one matches everything."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[MatchExpression, ...] = ()

    def __str__(self) -> str:
        parts = [f"{key}={text}" for key, text in sorted(self.match_labels.items())]
        return ", ".join([*parts, *map(str, self.match_expressions)]) or "{}"


def read_selector(at: Field) -> LabelSelector:
    """Read a LabelSelector and note what the API server would refuse of it."""
    at.mapping(("matchLabels", "matchExpressions"))
    labels = read_labels(at.child("matchLabels"))
    expressions = [_expression(item) for item in at.child("matchExpressions").items()]
    return LabelSelector(labels, tuple(expression for expression in expressions if expression))


def read_labels(at: Field) -> dict[str, str]:
    """Read a mapping of labels and note keys and values that are misspelt."""
    labels = at.texts()
    for key, value in labels.items():
        for message in label_key(key):
            at.invalid(key, message)
        for message in label_value(value):
            at.invalid(value, message)
    return labels


def _expression(at: Field) -> MatchExpression | None:
    at.mapping(("key", "operator", "values"))
    key = at.child("key").text() or ""
    word = at.child("operator").text() or ""
    values = [item.text() or "" for item in at.child("values").items()]
    for message in label_key(key):
        at.child("key").invalid(key, message)
    for item, value in zip(at.child("values").items(), values, strict=True):
        for message in label_value(value):
            item.invalid(value, message)
    if word not in set(Operator):
        at.child("operator").invalid(
            word, f"not a valid selector operator; there are {', '.join(Operator)}"
        )
        return None
    operator = Operator(word)
    _check_values(at.child("values"), operator, values)
    return MatchExpression(key, operator, tuple(values))


def _check_values(at: Field, operator: Operator, values: list[str]) -> None:
    if operator in (Operator.IN, Operator.NOT_IN):
        if not values:
            at.required("must be specified when `operator` is 'In' or 'NotIn'")
    elif values:
        at.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
