"""Downloads over a bad line: tried again, whole or not at all, never an error of the library's."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from netproof.cluster.kind import downloads
from netproof.cluster.profiles.profile import Artifact
from netproof.errors import ClusterError
from tests.attacks.hostileserver import ENDLESS, serving
from tests.unit.cluster.api.standin import Reply, running

AT_ONCE = downloads.RETRIES.new(backoff_factor=0)
WHOLE = Reply(body=b"kind: DaemonSet\n" * 1000)
CUT = Reply(body=WHOLE.body[:500], length=len(WHOLE.body))
BUSY = Reply(503, b"busy")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def _fetch(*replies: Reply) -> tuple[bytes, int]:
    """Download where these answers come one after another, the last for good."""
    with running(lambda *_: replies[min(len(standin.asked), len(replies)) - 1]) as standin:
        return downloads.fetch(f"{standin.url}/x.yaml", retries=AT_ONCE), len(standin.asked)


@pytest.mark.parametrize(
    "bad",
    [[BUSY], [CUT], [BUSY, CUT, Reply(502), Reply(429)], [Reply(body=b"", length=9)] * 4],
    ids=["503", "cut", "all of it", "empty and cut"],
)
def test_a_bad_line_is_tried_again(bad: Sequence[Reply]) -> None:
    """The whole body comes in the end, once for each failure and once more."""
    assert (WHOLE.body, len(bad) + 1) == _fetch(*bad, WHOLE)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (BUSY, "HTTP status 503"),
        (CUT, r"IncompleteRead|Connection broken"),
        (Reply(404, b"nothing here"), "HTTP status 404"),
        (Reply(204, b""), "HTTP status 204"),
        (Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}), "decod"),
        (Reply(302, headers={"Location": "nowhere://x"}), "scheme nowhere"),
        (Reply(302, headers={"Location": "/x.yaml"}), "too many redirects"),
    ],
)
def test_what_stays_bad_is_told(reply: Reply, told: str) -> None:
    """As a ClusterError with the address and what to do without internet."""
    with pytest.raises(ClusterError, match=rf"(?i)x\.yaml cannot be downloaded: .*({told})") as end:
        _fetch(reply)
    assert "pass --downloads" in str(end.value)


def test_a_refused_connection_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: five tries, then the system's words."""
    tries: list[int] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr("urllib3.util.connection.socket.socket", _counted(tries))
    with pytest.raises(ClusterError, match="Connection refused"):
        downloads.fetch(f"http://127.0.0.1:{port}/x.yaml", retries=AT_ONCE)
    assert 5 == len(tries)


def test_a_download_that_drips_ends_in_time() -> None:
    """A byte now and then is no progress that counts: the limit is for all of it."""
    with serving(ENDLESS["a dripping body"]) as port:
        began = time.monotonic()
        with pytest.raises(ClusterError, match=r"cannot be downloaded: .*in time"):
            downloads.fetch(f"http://127.0.0.1:{port}/x.yaml", retries=AT_ONCE, timeout_s=0.3)
    assert time.monotonic() - began < 5.0


def _counted(tries: list[int]) -> type[socket.socket]:
    class Counted(socket.socket):
        def connect(self, address: object) -> None:
            tries.append(1)
            super().connect(address)  # type: ignore[arg-type]

    return Counted


def test_what_is_not_as_declared_is_not_used(tmp_path: Path) -> None:
    """A checksum holds for what came, whatever the server says of it."""
    with running(lambda *_: WHOLE) as standin:
        good = Artifact(f"{standin.url}/x.yaml", hashlib.sha256(WHOLE.body).hexdigest())
        assert downloads.download(good, tmp_path, downloads.fetch).verified
        bad = Artifact(f"{standin.url}/y.yaml", "0" * 64)
        with pytest.raises(ClusterError, match="nothing of it was used"):
            downloads.download(bad, tmp_path, downloads.fetch)
    assert ["x.yaml"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("url", ["https://", "https://[::1", "nonsense", "https://a b/x"])
def test_what_is_no_address(url: str) -> None:
    """It ends in a ClusterError too."""
    with pytest.raises(ClusterError, match="cannot be downloaded"):
        downloads.fetch(url, retries=AT_ONCE)
