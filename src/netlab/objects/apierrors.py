"""The errors of the API as the API server names them, and their one way onto the wire.

Whatever is raised while a request is served ends in `status_of`; nothing else makes a Status.
Reasons, codes and wording: k8s.io/apimachinery pkg/api/errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from netlab.objects.kinds import ServedKind
from netlab.objects.obj import Obj


@dataclass(frozen=True, slots=True)
class StatusCause:
    """One entry of `details.causes`; `field` is a path such as spec.ingress[0].ports[1].port."""

    type: str
    message: str
    field: str = ""

    def as_json(self) -> Obj:
        """Return the entry as JSON, without the fields it does not have."""
        fields = {"reason": self.type, "message": self.message, "field": self.field}
        return {key: value for key, value in fields.items() if value}


class ApiError(Exception):
    """A request that ends in a Status other than success."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Obj | None = None,
        causes: Sequence[StatusCause] = (),
    ) -> None:
        """Keep what the Status will say; `details` are its group, kind and name."""
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.causes = tuple(causes)


def not_found(resource: ServedKind, name: str) -> ApiError:
    """Return 404 NotFound for an object."""
    message = f'{resource.qualified} "{name}" not found'
    return ApiError(404, "NotFound", message, details=_details(resource, name))


def no_such_path() -> ApiError:
    """Return the 404 for a path that belongs to no resource."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: ServedKind, name: str) -> ApiError:
    """Return 409 AlreadyExists for an object."""
    message = f'{resource.qualified} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details=_details(resource, name))


def conflict(resource: ServedKind, name: str, why: str) -> ApiError:
    """Return 409 Conflict: the write was made against another state than the stored one."""
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=_details(resource, name))


STALE = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def forbidden(
    resource: ServedKind, name: str, why: str, causes: Sequence[StatusCause] = ()
) -> ApiError:
    """Return 403 Forbidden."""
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, details=_details(resource, name), causes=causes)


def invalid(resource: ServedKind, name: str, causes: Sequence[StatusCause]) -> ApiError:
    """Return 422 Invalid with one cause per wrong field."""
    complaints = [f"{cause.field}: {cause.message}" for cause in causes]
    # Like the API server's aggregate: the same complaint is said once, a single one bare.
    unique = list(dict.fromkeys(complaints))
    listed = unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = {"group": resource.group, "kind": resource.kind, "name": name}
    message = f'{kind} "{name}" is invalid: {listed}'
    return ApiError(422, "Invalid", message, details=details, causes=causes)


def bad_request(message: str) -> ApiError:
    """Return 400 BadRequest."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """Return 401 Unauthorized."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> ApiError:
    """Return 405 for a verb that a resource does not have."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message)


def expired(version: int, oldest: int) -> ApiError:
    """Return 410 Expired: a watch from a version whose successors are forgotten."""
    return ApiError(410, "Expired", f"too old resource version: {version} ({oldest})")


def unsupported_media_type(supported: Sequence[str]) -> ApiError:
    """Return 415 for a request body in a form that is not read here."""
    listed = ", ".join(supported)
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {listed}"
    )
    return ApiError(415, "UnsupportedMediaType", message)


def not_acceptable(supported: Sequence[str]) -> ApiError:
    """Return 406 for an Accept header that names nothing the server writes."""
    listed = ", ".join(supported)
    message = f"only the following media types are accepted: {listed}"
    return ApiError(406, "NotAcceptable", message)


def too_large(limit: int, why: str = "") -> ApiError:
    """Return 413 for a body of more than `limit` bytes, or for what a body would make."""
    message = f"Request entity too large: limit is {limit}"
    message += f": {why}" if why else ""
    return ApiError(413, "RequestEntityTooLarge", message)


def timed_out(limit_s: float) -> ApiError:
    """Return 504 for a request that does not end."""
    message = f"request did not complete within the allotted timeout of {limit_s:g} s"
    return ApiError(504, "Timeout", message)


def service_unavailable(message: str) -> ApiError:
    """Return 503 ServiceUnavailable."""
    return ApiError(503, "ServiceUnavailable", message)


def not_implemented(message: str) -> ApiError:
    """Return 501 for what a cluster has and the lab has not."""
    return ApiError(501, "NotImplemented", message)


def internal(message: str) -> ApiError:
    """Return 500 InternalError."""
    text = f"Internal error occurred: {message}"
    return ApiError(500, "InternalError", text, causes=[StatusCause("", message)])


def status_of(error: BaseException) -> Obj:
    """Return the Status object that tells a client of an error; anything unforeseen is a 500."""
    api_error = (
        error if isinstance(error, ApiError) else internal(f"{type(error).__name__}: {error}")
    )
    status: Obj = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": api_error.message,
        "reason": api_error.reason,
    }
    details: dict[str, Any] = {key: value for key, value in api_error.details.items() if value}
    if api_error.causes:
        details["causes"] = [cause.as_json() for cause in api_error.causes]
    if details:
        status["details"] = details
    return {**status, "code": api_error.code}


def _details(resource: ServedKind, name: str) -> Obj:
    return {"name": name, "group": resource.group, "kind": resource.plural}
