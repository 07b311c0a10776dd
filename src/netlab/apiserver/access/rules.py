"""Whether one RBAC rule covers a request; pure.

Source: pkg/apis/rbac/v1/evaluation_helpers.go in kubernetes/kubernetes. Note what is no pattern
there and so none here: `pods/*` is the name of no subresource and covers nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from netlab.apiserver.access.attributes import Attributes
from netlab.apiserver.objects import Obj

ALL = "*"


def covers(rule: Obj, asked: Attributes) -> bool:
    """Tell whether a PolicyRule allows a request."""
    if not _listed(_of(rule, "verbs"), asked.verb):
        return False
    if asked.path:
        return any(_url_matches(pattern, asked.path) for pattern in _of(rule, "nonResourceURLs"))
    names = _of(rule, "resourceNames")
    return (
        _listed(_of(rule, "apiGroups"), asked.group)
        and any(_resource_matches(pattern, asked) for pattern in _of(rule, "resources"))
        and (not names or asked.name in names)
    )


def _of(rule: Obj, key: str) -> Sequence[str]:
    found: Sequence[str] = rule.get(key) or ()
    return found


def _listed(values: Sequence[str], value: str) -> bool:
    return ALL in values or value in values


def _resource_matches(pattern: str, asked: Attributes) -> bool:
    if pattern in {ALL, asked.whole_resource}:
        return True
    return bool(asked.subresource) and pattern == f"*/{asked.subresource}"


def _url_matches(pattern: str, path: str) -> bool:
    if pattern in {ALL, path}:
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))
