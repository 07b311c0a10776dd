"""What the Accept header asks for: plain JSON, a Table, or metadata only; pure."""

from __future__ import annotations

from enum import Enum

from netlab.apiserver import errors


class Form(Enum):
    """The forms in which objects are written."""

    OBJECT = "object"
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"


_JSON_RANGES = frozenset({"application/json", "application/*", "*/*", "text/*", "text/plain"})


def negotiate(accept: str) -> Form:
    """Return the first form of an Accept header that the server writes; raise NotAcceptable.

    Protobuf is passed over: every client that prefers it takes JSON as well.
    """
    for entry in (accept or "*/*").split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        if media_type not in _JSON_RANGES:
            continue
        wanted = dict(p.split("=", 1) for p in parameters if "=" in p)
        form = _form(wanted.get("as", ""), wanted)
        if form is not None:
            return form
    raise errors.not_acceptable(["application/json"])


def _form(name: str, parameters: dict[str, str]) -> Form | None:
    if not name:
        return Form.OBJECT
    if (parameters.get("g"), parameters.get("v")) != ("meta.k8s.io", "v1"):
        # Aggregated discovery, older tables: the client names a simpler form next.
        return None
    singular = name.removesuffix("List")
    return next((form for form in Form if form.value == singular), None)
