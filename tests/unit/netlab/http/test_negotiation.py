"""The Accept header, protobuf bodies, log ends, watch events and other small pure things."""

import base64

import pytest

from netlab.http import bodies
from netlab.http.responses import AnswerForm, negotiate
from netlab.http.streams.front import parse_head
from netlab.http.streams.podtargets import last_lines
from netlab.http.watch import WatchRequest, watched_event
from netlab.objects.apierrors import ApiError, status_of
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.selectors import matcher
from netlab.objects.store import StoreEvent

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", AnswerForm.OBJECT),
        ("*/*", AnswerForm.OBJECT),
        ("application/json", AnswerForm.OBJECT),
        (f"{TABLE},application/json", AnswerForm.TABLE),
        (f"application/json, {TABLE}", AnswerForm.OBJECT),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", AnswerForm.OBJECT),
        ("application/vnd.kubernetes.protobuf,application/json", AnswerForm.OBJECT),
        ("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", AnswerForm.METADATA),
        (
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
            AnswerForm.OBJECT,
        ),
    ],
)
def test_accept(accept: str, form: AnswerForm) -> None:
    """The first form that is written here is the one."""
    assert negotiate(accept) is form


def test_nothing_acceptable() -> None:
    """A client that takes only what is not written here gets a 406."""
    with pytest.raises(ApiError) as caught:
        negotiate("application/vnd.kubernetes.protobuf")
    assert caught.value.code == 406


# A namespace as Go encodes it: fields that were left out are there, empty.
NAMESPACE = (
    b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09Namespace"
    b"\x12\x12\x0a\x0c\x0a\x04shop\x12\x00\x1a\x00\x42\x00\x12\x00\x1a\x00"
)


def test_protobuf_of_a_namespace() -> None:
    """The fields that say something are read, Go's zeros are not."""
    found = bodies.decode_protobuf(NAMESPACE)
    assert found == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


@pytest.mark.parametrize(
    "body", [b"", b"{}", NAMESPACE[:-6], NAMESPACE.replace(b"Namespace", b"Namespice")]
)
def test_protobuf_that_cannot_be_read(body: bytes) -> None:
    """It is refused, never half read."""
    with pytest.raises(bodies.UnreadableBody):
        bodies.decode_protobuf(body)


def test_protobuf_maps() -> None:
    """Entries of maps become an object, bytes become base64."""
    entry = b"\x0a\x01k\x12\x01v"
    raw = b"\x12\x06" + entry + b"\x1a\x06" + entry
    head = b"\x0a\x0f\x0a\x02v1\x12\x09ConfigMap"
    found = bodies.decode_protobuf(b"k8s\x00" + head + b"\x12" + bytes([len(raw)]) + raw)
    assert found["data"] == {"k": "v"}
    assert found["binaryData"] == {"k": base64.b64encode(b"v").decode()}


@pytest.mark.parametrize(
    ("tail", "limit", "left"),
    [
        (None, None, b"a\nb\nc"),
        (1, None, b"c"),
        (2, None, b"b\nc"),
        (0, None, b""),
        (9, None, b"a\nb\nc"),
        (None, 3, b"a\nb"),
        (2, 1, b"b"),
    ],
)
def test_the_end_of_a_log(tail: int | None, limit: int | None, left: bytes) -> None:
    """The last lines, and of those the first bytes."""
    assert last_lines(b"a\nb\nc", tail, limit) == left


def labelled(value: str | None, version: str = "1") -> dict[str, object]:
    labels = {"app": value} if value else {}
    return {"metadata": {"namespace": "n", "labels": labels, "resourceVersion": version}}


@pytest.mark.parametrize(
    ("before", "after", "type_", "seen"),
    [
        (None, "web", "ADDED", "ADDED"),
        ("web", "web", "MODIFIED", "MODIFIED"),
        ("db", "web", "MODIFIED", "ADDED"),
        ("web", "db", "MODIFIED", "DELETED"),
        ("db", "db", "MODIFIED", None),
        ("web", "web", "DELETED", "DELETED"),
        ("db", "db", "DELETED", None),
    ],
)
def test_events_as_a_selecting_watcher_sees_them(
    before: str | None, after: str, type_: str, seen: str | None
) -> None:
    """What begins to match is ADDED, what ceases is DELETED, in its last matching state."""
    old = labelled(before) if before else None
    event = StoreEvent(type_, labelled(after, "2"), "pods", 2, old)  # type: ignore[arg-type]
    watch = WatchRequest(BY_PLURAL["pods"], None, matcher("app=web", "", "pods"))
    found = watched_event(event, watch)
    assert (found[0] if found else None) == seen
    if found is not None:
        assert found[1]["metadata"]["labels"] == {"app": "web"}
        assert found[1]["metadata"]["resourceVersion"] == "2"


def test_events_of_other_namespaces_are_not_seen() -> None:
    """A watch of one namespace is of that one."""
    event = StoreEvent("ADDED", labelled("web"), "pods", 1, None)
    assert watched_event(event, WatchRequest(BY_PLURAL["pods"], "other", None)) is None


def test_an_unforeseen_error_is_a_500() -> None:
    """It has the form of every other error."""
    status = status_of(KeyError("x"))
    assert (status["code"], status["reason"]) == (500, "InternalError")


def test_the_head_of_an_upgrade() -> None:
    """Path, query and repeated headers are read."""
    head = parse_head(
        b"POST /a%20b?command=x&command=y HTTP/1.1\r\nUpgrade: SPDY/3.1\r\n"
        b"X-Stream-Protocol-Version: v4\r\nx-stream-protocol-version: v3\r\n\r\nrest"
    )
    assert head is not None
    assert (head.path, head.query, head.wants_spdy) == ("/a b", {"command": ["x", "y"]}, True)
    assert head.headers.getall("X-Stream-Protocol-Version") == ["v4", "v3"]


def test_what_is_no_head() -> None:
    """It is left to the HTTP server to refuse."""
    assert parse_head(b"\x16\x03\x01\r\n\r\n") is None
