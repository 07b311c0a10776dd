"""What somebody wants to do, in the fields that authorizers decide by; pure.

Source: k8s.io/apiserver pkg/endpoints/request RequestInfo, and its words of refusal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from netlab.apiserver.access.identity import User
from netlab.apiserver.errors import ApiError
from netlab.apiserver.routes import Discovery, Route


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


_OF_MANY = frozenset({"list", "watch", "deletecollection"})


def attributes_of(where: Route, method: str, path: str, query: Mapping[str, str]) -> Attributes:
    """Return the attributes of a request."""
    if isinstance(where, Discovery):
        return Attributes(verb=method.lower(), path=path)
    name = where.name or ""
    if not name and where.verb in _OF_MANY:
        name = _single(query.get("fieldSelector", ""))
    # A namespace is inside itself: a binding in it may allow to read it.
    inside = where.name if where.resource.plural == "namespaces" else where.namespace
    return Attributes(
        verb=where.verb,
        group=where.resource.group,
        resource=where.resource.plural,
        subresource=where.subresource or "",
        namespace=inside or "",
        name=name,
    )


def refusal(user: User, asked: Attributes, reason: str = "") -> ApiError:
    """Return 403 Forbidden in the API server's words."""
    message = f"{_subject(asked)}: User {_quoted(user.name)} cannot {asked.verb} {_object(asked)}"
    if reason:
        message += f": {reason}"
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    return ApiError(403, "Forbidden", message, details=details)


def _subject(asked: Attributes) -> str:
    if asked.path:
        return "forbidden"
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    named = f"{qualified} {_quoted(asked.name)}" if asked.name else qualified
    return f"{named} is forbidden"


def _object(asked: Attributes) -> str:
    if asked.path:
        return f"path {_quoted(asked.path)}"
    inside = f"in the namespace {_quoted(asked.namespace)}" if asked.namespace else ""
    return (
        f"resource {_quoted(asked.whole_resource)} in API group {_quoted(asked.group)} "
        f"{inside or 'at the cluster scope'}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _single(selector: str) -> str:
    """Return the one name that a field selector lets through, "" where it lets more."""
    for term in selector.split(","):
        key, _, value = term.replace("==", "=").partition("=")
        if key.strip() == "metadata.name":
            return value.strip()
    return ""
