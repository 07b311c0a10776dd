"""Byte streams to commands inside pods, over the API server's exec."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netproof.cluster.client import Client
from netproof.cluster.naming import PodName
from netproof.cluster.streams.channels import ERROR, STDERR, STDIN, STDOUT
from netproof.cluster.streams.upgrade import into_pod
from netproof.errors import ProbeError, StreamCutError, StreamRefusedError
from netproof.model.flow import Endpoint

SEND_S = 30.0
"""For a command to take what it is sent: one that may be starved of its CPU."""


class ExecStream:
    """One exec session; to be used by one thread at a time."""

    def __init__(self, client: Client, pod: PodName, command: Sequence[str]) -> None:
        """Start the command; raise StreamRefusedError where the API server does not let us."""
        name = f"exec in pod {pod[0]}/{pod[1]}"
        ways = [(way, "true") for way in ("stdin", "stdout", "stderr")]
        query = [*ways, *(("command", word) for word in command)]
        self._stream = into_pod(client, pod, "exec", query, name)

    def send(self, data: bytes) -> None:
        """Write to the command's standard input; raise EOFError where it is gone."""
        try:
            self._stream.send(STDIN, data, SEND_S)
        except (StreamCutError, TimeoutError) as error:
            raise EOFError(str(error)) from error

    def receive(self, timeout_s: float) -> bytes:
        """Return what the command wrote, b"" when nothing came in time; raise EOFError at its end.

        What it wrote to standard error, and the API server's last word, are in the EOFError.
        """
        try:
            data = self._stream.read(STDOUT, timeout_s)
        except StreamCutError as error:
            raise EOFError(str(error)) from error
        if not data and self._stream.ended:
            raise EOFError(f"{self._stream.name} ended: {self._last_words()}")
        return data

    def _last_words(self) -> str:
        said = self._stream.take(STDERR) + b" " + self._stream.take(ERROR)
        return str(said.decode(errors="replace").strip()[:300]) or "without a word"

    def close(self) -> None:
        """End the session; to be called any number of times."""
        self._stream.close()


class PodStreams:
    """Opens exec streams to probe pods by their names in the bundle."""

    def __init__(self, client: Client, locate: Callable[[Endpoint], PodName]) -> None:
        """Keep where pods are: `locate` maps an endpoint to its pod in the cluster."""
        self._client = client
        self._locate = locate

    def open(self, source: Endpoint, command: Sequence[str]) -> ExecStream:
        """Run a command in the pod that stands for the endpoint and return its stream."""
        try:
            return ExecStream(self._client, self._locate(source), command)
        except StreamRefusedError as error:
            raise ProbeError(str(error)) from error
