"""From a JSON value to an object of its kind, or to the API server's complaint about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netlab.objects import apierrors
from netlab.objects.kinds import ServedKind
from netlab.objects.obj import Obj
from netlab.objects.schema import WrongType, decode
from netlab.objects.structs import STRUCTS


@dataclass(frozen=True, slots=True)
class DecodedObject:
    """A decoded object (a copy of the sender's) and the paths of the fields it lost."""

    object: Obj
    unknown: tuple[str, ...] = ()


def decode_object(
    resource: ServedKind, body: Any, namespace: str | None, *, strictness: str
) -> DecodedObject:
    """Return a body as an object of a kind, in the namespace of its URL.

    Raises ApiError (BadRequest): another kind, another namespace, a value of a wrong type, or with
    strictness "Strict" an unknown field.
    """
    if not isinstance(body, dict):
        why = f"couldn't get version/kind; json parse error: {type(body).__name__} is no object"
        raise apierrors.bad_request(why)
    _check_kind(resource, body)
    cannot = (
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    )
    try:
        obj, unknown = decode(STRUCTS[resource.plural], body)
    except WrongType as error:
        raise apierrors.bad_request(f"{cannot}: {error}") from error
    if unknown and strictness == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise apierrors.bad_request(f"{cannot}: strict decoding error: {listed}")
    _place(resource, obj, namespace)
    return DecodedObject(obj, tuple(unknown) if strictness == "Warn" else ())


def _place(resource: ServedKind, obj: Obj, namespace: str | None) -> None:
    meta = obj.setdefault("metadata", {})
    if not resource.namespaced:
        meta.pop("namespace", None)
        return
    if meta.get("namespace", namespace) != namespace:
        why = (
            "the namespace of the provided object does not match the namespace sent on the request"
        )
        raise apierrors.bad_request(why)
    meta["namespace"] = namespace


def _check_kind(resource: ServedKind, body: Obj) -> None:
    version = body.get("apiVersion") or resource.api_version
    kind = body.get("kind") or resource.kind
    if version != resource.api_version:
        why = (
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
        raise apierrors.bad_request(why)
    if kind != resource.kind:
        why = f"{kind} in version {version} cannot be handled as a {resource.kind}"
        raise apierrors.bad_request(why)
    body.setdefault("apiVersion", version)
    body.setdefault("kind", kind)
