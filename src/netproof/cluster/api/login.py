"""Whom the API server takes us for: read by the official client, which is loaded only for that.

It reads kubeconfigs, runs exec plugins, decodes certificates and takes a service account's token
where we run in a pod. What is kept of it is plain: an address, headers, TLS settings, a proxy.
"""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import subprocess
import threading
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import yaml

from netproof.cluster.backend import ClusterRef
from netproof.errors import UsageError
from netproof.timelimit import at_most, left, left_behind, within

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts a pod's own token (the ServiceAccount admission plugin's mount path)."""

IN_CLUSTER = "in-cluster"
"""What the place is called where there is no kubeconfig but a service account."""

LOGIN_S = 120.0
"""For a login that nobody else limits: a person may have to sign in, in a browser."""

_ONE_AT_A_TIME = threading.Lock()
"""The official client keeps the certificates that it unpacks in a dictionary of its module."""

_UNREADABLE = (yaml.YAMLError, OSError, AttributeError, TypeError, ValueError, LookupError)
"""What the official client raises besides its own error: it takes a file's shape for granted."""


@dataclass(frozen=True, slots=True)
class Login:
    """How an API server is reached, and as whom; `proxy` is "" where there is none on the way."""

    server: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True
    assert_hostname: str | bool | None = None
    server_name: str | None = None
    proxy: str = ""
    proxy_headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def tls(self) -> dict[str, Any]:
        """The TLS settings, in urllib3's words."""
        wanted = {
            "ca_certs": self.ca_file,
            "cert_file": self.cert_file,
            "key_file": self.key_file,
            "assert_hostname": self.assert_hostname,
            "server_hostname": self.server_name,
        }
        checks = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        return {"cert_reqs": checks, **{k: v for k, v in wanted.items() if v is not None}}


class _LoginProgram(subprocess.Popen[str]):
    """A program that the official client asks for a login: it has the time that is left.

    One that asks nobody at a terminal has a session of its own, so that all it started goes too.
    """

    def __init__(self, args: Sequence[str], **streams: Any) -> None:
        self._alone = streams.get("stdin") is None
        if self._alone:
            streams["stdin"] = subprocess.DEVNULL
        super().__init__(args, start_new_session=self._alone, **streams)
        self._name = str(args[0])
        _RUNNING.append(self)

    def communicate(self, *_: Any, **__: Any) -> tuple[str, str]:
        """Wait for its answer; it is ended where its time is over."""
        began = time.monotonic()
        try:
            return super().communicate(timeout=left())
        except BaseException as error:
            self.end()
            said = f"{self._name} gave no login in {time.monotonic() - began:.0f} s"
            _ENDED.append(said)  # the official client only logs what is raised here
            raise TimeoutError(said) from error
        finally:
            _RUNNING.remove(self)

    def end(self) -> None:
        """Kill it with all that it started."""
        for pid in (self.pid, *_descendants(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if self._alone and pid == self.pid else os.kill)(pid, signal.SIGKILL)
        self.wait()
        for pipe in filter(None, (self.stdout, self.stderr)):
            pipe.close()


_RUNNING: list[_LoginProgram] = []
_ENDED: list[str] = []
"""What became of programs that were ended, since the last login began."""


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            yield int(child)
            yield from _descendants(int(child))


def log_in(ref: ClusterRef) -> Login:
    """Read the kubeconfig, or the service account of the pod we run in; run exec plugins.

    Raises UsageError where it or its context cannot be used, or gives no login in LOGIN_S.
    """
    try:
        with within(LOGIN_S):
            return left_behind(lambda: _log_in(ref))
    except TimeoutError as error:
        raise UsageError(
            f"the kubeconfig {ref.kubeconfig or '(default)'} gives no login in time: {error}; "
            "`kubectl get --raw /version -v=6` shows what it waits for"
        ) from error
    except BaseException as error:
        if not isinstance(error, Exception):  # Ctrl-C: what waits for its answer is left behind
            for program in tuple(_RUNNING):
                program.end()
        raise


def _log_in(ref: ClusterRef) -> Login:
    # Programs are ended a little before nobody waits for them any more.
    with within(at_most(), ending_s=min(1.0, at_most() / 5)):
        if not _ONE_AT_A_TIME.acquire(timeout=left()):
            raise TimeoutError("another login hangs")
        try:
            return _timely(ref)
        finally:
            _ONE_AT_A_TIME.release()


def _timely(ref: ClusterRef) -> Login:
    """Raise TimeoutError where a program was ended, whatever the official client made of that."""
    _ENDED.clear()
    try:
        made = _official(ref)
    except UsageError as error:
        if _ENDED:
            raise TimeoutError(_ENDED[0]) from error
        raise
    if _ENDED:
        raise TimeoutError(_ENDED[0])
    return made


def _official(ref: ClusterRef) -> Login:
    """Have the official client read a kubeconfig."""
    import kubernetes.client  # noqa: PLC0415 - 600 modules, for those who talk to a cluster
    import kubernetes.config  # noqa: PLC0415

    configuration = kubernetes.client.Configuration()
    try:
        with _programs_end_in_time():
            if is_in_cluster(ref.kubeconfig, ref.context):
                _service_account(configuration)
            else:
                kubernetes.config.load_kube_config(
                    config_file=ref.kubeconfig or default_kubeconfig(),
                    context=ref.context or None,
                    client_configuration=configuration,
                )
                configuration.proxy = _proxy_url(ref) or configuration.proxy
        return _plain(configuration)
    except (kubernetes.config.ConfigException, *_UNREADABLE) as error:
        raise UsageError(
            f"the kubeconfig {ref.kubeconfig or '(default)'} cannot be used"
            f"{f' with context {ref.context}' if ref.context else ''}: {_one_line(error)}; "
            "`kubectl config get-contexts` lists what there is"
        ) from error


@contextlib.contextmanager
def _programs_end_in_time() -> Iterator[None]:
    """Have the official client start programs that end; it runs one at a time."""
    from kubernetes.config import exec_provider, kube_config  # noqa: PLC0415

    bounded = types.SimpleNamespace(**{**vars(subprocess), "Popen": _LoginProgram})
    exec_provider.subprocess = kube_config.subprocess = bounded
    try:
        yield
    finally:
        exec_provider.subprocess = kube_config.subprocess = subprocess


def is_in_cluster(kubeconfig: str, context: str) -> bool:
    """Tell whether nobody names a kubeconfig, there is none, and we run in a pod with a token."""
    if kubeconfig or context or not os.environ.get("KUBERNETES_SERVICE_HOST"):
        return False
    default = default_kubeconfig().split(os.pathsep)
    there = any(Path(name).expanduser().exists() for name in default if name)
    return not there and (SERVICE_ACCOUNT / "token").is_file()


def default_kubeconfig() -> str:
    """Return where kubectl looks; the official client asks the environment only when imported."""
    return os.environ.get("KUBECONFIG") or "~/.kube/config"


def context_name(kubeconfig: str) -> str:
    """Return the name of the current context, "" where a kubeconfig has none."""
    if is_in_cluster(kubeconfig, ""):
        return IN_CLUSTER
    import kubernetes.config  # noqa: PLC0415 - as above

    try:
        _, active = kubernetes.config.list_kube_config_contexts(
            config_file=kubeconfig or default_kubeconfig()
        )
        return str(active["name"])
    except (kubernetes.config.ConfigException, *_UNREADABLE):
        return ""


def _service_account(configuration: Any) -> None:
    from kubernetes.config.incluster_config import InClusterConfigLoader  # noqa: PLC0415

    # The token is read again when the API server no longer takes it, so without a clock.
    InClusterConfigLoader(
        token_filename=str(SERVICE_ACCOUNT / "token"),
        cert_filename=str(SERVICE_ACCOUNT / "ca.crt"),
        try_refresh_token=False,
    ).load_and_set(configuration)


def _proxy_url(ref: ClusterRef) -> str:
    """Return the proxy-url of the kubeconfig's cluster; the official client reads it since 37."""
    from kubernetes.config.kube_config import KubeConfigMerger  # noqa: PLC0415

    config = KubeConfigMerger(ref.kubeconfig or default_kubeconfig()).config.value
    wanted = ref.context or config["current-context"]
    contexts = {one["name"]: one["context"] for one in config["contexts"]}
    clusters = {one["name"]: one["cluster"] for one in config["clusters"]}
    return str(clusters[contexts[wanted]["cluster"]].value.get("proxy-url") or "")


def _plain(configuration: Any) -> Login:
    headers = {
        one["key"].lower(): str(one["value"]).strip()
        for one in configuration.auth_settings().values()
        if one["in"] == "header" and one["value"]
    }
    for value in headers.values():
        value.encode("latin-1")  # what no header can carry is an error of the kubeconfig
    return Login(
        server=configuration.host.rstrip("/"),
        headers=headers,
        ca_file=configuration.ssl_ca_cert,
        cert_file=configuration.cert_file,
        key_file=configuration.key_file,
        verify=configuration.verify_ssl,
        assert_hostname=configuration.assert_hostname,
        server_name=configuration.tls_server_name or None,
        proxy=_proxy(configuration),
        proxy_headers=dict(configuration.proxy_headers or {}),
    )


def _proxy(configuration: Any) -> str:
    """Return the proxy on the way to this server, "" where there is none or it is passed by.

    Older official clients leave the environment's words out.
    """
    environment = getproxies()
    proxy = configuration.proxy or environment.get(urlsplit(configuration.host).scheme)
    if not proxy:
        return ""
    from kubernetes.client.rest import should_bypass_proxies  # noqa: PLC0415

    exempt = configuration.no_proxy or environment.get("no") or ""
    return "" if should_bypass_proxies(configuration.host, no_proxy=exempt) else str(proxy)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")
