"""Logins: what kubeconfigs and service accounts say, as plain headers and TLS settings."""

from __future__ import annotations

import base64
import json
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.cluster.api import login
from netproof.cluster.api.login import Login, context_name, log_in
from netproof.cluster.backend import ClusterRef
from netproof.cluster.existing import ExistingCluster
from netproof.errors import UsageError
from tests.unit.cluster.api.standin import kubeconfig, plain, running

SERVER = "https://192.0.2.1:6443"


def _login(folder: Path, user: dict[str, Any], **cluster: Any) -> Login:
    path = kubeconfig(folder, SERVER, **user)
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"].update(cluster)
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return log_in(ClusterRef("existing", "c", str(path)))


def _plugin(folder: Path, status: dict[str, str]) -> dict[str, Any]:
    program = folder / "plugin.py"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    program.write_text(f"print({json.dumps(credential)!r})", encoding="utf-8")
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(program)],
            "interactiveMode": "Never",
        }
    }


def test_a_token(tmp_path: Path) -> None:
    """It becomes the header, and is in no repr."""
    made = _login(tmp_path, {"token": "secret"})
    assert (SERVER, {"authorization": "Bearer secret"}) == (made.server, made.headers)
    assert "secret" not in repr(made)


def test_a_token_file(tmp_path: Path) -> None:
    """The file's words without the newline at their end."""
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    made = _login(tmp_path, {"tokenFile": "token"})
    assert {"authorization": "Bearer secret"} == made.headers


def test_a_name_and_a_password(tmp_path: Path) -> None:
    """Basic authentication (RFC 7617)."""
    made = _login(tmp_path, {"username": "ann", "password": "pw"})
    basic = base64.b64encode(b"ann:pw").decode()
    assert {"authorization": f"Basic {basic}"} == made.headers


def test_an_exec_plugin_with_a_token(tmp_path: Path) -> None:
    """The plugin is run and its token taken."""
    made = _login(tmp_path, _plugin(tmp_path, {"token": "from-plugin"}))
    assert {"authorization": "Bearer from-plugin"} == made.headers


def test_an_exec_plugin_with_a_certificate(tmp_path: Path) -> None:
    """The certificate lies in a file, where TLS wants it."""
    status = {"clientCertificateData": "CERT", "clientKeyData": "KEY"}
    made = _login(tmp_path, _plugin(tmp_path, status))
    assert made.cert_file is not None
    assert made.key_file is not None
    assert ("CERT", "KEY") == (Path(made.cert_file).read_text(), Path(made.key_file).read_text())


def test_a_certificate_and_its_authority(tmp_path: Path) -> None:
    """Given as data or as files beside the kubeconfig."""
    (tmp_path / "c.crt").write_text("CERT", encoding="utf-8")
    key = base64.b64encode(b"KEY").decode()
    ca = base64.b64encode(b"CA").decode()
    user = {"client-certificate": "c.crt", "client-key-data": key}
    made = _login(tmp_path, user, **{"certificate-authority-data": ca})
    files = [made.cert_file, made.key_file, made.ca_file]
    assert ["CERT", "KEY", "CA"] == [Path(file or "").read_text() for file in files]
    assert ssl.CERT_REQUIRED == made.tls["cert_reqs"]


def test_a_server_that_is_not_verified(tmp_path: Path) -> None:
    """As the kubeconfig says, and no other."""
    made = _login(tmp_path, {}, **{"insecure-skip-tls-verify": True, "tls-server-name": "k8s"})
    assert (ssl.CERT_NONE, "k8s") == (made.tls["cert_reqs"], made.tls["server_hostname"])


def test_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubeconfig's own, but not to where NO_PROXY leads around it."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    proxy = {"proxy-url": "http://proxy.example:3128"}
    assert "http://proxy.example:3128" == _login(tmp_path, {}, **proxy).proxy
    monkeypatch.setenv("NO_PROXY", "192.0.2.1")
    monkeypatch.setenv("no_proxy", "192.0.2.1")
    assert "" == _login(tmp_path, {}, **proxy).proxy


@pytest.mark.parametrize(
    "text",
    ["", "[]", "a: [", "clusters: 1\ncontexts: 2\ncurrent-context: x", "\0", "current-context: x"],
)
def test_an_unreadable_kubeconfig(tmp_path: Path, text: str) -> None:
    """It is named, on one line, whatever the official client made of it."""
    path = tmp_path / "config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be used") as caught:
        log_in(ClusterRef("existing", "c", str(path)))
    assert "\n" not in str(caught.value)
    assert "" == context_name(str(path))


def test_a_token_that_no_header_can_carry(tmp_path: Path) -> None:
    """It is refused with the kubeconfig, not in the middle of a request."""
    with pytest.raises(UsageError, match="cannot be used"):
        _login(tmp_path, {"token": "\u2713"})


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a service account's folder, as in a pod without a kubeconfig."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("from-the-kubelet", encoding="utf-8")
    (folder / "ca.crt").write_text("CA", encoding="utf-8")
    monkeypatch.setattr(login, "SERVICE_ACCOUNT", folder)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def test_a_service_account(account: Path) -> None:
    """Within a pod its token and authority are taken, and the place has a name."""
    made = log_in(ClusterRef("existing", "c", ""))
    assert "https://[fd00::1]:443" == made.server
    assert "bearer from-the-kubelet" == made.headers["authorization"].lower()
    assert str(account / "ca.crt") == made.ca_file
    assert "in-cluster" == context_name("")


@pytest.mark.parametrize("where", ["KUBECONFIG", "argument", "context"])
def test_a_kubeconfig_goes_before_the_service_account(
    account: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Whoever names one means it, in a pod too."""
    path = str(kubeconfig(account.parent, SERVER, token="mine"))
    monkeypatch.setenv("KUBECONFIG", path if where == "KUBECONFIG" else "")
    if where == "context":
        with pytest.raises(UsageError):
            log_in(ClusterRef("existing", "c", "", context="c"))
    else:
        made = log_in(ClusterRef("existing", "c", path if where == "argument" else ""))
        assert SERVER == made.server


@pytest.mark.usefixtures("account")
def test_a_service_account_without_rights_is_told_so(tmp_path: Path) -> None:
    """An existing cluster is asked for the rights of whoever we are."""
    with running(lambda *_: plain({"gitVersion": "v1.30.0"})) as standin:
        path = kubeconfig(tmp_path, standin.url)
        with pytest.raises(Exception, match="rights of this kubeconfig's user do not suffice"):
            ExistingCluster(str(path)).start()
