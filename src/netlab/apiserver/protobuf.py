"""Kubernetes protobuf, read only, for the few kinds that kubectl writes in no other way; pure.

`kubectl create namespace`, `create configmap`, `auth can-i` and their like send protobuf without
asking what the server takes. Field numbers: generated.proto of k8s.io/api and k8s.io/apimachinery.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"


class Unreadable(ValueError):  # noqa: N818 - the message is unreadable, nothing else is wrong
    """The bytes are no protobuf message of a kind that is known here."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field's name in JSON and how its value is read; `many` collects a list."""

    name: str
    read: Callable[[bytes | int], Any]
    many: bool = False


Message = Mapping[int, Field]


def decode(data: bytes) -> Any:
    """Return the object in an envelope as its JSON would be; raise Unreadable."""
    if not data.startswith(MAGIC):
        raise Unreadable("the body does not begin as Kubernetes protobuf does")
    envelope = _read(_ENVELOPE, data[len(MAGIC) :])
    head = envelope.get("typeMeta", {})
    message = _KINDS.get(head.get("kind", ""))
    if message is None:
        raise Unreadable(f"a {head.get('kind')} is read from JSON and YAML only")
    return {**head, **_read(message, envelope.get("raw", b""))}


def _read(message: Message, data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        field = message.get(number)
        if field is None:
            continue
        item = field.read(value)
        if field.many:
            found.setdefault(field.name, []).append(item)
        elif isinstance(item, tuple):
            found.setdefault(field.name, {})[item[0]] = item[1]
        elif item not in ("", 0, False, None, {}):
            # Go writes fields that were left out as their zero.
            found[field.name] = item
    return found


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
        elif kind == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise Unreadable("a field is cut off")
            yield number, data[at : at + length]
            at += length
        else:
            raise Unreadable(f"a field of wire type {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Unreadable("a number is cut off")


def _bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise Unreadable("a number where bytes belong")
    return value


def _string(value: bytes | int) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise Unreadable("a string that is not UTF-8") from error


def _int(value: bytes | int) -> int:
    if not isinstance(value, int):
        raise Unreadable("bytes where a number belongs")
    return value - (1 << 64) if value >> 63 else value


def _bool(value: bytes | int) -> bool:
    return bool(_int(value))


def _pair(value: bytes | int) -> tuple[str, str]:
    entry = dict(_fields(_bytes(value)))
    return _string(entry.get(1, b"")), _string(entry.get(2, b""))


def _bytes_pair(value: bytes | int) -> tuple[str, str]:
    """Read an entry of a map of bytes, which JSON writes in base64."""
    entry = dict(_fields(_bytes(value)))
    return _string(entry.get(1, b"")), base64.b64encode(_bytes(entry.get(2, b""))).decode()


def _int_or_string(value: bytes | int) -> int | str:
    entry = dict(_fields(_bytes(value)))
    return _string(entry.get(3, b"")) if entry.get(1) else _int(entry.get(2, 0))


def _sub(message: Message) -> Callable[[bytes | int], Any]:
    return lambda value: _read(message, _bytes(value))


def _strings(**numbers: int) -> dict[int, Field]:
    return {number: Field(name, _string) for name, number in numbers.items()}


_ENVELOPE: Message = {
    1: Field("typeMeta", _sub(_strings(apiVersion=1, kind=2))),
    2: Field("raw", _bytes),
}

_META: Message = {
    **_strings(name=1, generateName=2, namespace=3, uid=5, resourceVersion=6),
    11: Field("labels", _pair),
    12: Field("annotations", _pair),
    14: Field("finalizers", _string, many=True),
}

_NAMESPACE_SPEC: Message = {1: Field("finalizers", _string, many=True)}

_SERVICE_PORT: Message = {
    **_strings(name=1, protocol=2, appProtocol=6),
    3: Field("port", _int),
    4: Field("targetPort", _int_or_string),
    5: Field("nodePort", _int),
}
_SERVICE_SPEC: Message = {
    **_strings(clusterIP=3, type=4, sessionAffinity=7, loadBalancerIP=8, externalName=10),
    **_strings(externalTrafficPolicy=11, ipFamilyPolicy=17, internalTrafficPolicy=22),
    1: Field("ports", _sub(_SERVICE_PORT), many=True),
    2: Field("selector", _pair),
    5: Field("externalIPs", _string, many=True),
    13: Field("publishNotReadyAddresses", _bool),
    18: Field("clusterIPs", _string, many=True),
    19: Field("ipFamilies", _string, many=True),
}

_RESOURCE_ASKED = _strings(
    namespace=1, verb=2, group=3, version=4, resource=5, subresource=6, name=7
)
_REVIEW_SPEC: Message = {
    1: Field("resourceAttributes", _sub(_RESOURCE_ASKED)),
    2: Field("nonResourceAttributes", _sub(_strings(path=1, verb=2))),
}
_REVIEW_OF_SPEC: Message = {
    **_REVIEW_SPEC,
    **_strings(user=3, uid=6),
    4: Field("groups", _string, many=True),
}

_RULE: Message = {
    number: Field(name, _string, many=True)
    for number, name in enumerate(
        ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"), start=1
    )
}
_REQUIREMENT: Message = {
    **_strings(key=1, operator=2),
    3: Field("values", _string, many=True),
}
_SELECTOR: Message = {
    1: Field("matchLabels", _pair),
    2: Field("matchExpressions", _sub(_REQUIREMENT), many=True),
}
_AGGREGATION: Message = {1: Field("clusterRoleSelectors", _sub(_SELECTOR), many=True)}
_SUBJECT: Message = _strings(kind=1, apiGroup=2, name=3, namespace=4)
_ROLE_REF: Message = _strings(apiGroup=1, kind=2, name=3)

_TOKEN_SPEC: Message = {
    1: Field("audiences", _string, many=True),
    3: Field("boundObjectRef", _sub(_strings(kind=1, apiVersion=2, name=3, uid=4))),
    4: Field("expirationSeconds", _int),
}


def _quantity_pair(value: bytes | int) -> tuple[str, str]:
    entry = dict(_fields(_bytes(value)))
    quantity = dict(_fields(_bytes(entry.get(2, b""))))
    return _string(entry.get(1, b"")), _string(quantity.get(1, b""))


_QUOTA_SPEC: Message = {1: Field("hard", _quantity_pair), 2: Field("scopes", _string, many=True)}


def _kind(*parts: Field) -> Message:
    return dict(enumerate((Field("metadata", _sub(_META)), *parts), start=1))


_BINDING = _kind(Field("subjects", _sub(_SUBJECT), many=True), Field("roleRef", _sub(_ROLE_REF)))

_KINDS: Mapping[str, Message] = {
    "ConfigMap": _kind(
        Field("data", _pair), Field("binaryData", _bytes_pair), Field("immutable", _bool)
    ),
    "ClusterRole": _kind(
        Field("rules", _sub(_RULE), many=True), Field("aggregationRule", _sub(_AGGREGATION))
    ),
    "ClusterRoleBinding": _BINDING,
    "LocalSubjectAccessReview": _kind(Field("spec", _sub(_REVIEW_OF_SPEC))),
    "Namespace": _kind(Field("spec", _sub(_NAMESPACE_SPEC))),
    "ResourceQuota": _kind(Field("spec", _sub(_QUOTA_SPEC))),
    "Role": _kind(Field("rules", _sub(_RULE), many=True)),
    "RoleBinding": _BINDING,
    "SelfSubjectAccessReview": _kind(Field("spec", _sub(_REVIEW_SPEC))),
    "SelfSubjectReview": _kind(),
    "SelfSubjectRulesReview": _kind(Field("spec", _sub(_strings(namespace=1)))),
    "SubjectAccessReview": _kind(Field("spec", _sub(_REVIEW_OF_SPEC))),
    "TokenRequest": _kind(Field("spec", _sub(_TOKEN_SPEC))),
    "Service": _kind(Field("spec", _sub(_SERVICE_SPEC))),
    "ServiceAccount": _kind(),
}
