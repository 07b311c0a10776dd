"""What the API server's answers mean: a value of the right shape, or a ClusterError. Pure.

This is the one edge between bytes and objects. The API server's own words stay; where something is
known to do about a refusal (quotas, limits, admission), it is said after them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from netproof.cluster.api.shapes import misshape
from netproof.errors import ClusterError
from netproof.printing import one_line

Obj = dict[str, Any]

LONGEST_MESSAGE = 2000
"""Characters of what the API server says against something."""

SHOWN = 200
"""Characters of an answer that is not understood: the beginning tells what it is."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """An HTTP answer, whatever its status; `retry_after_s` is when the server wants to be asked."""

    status: int
    data: bytes
    reason: str = ""
    retry_after_s: float | None = None


_REMEDIES = (
    (
        r"must specify (limits|requests)",
        "a ResourceQuota asks for them: pass --pod-resource cpu=50m --pod-resource memory=64Mi",
    ),
    (r"exceeded quota", "a ResourceQuota is full: have it raised, or run with fewer test workers"),
    (
        r"(maximum|minimum) (cpu|memory|ephemeral-storage) usage",
        "a LimitRange is in force: pass --pod-resource cpu=... --pod-resource memory=... within it",
    ),
    (
        r"violates PodSecurity",
        "probe pods pass the level restricted; only the host agents of a run ask for more",
    ),
    (
        r"admission webhook .* denied|ValidatingAdmissionPolicy .* denied|denied the request",
        "an admission rule of this cluster refuses it: have the namespaces np-* exempted",
    ),
    (r"is forbidden: User ", "a right is missing: `netproof rbac` prints what is needed"),
)


def remedy(message: str) -> str:
    """Return what to do about a refusal, "" where nothing is known."""
    return next((text for pattern, text in _REMEDIES if re.search(pattern, message)), "")


def with_remedy(message: str) -> str:
    """Return the message with what to do about it, where that is known."""
    text = remedy(message)
    return f"{message}; {text}" if text else message


def status_message(data: bytes) -> str:
    """Return the message of a Status object, "" where it is none (meta/v1 Status)."""
    try:
        loaded = _decoded(data)
        return str(loaded["message"])[:LONGEST_MESSAGE] if loaded["kind"] == "Status" else ""
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def refusal_words(answer: ApiAnswer) -> str:
    """Return what the API server said against something, with the status of HTTP."""
    said = status_message(answer.data) or excerpt(answer.data) or answer.reason or "no reason given"
    return f"{said} ({answer.status})"


def refused(answer: ApiAnswer, what: str) -> ClusterError:
    """Return the error that an answer other than 2xx is."""
    return ClusterError(with_remedy(f"{what}: {refusal_words(answer)}"), answer.status)


def too_large(what: str, most: int, status: int) -> ClusterError:
    """Return the error that an answer without an end is."""
    return ClusterError(
        f"{what}: the answer ({status}) has more than {most:,} bytes; "
        "is it an API server that answers at this address?",
        status,
    )


def read_plain(answer: ApiAnswer, what: str) -> Obj:
    """Return the JSON object of an answer; raise ClusterError where it is a refusal or none."""
    if not 200 <= answer.status <= 299:
        raise refused(answer, what)
    try:
        loaded = _decoded(answer.data)
    except (ValueError, RecursionError) as error:
        raise _misunderstood(answer, what, "no JSON") from error
    if not isinstance(loaded, dict):
        raise _misunderstood(answer, what, "no object")
    return loaded


def read_object(answer: ApiAnswer, what: str, kind: str = "") -> Obj:
    """Return the Kubernetes object of an answer, of a kind; raise ClusterError else."""
    loaded = read_plain(answer, what)
    wrong = misshape(loaded, kind)
    if wrong:
        raise _misunderstood(answer, what, f"no Kubernetes object ({excerpt(wrong)})")
    return loaded


def read_items(answer: ApiAnswer, what: str, kind: str = "") -> list[Obj]:
    """Return the objects of a list, of a kind; raise ClusterError where the answer is none."""
    items = read_plain(answer, what).get("items", ())
    listed = [] if items is None else items  # an empty list of Go is null in JSON
    wrong = "" if isinstance(listed, list) else "items is no list"
    wrong = wrong or next(filter(None, (misshape(item, kind) for item in listed)), "")
    if wrong:
        raise _misunderstood(answer, what, f"no list of Kubernetes objects ({excerpt(wrong)})")
    return list(listed)


def _decoded(data: bytes) -> Any:
    """Read JSON in any of its encodings, with no halves of characters and no numbers that are none.

    The standard library takes both, and what it gives cannot be printed or sent on.
    """
    text = data.decode(json.detect_encoding(data)).removeprefix("\ufeff")
    return msgspec.json.decode(text)


def _misunderstood(answer: ApiAnswer, what: str, wrong: str) -> ClusterError:
    said = excerpt(answer.data) or "nothing"
    return ClusterError(
        f"{what}: the answer ({answer.status}) is {wrong}: {said}; "
        "is it an API server that answers at this address?",
        answer.status,
    )


def excerpt(said: bytes | str) -> str:
    """Return the beginning of what came, on one line and in characters that print."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return one_line(" ".join(text[: 4 * SHOWN].split()))[:SHOWN]
