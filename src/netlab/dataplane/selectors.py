"""Label selectors, as metav1.LabelSelector defines them."""

from collections.abc import Callable, Mapping

from netlab.dataplane.view import Obj

Labels = Mapping[str, str]


def meets(requirement: Obj, labels: Labels) -> bool:
    """Tell whether labels meet one of matchExpressions; an unknown operator is never met."""
    key, operator = requirement.get("key", ""), requirement.get("operator")
    values = requirement.get("values") or ()
    match operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":  # an object without the key counts as not in
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def matches(selector: Obj, labels: Labels, meets: Callable[[Obj, Labels], bool] = meets) -> bool:
    """Tell whether labels match a selector; every term must hold, the empty selector has none."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    expressions = selector.get("matchExpressions")
    return not expressions or all(meets(term, labels) for term in expressions)
