"""Logins to a lab as to somebody's cluster: a service account's, and one that lapses."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from netproof.cluster.api import login
from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.existing import ExistingCluster
from netproof.cluster.streams.connections import ExecStream
from netproof.errors import StreamRefusedError
from tests.lab.lab_api import Cluster, cluster
from tests.lab.lab_process import DEADLINE_S

POD = ("default", "idle")


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a lab with one pod that does nothing."""
    with cluster(tmp_path_factory.mktemp("lab")) as running:
        idle = {"name": "c", "image": "none", "command": ["sleep", "3600"]}
        running.create("idle", {"containers": [idle]})
        running.ready("idle")
        yield running


def _config(there: Cluster) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(there.kubeconfig.read_text(encoding="utf-8"))
    return config


def _user(there: Cluster, folder: Path, **user: Any) -> ClusterRef:
    """Write a kubeconfig for the lab with another user, and return the cluster."""
    config = _config(there)
    config["users"][0]["user"] = user
    ca = Path(config["clusters"][0]["cluster"]["certificate-authority"])
    config["clusters"][0]["cluster"]["certificate-authority"] = str(there.kubeconfig.parent / ca)
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return ClusterRef("existing", "lab", str(path))


@pytest.fixture
def token(there: Cluster) -> str:
    """Return the token of the lab's administrator."""
    return str(_config(there)["users"][0]["user"]["token"])


def test_a_service_account_logs_in(
    there: Cluster, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pod, without a kubeconfig: the kubelet's folder and variables are enough for a run."""
    config = _config(there)["clusters"][0]["cluster"]
    account = tmp_path / "serviceaccount"
    account.mkdir()
    (account / "token").write_text(token, encoding="utf-8")
    ca = there.kubeconfig.parent / config["certificate-authority"]
    shutil.copy(ca, account / "ca.crt")
    monkeypatch.setattr(login, "SERVICE_ACCOUNT", account)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", urlsplit(config["server"]).hostname or "")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(urlsplit(config["server"]).port))
    ref = ExistingCluster().start()
    assert "in-cluster" == ref.name
    with closing(Client(ref)) as client, closing(ExecStream(client, POD, ["echo", "hi"])) as stream:
        assert b"hi\n" == stream.receive(DEADLINE_S)


def test_a_projected_token_that_lapses_is_read_again(
    there: Cluster, token: str, tmp_path: Path
) -> None:
    """By a call and by a stream, of a client that was made before."""
    file = tmp_path / "token"
    for ask in (_list_nodes, _say_hi):
        file.write_text("lapsed", encoding="utf-8")
        with closing(Client(_user(there, tmp_path, tokenFile=str(file)))) as client:
            file.write_text(token, encoding="utf-8")
            ask(client)


def test_an_exec_plugin_is_asked_again(there: Cluster, token: str, tmp_path: Path) -> None:
    """Its token is good for one login only at first."""
    log, program = tmp_path / "log", tmp_path / "plugin.py"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    program.write_text(
        "import json, pathlib\n"
        f"log = pathlib.Path({str(log)!r})\n"
        "log.write_text((log.read_text() if log.exists() else '') + 'asked ')\n"
        f"token = {token!r} if log.read_text().count('asked') > 1 else 'lapsed'\n"
        f"print(json.dumps({{**{json.dumps(credential)}, 'status': {{'token': token}}}}))\n",
        encoding="utf-8",
    )
    plugin = {
        "apiVersion": credential["apiVersion"],
        "command": sys.executable,
        "args": [str(program)],
        "interactiveMode": "Never",
    }
    with closing(Client(_user(there, tmp_path, exec=plugin))) as client:
        _list_nodes(client)
        _say_hi(client)
    assert "asked asked " == log.read_text(encoding="utf-8")


def test_a_stream_that_stays_refused(there: Cluster, tmp_path: Path) -> None:
    """With the API server's own status."""
    ref = _user(there, tmp_path, token="nobody's")
    with closing(Client(ref)) as client, pytest.raises(StreamRefusedError) as caught:
        ExecStream(client, POD, ["true"])
    assert 401 == caught.value.status


def _list_nodes(client: Client) -> None:
    assert client.list("Node")


def _say_hi(client: Client) -> None:
    with closing(ExecStream(client, POD, ["echo", "hi"])) as stream:
        assert b"hi\n" == stream.receive(DEADLINE_S)
