"""Label and field selectors: text to terms, terms against objects; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netlab.objects import apierrors
from netlab.objects.limits import MAX_TERMS
from netlab.objects.obj import Obj, at, labels_of

Matcher = Callable[[Obj], bool]


@dataclass(frozen=True, slots=True)
class SelectorTerm:
    """One requirement: a key, an operator and its values."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet the requirement; NotIn is met where the key is missing."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        if value is None or not re.fullmatch("-?[0-9]{1,63}", value):
            return False
        bound = int(next(iter(self.values)))  # as long as a label's value at most, like it
        return int(value) > bound if self.operator == ">" else int(value) < bound


_SHOWN = 200
"""Characters of a selector that a complaint repeats."""

_SPACE = r"\s*"
_KEY = r"(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)"
_FORMS = (
    (re.compile(rf"!{_SPACE}{_KEY}"), "absent"),
    (re.compile(rf"{_KEY}\s+(?P<op>in|notin){_SPACE}\((?P<set>[^()]*)\)"), ""),
    (re.compile(rf"{_KEY}{_SPACE}(?:==|=){_SPACE}(?P<set>[^\s,=!()<>]*)"), "in"),
    (re.compile(rf"{_KEY}{_SPACE}!={_SPACE}(?P<set>[^\s,=!()<>]*)"), "notin"),
    (re.compile(rf"{_KEY}{_SPACE}(?P<op>[<>]){_SPACE}(?P<set>-?[0-9]{{1,19}})"), ""),
    (re.compile(_KEY), "exists"),
)


def parse_labels(text: str) -> tuple[SelectorTerm, ...]:
    """Return the terms of a label selector; raise ApiError (BadRequest)."""
    return tuple(_parse_term(part, text) for part in _split(text))


def matcher(labels: str, fields: str, resource: str) -> Matcher | None:
    """Return the test for a list or watch, None where everything matches.

    Raises ApiError (BadRequest) where a selector cannot be read or its field is not supported.
    """
    terms = parse_labels(labels)
    field_terms = parse_fields(fields, resource)
    if not terms and not field_terms:
        return None
    return lambda obj: (
        all(term.matches(labels_of(obj)) for term in terms)
        and all((_field(obj, path) == value) is equal for path, value, equal in field_terms)
    )


def parse_fields(text: str, resource: str) -> tuple[tuple[str, str, bool], ...]:
    """Return path, value and whether they are to be equal, for each term of a field selector."""
    terms = []
    for part in _limited([piece.strip() for piece in text.split(",") if piece.strip()]):
        match = re.fullmatch(r"([A-Za-z.]+)\s*(!=|==|=)\s*(.*)", part)
        if match is None:
            why = f"invalid selector: '{text[:_SHOWN]}'; can't understand '{part[:_SHOWN]}'"
            raise apierrors.bad_request(why)
        path, operator, value = match.groups()
        if path not in _COMMON_FIELDS | _FIELDS.get(resource, frozenset()):
            raise apierrors.bad_request(f"field label not supported: {path[:_SHOWN]}")
        terms.append((path, value, operator != "!="))
    return tuple(terms)


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether a Service's selector matches labels."""
    return all(labels.get(key) == value for key, value in selector.items())


def matches_labels(selector: Obj, labels: Mapping[str, str]) -> bool:
    """Tell whether a LabelSelector of an object matches labels; an empty one matches all."""
    terms = [
        SelectorTerm(
            term.get("key", ""), _OPERATORS[term["operator"]], frozenset(term.get("values") or ())
        )
        for term in selector.get("matchExpressions") or []
    ]
    plain = selects(selector.get("matchLabels") or {}, labels)
    return plain and all(term.matches(labels) for term in terms)


_OPERATORS = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "absent",
    "Gt": ">",
    "Lt": "<",
}
"""Those of a LabelSelector, and the two that a NodeSelector has besides."""

_COMMON_FIELDS = frozenset({"metadata.name", "metadata.namespace"})
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_POD_SPEC = ("nodeName", "restartPolicy", "schedulerName", "serviceAccountName", "hostNetwork")
_FIELDS = {
    "pods": frozenset({*(f"spec.{name}" for name in _POD_SPEC), "status.phase", "status.podIP"}),
    "nodes": frozenset({"spec.unschedulable"}),
    "namespaces": frozenset({"status.phase"}),
    "services": frozenset({"spec.clusterIP", "spec.type"}),
    "events": frozenset(
        {*(f"involvedObject.{name}" for name in _INVOLVED), "reason", "reportingComponent", "type"}
    ),
}


def _field(obj: Obj, path: str) -> str:
    value = at(obj, *path.split("."))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "false" if value is None and path in _BOOLEANS else str(value or "")


_BOOLEANS = frozenset({"spec.unschedulable", "spec.hostNetwork"})


def _split(text: str) -> list[str]:
    """Split at the commas that are not inside parentheses; raise ApiError (BadRequest)."""
    parts, begin, depth = [], 0, 0
    for match in _MARKS.finditer(text):
        if match.group() == ",":
            if depth == 0:
                parts.append(text[begin : match.start()])
                begin = match.end()
        else:
            depth += 1 if match.group() == "(" else -1
    parts.append(text[begin:])
    return _limited([part.strip() for part in parts if part.strip()])


_MARKS = re.compile("[(),]")


def _limited(parts: list[str]) -> list[str]:
    if len(parts) > MAX_TERMS:
        why = f"invalid selector: {len(parts)} requirements, at most {MAX_TERMS} are taken"
        raise apierrors.bad_request(why)
    return parts


def _parse_term(part: str, text: str) -> SelectorTerm:
    for form, operator in _FORMS:
        match = form.fullmatch(part)
        if match is not None:
            groups = match.groupdict()
            values = frozenset(item.strip() for item in (groups.get("set") or "").split(","))
            named = operator or groups["op"]
            return SelectorTerm(groups["key"], named, values if "set" in groups else frozenset())
    why = f"unable to parse requirement: found '{part[:_SHOWN]}' in '{text[:_SHOWN]}'"
    raise apierrors.bad_request(why)
