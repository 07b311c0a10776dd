"""The way to an API server: its faults, a login that lapses, and many threads at once."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from subprocess import run

import pytest

from netproof.cluster.api import transport, waiting
from netproof.cluster.api.client import Client
from netproof.cluster.api.login import log_in
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet.kubelet import add_ephemeral_container, output
from netproof.cluster.lab import environment
from netproof.cluster.streams.connections import fetch_proxied
from netproof.errors import ClusterError, NotReadyError, StreamRefusedError, UnreachableError
from netproof.timelimit import within
from tests.unit.cluster.api.standin import Reply, Standin, kubeconfig, plain, refusal, running

PODS = plain({"items": []})
POD = ("shop", "web")


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting.TRANSPORT, "sleep", lambda _: None)


@pytest.fixture
def nobody(tmp_path: Path) -> ClusterRef:
    """Return a cluster at whose address nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    return ClusterRef("existing", "nobody", str(kubeconfig(tmp_path, f"http://127.0.0.1:{port}")))


@pytest.fixture
def lapsing(tmp_path: Path) -> Iterator[tuple[Standin, ClusterRef, Path]]:
    """Run a server that takes the token `new` only; the kubeconfig names a file with the token."""
    token = tmp_path / "token"
    token.write_text("old", encoding="utf-8")
    with running(
        lambda _, __, login: PODS if login == "Bearer new" else refusal(401, "Unauthorized")
    ) as standin:
        yield standin, standin.ref(tmp_path, tokenFile=str(token)), token


def test_whether_there_is_any_is_asked_without_their_programs(tmp_path: Path) -> None:
    """One object's metadata is enough, by the field selector that was given."""
    found = {"items": [{"metadata": {"name": "web"}}]}
    with running(lambda *_: plain(found)) as standin, closing(Client(standin.ref(tmp_path))) as one:
        assert one.has_some("Pod", "shop", fields="status.phase=Pending")
        (asked,) = standin.asked
    assert "fieldSelector=status.phase%3DPending&limit=1" in asked[1]
    with running(lambda *_: PODS) as standin, closing(Client(standin.ref(tmp_path))) as one:
        assert not one.has_some("Pod", "shop", fields="status.phase=Pending")


def test_no_answer_has_no_status(nobody: ClusterRef) -> None:
    """A refused connection is an UnreachableError with status 0 that says what to look at."""
    with closing(Client(nobody)) as client, pytest.raises(UnreachableError) as caught:
        client.list("Pod")
    assert (0, True) == (caught.value.status, caught.value.refused)
    assert "check that the cluster runs" in str(caught.value)


def test_who_takes_a_connection_and_says_nothing_did_not_refuse(tmp_path: Path) -> None:
    """A server that is too busy to answer has not ended."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ref = ClusterRef("existing", "silent", str(kubeconfig(tmp_path, server)))
        with closing(Client(ref)) as client, within(0.3), pytest.raises(UnreachableError) as caught:
            client.list("Pod")
    assert not caught.value.refused


def test_pods_are_looked_at_by_the_client_alone(nobody: ClusterRef) -> None:
    """An ephemeral container, a log and a proxied page end in a ClusterError without an answer."""
    with closing(Client(nobody)) as client:
        with pytest.raises(UnreachableError):
            add_ephemeral_container(client, POD, "d", command=["true"], image="i")
        with pytest.raises(UnreachableError):
            output(client, POD, "d", lines=1, deadline_s=1.0)
        with pytest.raises(UnreachableError):
            fetch_proxied(
                client, "pods", namespace="shop", name="w", port=1, path="", timeout_s=1.0
            )


def test_an_ephemeral_container_is_refused_with_the_status(tmp_path: Path) -> None:
    """By the API server's own words."""
    with (
        running(lambda *_: refusal(403, "no")) as standin,
        closing(Client(standin.ref(tmp_path))) as client,
    ):
        with pytest.raises(StreamRefusedError, match="ephemeral container in shop/web") as caught:
            add_ephemeral_container(client, POD, "d", command=["true"], image="i")
        assert 403 == caught.value.status


def test_a_container_that_writes_nothing_is_given_up(tmp_path: Path) -> None:
    """Its log, or why there is none yet, is in the error."""
    with (
        running(lambda *_: refusal(400, "is waiting to start")) as standin,
        closing(Client(standin.ref(tmp_path))) as client,
        pytest.raises(NotReadyError, match="is waiting to start"),
    ):
        output(client, POD, "d", lines=1, deadline_s=0.05)


def test_a_slow_page_is_a_timeout(tmp_path: Path) -> None:
    """Through the proxy, no answer in time is told from an API server that is not there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ref = ClusterRef("existing", "silent", str(kubeconfig(tmp_path, url)))
        with closing(Client(ref)) as client, pytest.raises(TimeoutError):
            fetch_proxied(
                client, "pods", namespace="shop", name="w", port=1, path="", timeout_s=0.1
            )


def test_reads_are_repeated(tmp_path: Path) -> None:
    """A connection that broke off is tried again, an answer is not."""
    replies = iter([Reply(body=b"{", length=9), Reply(body=b"{", length=9), PODS])
    with (
        running(lambda *_: next(replies)) as standin,
        closing(Client(standin.ref(tmp_path))) as client,
    ):
        assert [] == client.list("Pod")
    assert 3 == len(standin.asked)


def test_what_may_have_happened_is_not_repeated(tmp_path: Path) -> None:
    """A create whose answer broke off is asked once."""
    with (
        running(lambda *_: Reply(body=b"{", length=9)) as standin,
        closing(Client(standin.ref(tmp_path))) as client,
        pytest.raises(UnreachableError),
    ):
        client.create({"kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}})
    assert 1 == len(standin.asked)


def test_a_lapsed_token_is_read_again(lapsing: tuple[Standin, ClusterRef, Path]) -> None:
    """401 once, then a login with what the file says now."""
    standin, ref, token = lapsing
    with closing(Client(ref)) as client:
        token.write_text("new", encoding="utf-8")
        assert [] == client.list("Pod")
        assert [] == client.list("Pod")
    assert ["Bearer old", "Bearer new", "Bearer new"] == [login for *_, login in standin.asked]


def test_a_login_that_stays_refused_is_not_repeated(
    lapsing: tuple[Standin, ClusterRef, Path],
) -> None:
    """The same token is not sent twice."""
    standin, ref, _ = lapsing
    with (
        closing(Client(ref)) as client,
        pytest.raises(ClusterError, match="Unauthorized") as caught,
    ):
        client.list("Pod")
    assert (401, 1) == (caught.value.status, len(standin.asked))


def test_a_login_that_is_gone(lapsing: tuple[Standin, ClusterRef, Path]) -> None:
    """The refusal and why there is no new login are told."""
    _, ref, _ = lapsing
    with closing(Client(ref)) as client:
        Path(ref.kubeconfig).unlink()
        with pytest.raises(ClusterError, match="logging in again") as caught:
            client.list("Pod")
    assert 401 == caught.value.status


def test_many_threads_log_in_once(
    lapsing: tuple[Standin, ClusterRef, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who were refused together share the new login, and one client serves them all."""
    _, ref, token = lapsing
    logins = []

    def count(ref: ClusterRef) -> object:
        logins.append(1)
        return log_in(ref)

    monkeypatch.setattr(transport, "log_in", count)
    with closing(Client(ref)) as client, ThreadPoolExecutor(16) as pool:
        token.write_text("new", encoding="utf-8")
        assert [[]] * 100 == list(pool.map(lambda _: client.list("Pod"), range(100)))
    assert 2 == len(logins)


def test_the_official_client_is_loaded_at_the_first_login() -> None:
    """Whoever imports the stage does not pay for it."""
    code = (
        "import sys, netproof.cluster.existing, netproof.cluster.kind.cluster, "
        "netproof.cluster.fleet.fleet, netproof.cluster.streams.portforward, "
        "netproof.cluster.access.holders; sys.exit('kubernetes' in sys.modules)"
    )
    assert 0 == run([sys.executable, "-c", code], check=False, env=environment()).returncode
