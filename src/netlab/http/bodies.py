"""The bodies of requests in JSON, YAML or protobuf, read into JSON values; pure.

Protobuf for the few kinds that kubectl writes in no other way: `kubectl create namespace`, `create
configmap`, `auth can-i` and their like send it without asking what the server takes. Field
numbers: generated.proto of k8s.io/api and k8s.io/apimachinery.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netlab.objects import apierrors
from netlab.objects.documents import UnreadableText, parse_json, parse_yaml
from netlab.objects.limits import MAX_VALUES, check_value

PROTOBUF = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"


class UnreadableBody(ValueError):  # noqa: N818 - the message is unreadable, nothing else is wrong
    """The bytes are no protobuf message of a kind that is known here."""


@dataclass(frozen=True, slots=True)
class ProtoField:
    """A field's name in JSON and how its value is read; `many` collects a list."""

    name: str
    read: Callable[[bytes | int], Any]
    many: bool = False


ProtoMessage = Mapping[int, ProtoField]


def decode_protobuf(data: bytes) -> Any:
    """Return the object in an envelope as its JSON would be; raise Unreadable."""
    if not data.startswith(MAGIC):
        raise UnreadableBody("the body does not begin as Kubernetes protobuf does")
    envelope = _read_message(_ENVELOPE, data[len(MAGIC) :])
    head = envelope.get("typeMeta", {})
    message = _KINDS.get(head.get("kind", ""))
    if message is None:
        raise UnreadableBody(f"a {head.get('kind')} is read from JSON and YAML only")
    return {**head, **_read_message(message, envelope.get("raw", b""))}


def _read_message(message: ProtoMessage, data: bytes) -> dict[str, Any]:
    value_by_name: dict[str, Any] = {}
    for number, value in _raw_fields(data):
        field = message.get(number)
        if field is None:
            continue
        item = field.read(value)
        if field.many:
            value_by_name.setdefault(field.name, []).append(item)
        elif isinstance(item, tuple):
            value_by_name.setdefault(field.name, {})[item[0]] = item[1]
        elif item not in ("", 0, False, None, {}):
            # Go writes fields that were left out as their zero.
            value_by_name[field.name] = item
    return value_by_name


def _raw_fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = count = 0
    while at < len(data):
        count += 1
        if count > MAX_VALUES:
            raise UnreadableBody(f"more than {MAX_VALUES} fields")
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
        elif kind == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise UnreadableBody("a field is cut off")
            yield number, data[at : at + length]
            at += length
        else:
            raise UnreadableBody(f"a field of wire type {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise UnreadableBody("a number is cut off")


def _bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise UnreadableBody("a number where bytes belong")
    return value


def _string(value: bytes | int) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise UnreadableBody("a string that is not UTF-8") from error


def _integer(value: bytes | int) -> int:
    if not isinstance(value, int):
        raise UnreadableBody("bytes where a number belongs")
    return value - (1 << 64) if value >> 63 else value


def _boolean(value: bytes | int) -> bool:
    return bool(_integer(value))


def _string_pair(value: bytes | int) -> tuple[str, str]:
    entry = dict(_raw_fields(_bytes(value)))
    return _string(entry.get(1, b"")), _string(entry.get(2, b""))


def _bytes_pair(value: bytes | int) -> tuple[str, str]:
    """Read an entry of a map of bytes, which JSON writes in base64."""
    entry = dict(_raw_fields(_bytes(value)))
    return _string(entry.get(1, b"")), base64.b64encode(_bytes(entry.get(2, b""))).decode()


def _int_or_string(value: bytes | int) -> int | str:
    entry = dict(_raw_fields(_bytes(value)))
    return _string(entry.get(3, b"")) if entry.get(1) else _integer(entry.get(2, 0))


def _nested(message: ProtoMessage) -> Callable[[bytes | int], Any]:
    return lambda value: _read_message(message, _bytes(value))


def _strings(**numbers: int) -> dict[int, ProtoField]:
    return {number: ProtoField(name, _string) for name, number in numbers.items()}


_ENVELOPE: ProtoMessage = {
    1: ProtoField("typeMeta", _nested(_strings(apiVersion=1, kind=2))),
    2: ProtoField("raw", _bytes),
}

_META: ProtoMessage = {
    **_strings(name=1, generateName=2, namespace=3, uid=5, resourceVersion=6),
    11: ProtoField("labels", _string_pair),
    12: ProtoField("annotations", _string_pair),
    14: ProtoField("finalizers", _string, many=True),
}

_NAMESPACE_SPEC: ProtoMessage = {1: ProtoField("finalizers", _string, many=True)}

_SERVICE_PORT: ProtoMessage = {
    **_strings(name=1, protocol=2, appProtocol=6),
    3: ProtoField("port", _integer),
    4: ProtoField("targetPort", _int_or_string),
    5: ProtoField("nodePort", _integer),
}
_SERVICE_SPEC: ProtoMessage = {
    **_strings(clusterIP=3, type=4, sessionAffinity=7, loadBalancerIP=8, externalName=10),
    **_strings(externalTrafficPolicy=11, ipFamilyPolicy=17, internalTrafficPolicy=22),
    1: ProtoField("ports", _nested(_SERVICE_PORT), many=True),
    2: ProtoField("selector", _string_pair),
    5: ProtoField("externalIPs", _string, many=True),
    13: ProtoField("publishNotReadyAddresses", _boolean),
    18: ProtoField("clusterIPs", _string, many=True),
    19: ProtoField("ipFamilies", _string, many=True),
}

_RESOURCE_ATTRIBUTES = _strings(
    namespace=1, verb=2, group=3, version=4, resource=5, subresource=6, name=7
)
_REVIEW_SPEC: ProtoMessage = {
    1: ProtoField("resourceAttributes", _nested(_RESOURCE_ATTRIBUTES)),
    2: ProtoField("nonResourceAttributes", _nested(_strings(path=1, verb=2))),
}
_SUBJECT_REVIEW_SPEC: ProtoMessage = {
    **_REVIEW_SPEC,
    **_strings(user=3, uid=6),
    4: ProtoField("groups", _string, many=True),
}

_RULE: ProtoMessage = {
    number: ProtoField(name, _string, many=True)
    for number, name in enumerate(
        ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"), start=1
    )
}
_REQUIREMENT: ProtoMessage = {
    **_strings(key=1, operator=2),
    3: ProtoField("values", _string, many=True),
}
_SELECTOR: ProtoMessage = {
    1: ProtoField("matchLabels", _string_pair),
    2: ProtoField("matchExpressions", _nested(_REQUIREMENT), many=True),
}
_AGGREGATION: ProtoMessage = {1: ProtoField("clusterRoleSelectors", _nested(_SELECTOR), many=True)}
_SUBJECT: ProtoMessage = _strings(kind=1, apiGroup=2, name=3, namespace=4)
_ROLE_REF: ProtoMessage = _strings(apiGroup=1, kind=2, name=3)

_TOKEN_SPEC: ProtoMessage = {
    1: ProtoField("audiences", _string, many=True),
    3: ProtoField("boundObjectRef", _nested(_strings(kind=1, apiVersion=2, name=3, uid=4))),
    4: ProtoField("expirationSeconds", _integer),
}


def _quantity_pair(value: bytes | int) -> tuple[str, str]:
    entry = dict(_raw_fields(_bytes(value)))
    quantity = dict(_raw_fields(_bytes(entry.get(2, b""))))
    return _string(entry.get(1, b"")), _string(quantity.get(1, b""))


_QUOTA_SPEC: ProtoMessage = {
    1: ProtoField("hard", _quantity_pair),
    2: ProtoField("scopes", _string, many=True),
}


def _kind_message(*parts: ProtoField) -> ProtoMessage:
    return dict(enumerate((ProtoField("metadata", _nested(_META)), *parts), start=1))


_BINDING = _kind_message(
    ProtoField("subjects", _nested(_SUBJECT), many=True), ProtoField("roleRef", _nested(_ROLE_REF))
)

_KINDS: Mapping[str, ProtoMessage] = {
    "ConfigMap": _kind_message(
        ProtoField("data", _string_pair),
        ProtoField("binaryData", _bytes_pair),
        ProtoField("immutable", _boolean),
    ),
    "ClusterRole": _kind_message(
        ProtoField("rules", _nested(_RULE), many=True),
        ProtoField("aggregationRule", _nested(_AGGREGATION)),
    ),
    "ClusterRoleBinding": _BINDING,
    "LocalSubjectAccessReview": _kind_message(ProtoField("spec", _nested(_SUBJECT_REVIEW_SPEC))),
    "Namespace": _kind_message(ProtoField("spec", _nested(_NAMESPACE_SPEC))),
    "ResourceQuota": _kind_message(ProtoField("spec", _nested(_QUOTA_SPEC))),
    "Role": _kind_message(ProtoField("rules", _nested(_RULE), many=True)),
    "RoleBinding": _BINDING,
    "SelfSubjectAccessReview": _kind_message(ProtoField("spec", _nested(_REVIEW_SPEC))),
    "SelfSubjectReview": _kind_message(),
    "SelfSubjectRulesReview": _kind_message(ProtoField("spec", _nested(_strings(namespace=1)))),
    "SubjectAccessReview": _kind_message(ProtoField("spec", _nested(_SUBJECT_REVIEW_SPEC))),
    "TokenRequest": _kind_message(ProtoField("spec", _nested(_TOKEN_SPEC))),
    "Service": _kind_message(ProtoField("spec", _nested(_SERVICE_SPEC))),
    "ServiceAccount": _kind_message(),
}

JSON = "application/json"
YAML = "application/yaml"
APPLY = "application/apply-patch+yaml"
BODY_TYPES = (JSON, YAML, PROTOBUF)


def parse_body(body: bytes, media_type: str) -> Any:
    """Return the JSON value of a body in JSON, YAML or protobuf; raise ApiError."""
    if media_type in {YAML, APPLY}:
        return _parse_yaml(body)
    if media_type == PROTOBUF:
        return _parse_protobuf(body)
    if not media_type or media_type == JSON or media_type.endswith("+json"):
        return _parse_json(body)
    raise apierrors.unsupported_media_type(BODY_TYPES)


def _parse_json(body: bytes) -> Any:
    try:
        return parse_json(body)
    except UnreadableText as error:
        why = f"the object provided is unrecognized (must be of type JSON): {error}"
        raise apierrors.bad_request(why) from error


def _parse_protobuf(body: bytes) -> Any:
    try:
        value = decode_protobuf(body)
    except UnreadableBody as error:
        raise apierrors.unsupported_media_type(BODY_TYPES) from error
    check_value(value)
    return value


def _parse_yaml(body: bytes) -> Any:
    try:
        return parse_yaml(body)
    except UnreadableText as error:
        why = f"error decoding YAML: {error}"
        raise apierrors.bad_request(why) from error
