"""What somebody wants to do, and whether one RBAC rule covers it; pure.

The fields are those that authorizers decide by. Sources: k8s.io/apiserver pkg/endpoints/request
RequestInfo and its words of refusal; pkg/apis/rbac/v1/evaluation_helpers.go. Note what is no
pattern there and so none here: `pods/*` is the name of no subresource and covers nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from netlab.access.users import User
from netlab.objects.apierrors import ApiError
from netlab.objects.obj import Obj


@dataclass(frozen=True, slots=True)
class Attributes:
    """A verb on a resource, or with `path` on something that is none."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def whole_resource(self) -> str:
        """The resource with its subresource, as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def refusal(user: User, asked: Attributes, reason: str = "") -> ApiError:
    """Return 403 Forbidden in the API server's words."""
    action = f"User {_quoted(user.name)} cannot {asked.verb} {_described_object(asked)}"
    message = f"{_described_subject(asked)}: {action}"
    if reason:
        message += f": {reason}"
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    return ApiError(403, "Forbidden", message, details=details)


def _described_subject(asked: Attributes) -> str:
    if asked.path:
        return "forbidden"
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    named = f"{qualified} {_quoted(asked.name)}" if asked.name else qualified
    return f"{named} is forbidden"


def _described_object(asked: Attributes) -> str:
    if asked.path:
        return f"path {_quoted(asked.path)}"
    inside = f"in the namespace {_quoted(asked.namespace)}" if asked.namespace else ""
    return (
        f"resource {_quoted(asked.whole_resource)} in API group {_quoted(asked.group)} "
        f"{inside or 'at the cluster scope'}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


ALL = "*"


def is_covered(rule: Obj, asked: Attributes) -> bool:
    """Tell whether a PolicyRule allows a request."""
    if not _includes(_values(rule, "verbs"), asked.verb):
        return False
    if asked.path:
        return any(
            _url_matches(pattern, asked.path) for pattern in _values(rule, "nonResourceURLs")
        )
    names = _values(rule, "resourceNames")
    return (
        _includes(_values(rule, "apiGroups"), asked.group)
        and any(_resource_matches(pattern, asked) for pattern in _values(rule, "resources"))
        and (not names or asked.name in names)
    )


def _values(rule: Obj, key: str) -> Sequence[str]:
    values: Sequence[str] = rule.get(key) or ()
    return values


def _includes(values: Sequence[str], value: str) -> bool:
    return ALL in values or value in values


def _resource_matches(pattern: str, asked: Attributes) -> bool:
    if pattern in {ALL, asked.whole_resource}:
        return True
    return bool(asked.subresource) and pattern == f"*/{asked.subresource}"


def _url_matches(pattern: str, path: str) -> bool:
    if pattern in {ALL, path}:
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))
