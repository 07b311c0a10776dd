"""LabelSelector: which sets of labels it matches, and how it is written.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and
k8s.io/apimachinery/pkg/apis/meta/v1/validation. The lab has a matcher of its own on purpose:
one misreading of the API must not stand on both sides.
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

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet this; NotIn and DoesNotExist also hold without the key."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of `match_labels` and all of `match_expressions`; an empty one matches everything."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[MatchExpression, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet every requirement."""
        return self.match_labels.items() <= labels.items() and all(
            expression.matches(labels) for expression in self.match_expressions
        )


def read_selector(at: Field) -> LabelSelector:
    """Read a LabelSelector and note what the API server would refuse of it."""
    at.mapping(("matchLabels", "matchExpressions"))
    labels = read_labels(at.child("matchLabels"))
    found = [_expression(item) for item in at.child("matchExpressions").items()]
    return LabelSelector(labels, tuple(expression for expression in found if expression))


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
