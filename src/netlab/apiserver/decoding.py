"""From a request's bytes to an object of its kind, or to the API server's complaint about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml

from netlab.apiserver import errors, protobuf
from netlab.apiserver.kinds import STRUCTS
from netlab.apiserver.objects import Obj
from netlab.apiserver.resources import Resource
from netlab.apiserver.schema import WrongType, decode

JSON = "application/json"
YAML = "application/yaml"
APPLY = "application/apply-patch+yaml"
BODY_TYPES = (JSON, YAML, protobuf.MEDIA_TYPE)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded object (a copy of the sender's) and the paths of the fields it lost."""

    object: Obj
    unknown: tuple[str, ...] = ()


def parse_body(body: bytes, media_type: str) -> Any:
    """Return the JSON value of a body in JSON, YAML or protobuf; raise ApiError."""
    if media_type in {YAML, APPLY}:
        return _parse_yaml(body)
    if media_type == protobuf.MEDIA_TYPE:
        return _parse_protobuf(body)
    if not media_type or media_type == JSON or media_type.endswith("+json"):
        return _parse_json(body)
    raise errors.unsupported_media_type(BODY_TYPES)


def decode_object(
    resource: Resource, body: Any, namespace: str | None, *, strictness: str
) -> Decoded:
    """Return a body as an object of a kind, in the namespace of its URL.

    Raises ApiError (BadRequest): another kind, another namespace, a value of a wrong type, or with
    strictness "Strict" an unknown field.
    """
    if not isinstance(body, dict):
        why = f"couldn't get version/kind; json parse error: {type(body).__name__} is no object"
        raise errors.bad_request(why)
    _check_kind(resource, body)
    cannot = (
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    )
    try:
        obj, unknown = decode(STRUCTS[resource.plural], body)
    except WrongType as error:
        raise errors.bad_request(f"{cannot}: {error}") from error
    if unknown and strictness == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise errors.bad_request(f"{cannot}: strict decoding error: {listed}")
    _place(resource, obj, namespace)
    return Decoded(obj, tuple(unknown) if strictness == "Warn" else ())


def _place(resource: Resource, obj: Obj, namespace: str | None) -> None:
    meta = obj.setdefault("metadata", {})
    if not resource.namespaced:
        meta.pop("namespace", None)
        return
    if meta.get("namespace", namespace) != namespace:
        why = (
            "the namespace of the provided object does not match the namespace sent on the request"
        )
        raise errors.bad_request(why)
    meta["namespace"] = namespace


def _check_kind(resource: Resource, body: Obj) -> None:
    version = body.get("apiVersion") or resource.api_version
    kind = body.get("kind") or resource.kind
    if version != resource.api_version:
        why = (
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
        raise errors.bad_request(why)
    if kind != resource.kind:
        why = f"{kind} in version {version} cannot be handled as a {resource.kind}"
        raise errors.bad_request(why)
    body.setdefault("apiVersion", version)
    body.setdefault("kind", kind)


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        why = f"the object provided is unrecognized (must be of type JSON): {error}"
        raise errors.bad_request(why) from error


def _refuse_constant(name: str) -> None:
    # Python reads and writes NaN and Infinity, which no other JSON reader takes.
    raise ValueError(f"invalid value {name}")


def _parse_protobuf(body: bytes) -> Any:
    try:
        return protobuf.decode(body)
    except protobuf.Unreadable as error:
        raise errors.unsupported_media_type(BODY_TYPES) from error


def _parse_yaml(body: bytes) -> Any:
    try:
        # Through JSON, so that dates and the like are refused here and not found out later.
        return json.loads(json.dumps(yaml.load(body, Loader=_LOADER), allow_nan=False))  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, TypeError) as error:
        why = f"error decoding YAML: {error}"
        raise errors.bad_request(why) from error
