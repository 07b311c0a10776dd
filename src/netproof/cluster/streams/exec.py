"""Byte streams to commands inside pods, over the API server's exec.

The client's `stream` swaps a method of its ApiClient for the time of the call, so two threads must
not share one: every stream has an ApiClient of its own.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import Any

import kubernetes.client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL, STDIN_CHANNEL
from websocket import WebSocketException

from netproof.cluster.backend import ClusterRef
from netproof.cluster.client import Client, reason
from netproof.cluster.naming import PodName
from netproof.errors import ProbeError
from netproof.model.flow import Endpoint

_BROKEN = (WebSocketException, ssl.SSLError, OSError, ValueError)


class ExecStream:
    """One exec session; to be used by one thread at a time."""

    def __init__(self, ref: ClusterRef, pod: PodName, command: Sequence[str]) -> None:
        """Start the command; raise ProbeError where the cluster refuses."""
        self._name = f"{pod[0]}/{pod[1]}"
        self._client = Client(ref)
        self._ws = self._open(pod, list(command))

    def _open(self, pod: PodName, command: list[str]) -> Any:
        core = kubernetes.client.CoreV1Api(self._client.api)
        try:
            return stream(
                core.connect_get_namespaced_pod_exec,
                name=pod[1],
                namespace=pod[0],
                command=command,
                stdin=True,
                stdout=True,
                stderr=True,
                tty=False,
                binary=True,
                _preload_content=False,
            )
        except ApiException as error:
            self._client.close()
            raise ProbeError(f"exec in pod {self._name}: {reason(error)}") from error
        except _BROKEN as error:
            self._client.close()
            raise ProbeError(f"exec in pod {self._name}: {error}") from error

    def send(self, data: bytes) -> None:
        """Write to the command's standard input; raise EOFError where it is gone."""
        try:
            self._ws.write_channel(STDIN_CHANNEL, data)
        except _BROKEN as error:
            raise EOFError(f"exec in pod {self._name} broke off: {error}") from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what the command wrote, b"" when nothing came in time; raise EOFError at its end.

        What it wrote to standard error, and the API server's last word, are in the EOFError.
        """
        try:
            data: bytes = self._ws.read_stdout(timeout=timeout_s)
        except _BROKEN as error:
            raise EOFError(f"exec in pod {self._name} broke off: {error}") from error
        if not data and not self._ws.is_open():
            raise EOFError(f"exec in pod {self._name} ended: {self._last_words()}")
        return data

    def _last_words(self) -> str:
        said = self._ws.read_stderr() + b" " + self._ws.read_channel(ERROR_CHANNEL)
        return str(said.decode(errors="replace").strip()[:300]) or "without a word"

    def close(self) -> None:
        """End the session; the client's own `close` would leave the socket to chance."""
        raw = self._ws.sock.sock
        try:
            self._ws.close()
        except _BROKEN:
            return  # it was closed from the other side
        finally:
            if raw is not None:
                raw.close()
            self._client.close()


class PodStreams:
    """Opens exec streams to probe pods by their names in the bundle."""

    def __init__(self, ref: ClusterRef, locate: Callable[[Endpoint], PodName]) -> None:
        """Keep where pods are: `locate` maps an endpoint to its pod in the cluster."""
        self._ref = ref
        self._locate = locate

    def open(self, source: Endpoint, command: Sequence[str]) -> ExecStream:
        """Run a command in the pod that stands for the endpoint and return its stream."""
        return ExecStream(self._ref, self._locate(source), command)
