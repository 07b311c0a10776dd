"""Every answer of an API server is a value or a ClusterError, whatever answers at its address."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.access import required
from netproof.cluster.api import waiting
from netproof.cluster.api.client import Client
from netproof.errors import ClusterError, UnreachableError
from tests.unit.cluster.api.standin import HTML, Reply, plain, refusal, running

POD = {"kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}}

NOT_UNDERSTOOD = {
    "HTML": Reply(body=HTML),
    "nothing": Reply(body=b""),
    "a list": plain([]),
    "null": plain(None),
    "a word": plain("ok"),
    "Latin-1": Reply(body=b'{"metadata": {"name": "caf\xe9"}}'),
    "nested without end": Reply(body=b'{"a":' * 100_000),
    "no metadata": plain({"kind": "Pod"}),
    "metadata is a list": plain({"metadata": []}),
    "no name": plain({"metadata": {}}),
    "spec is a word": plain({"metadata": {"name": "a"}, "spec": "x"}),
    "binary": Reply(body=bytes(range(256))),
}

VERBS: dict[str, Callable[[Client], object]] = {
    "get": lambda client: client.get("Pod", "a", "shop"),
    "create": lambda client: client.create(POD),
    "replace": lambda client: client.replace(POD),
    "relabel": lambda client: client.relabel("Pod", "a", "shop", {"a": "b"}),
}


@contextmanager
def _client(folder: Path, reply: Reply) -> Iterator[Client]:
    with running(lambda *_: reply) as standin, closing(Client(standin.ref(folder))) as client:
        yield client


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting.TRANSPORT, "sleep", lambda _: None)


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
@pytest.mark.parametrize("reply", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD.keys())
def test_what_is_no_object(tmp_path: Path, verb: Callable[[Client], object], reply: Reply) -> None:
    """A 2xx that holds no Kubernetes object is an error with its status and its first words."""
    with _client(tmp_path, reply) as client, pytest.raises(ClusterError) as caught:
        verb(client)
    assert 200 == caught.value.status
    assert "is it an API server that answers" in str(caught.value)


@pytest.mark.parametrize(
    "value", [[], None, {"items": {}}, {"items": [1]}, {"items": [None]}, {"items": [{}]}]
)
def test_what_is_no_list(tmp_path: Path, value: Any) -> None:
    """A list of anything but objects is an error."""
    with _client(tmp_path, plain(value)) as client, pytest.raises(ClusterError, match="is no "):
        client.list("Pod", "shop")


def test_an_empty_list_of_go_is_null(tmp_path: Path) -> None:
    """`items: null` means that there are none."""
    with _client(tmp_path, plain({"items": None})) as client:
        assert [] == client.list("Pod", "shop")


def test_other_encodings_of_unicode_are_read(tmp_path: Path) -> None:
    """JSON may come in UTF-16, or with a byte order mark."""
    for encoding in ("utf-16", "utf-8-sig"):
        pod = {"metadata": {"name": "ü", "namespace": "shop"}, "spec": {"containers": []}}
        body = json.dumps(pod).encode(encoding)
        with _client(tmp_path, Reply(body=body)) as client:
            assert "ü" == client.get("Pod", "a", "shop")["metadata"]["name"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b'{"metadata": {"na', length=500),
        Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}),
        Reply(body=gzip.compress(b"{}" * 1000)[:40], headers={"Content-Encoding": "gzip"}),
        Reply(body=b"{}", headers={"Transfer-Encoding": "chunked"}),
    ],
    ids=["cut", "no gzip", "cut gzip", "no chunks"],
)
def test_what_breaks_off_is_no_answer(tmp_path: Path, reply: Reply) -> None:
    """A body that cannot be read to its end is told as an API server that cannot be reached."""
    with _client(tmp_path, reply) as client, pytest.raises(ClusterError) as caught:
        client.get("Pod", "a", "shop")
    assert isinstance(caught.value, UnreachableError) == (0 == caught.value.status)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 409, 422, 429, 500, 503])
def test_the_status_travels_on_the_error(tmp_path: Path, status: int) -> None:
    """With the API server's own words; nobody has to look for a number in them."""
    with (
        _client(tmp_path, refusal(status, "oh no")) as client,
        pytest.raises(ClusterError, match=rf"reading Pod shop/a: oh no \({status}\)") as caught,
    ):
        client.get("Pod", "a", "shop")
    assert status == caught.value.status


@pytest.mark.parametrize("reply", [Reply(502, HTML), Reply(500, b""), plain([], 403)])
def test_a_refusal_without_words(tmp_path: Path, reply: Reply) -> None:
    """What a load balancer says instead is quoted, cut and on one line."""
    with _client(tmp_path, reply) as client, pytest.raises(ClusterError) as caught:
        client.create(POD)
    assert reply.status == caught.value.status
    assert "\n" not in str(caught.value)


def test_deleting_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    """404 is what was wanted; a page that is no answer of the API is not."""
    with _client(tmp_path, refusal(404, "not found")) as client:
        assert client.delete("Pod", "a", "shop") is False
    with _client(tmp_path, Reply(body=HTML)) as client, pytest.raises(ClusterError, match="JSON"):
        client.delete("Pod", "a", "shop")


@pytest.mark.parametrize("value", [{}, {"status": None}, {"status": {"allowed": "yes"}}])
def test_a_right_is_granted_in_so_many_words(tmp_path: Path, value: Any) -> None:
    """Anything but `allowed: true` is no right."""
    with _client(tmp_path, plain(value)) as client, pytest.raises(ClusterError, match="missing"):
        required.check(client)


@pytest.mark.parametrize("value", [{}, {"gitVersion": None}, {"gitVersion": 1}])
def test_a_version_is_a_word(tmp_path: Path, value: Any) -> None:
    """An API server that does not say its version is told so."""
    with _client(tmp_path, plain(value)) as client, pytest.raises(ClusterError, match="gitVersion"):
        client.version()
