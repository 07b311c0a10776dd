"""The doors that lead through the API server, and the kubelet behind it.

One function a door: it yields the ways through it to a pod and its Service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

from netproof.bypass.attempts import (
    CLOSED,
    OPEN,
    REFUSED,
    UNDETERMINED,
    Means,
    TryResult,
    Way,
    first_tcp_port,
)
from netproof.cluster.api.client import Client
from netproof.cluster.fleet import kubelet
from netproof.cluster.streams.connections import AgentStreams, AttachedStream, fetch_proxied
from netproof.cluster.streams.portforward import PortForward
from netproof.errors import ProbeError, StreamRefusedError
from netproof.model.doors import OUTWARDS
from netproof.model.flow import Endpoint
from netproof.model.workload import Pod, Service
from netproof.probe.agentcommand import ask_command, relay_command
from netproof.probe.channel import Channel
from netproof.probe.identity import HTTP_PATH, fresh_nonce, read_told, request
from netproof.probe.messages import Obeyed

_ATTACH_EVERY_S = 0.3
_NUMBERS = count(1)


def _forward(means: Means, pod: Pod, target: str, port: int, wanted: Sequence[str]) -> TryResult:
    nonce = fresh_nonce()
    namespace = means.name(pod)[0]
    with PortForward(means.ref, namespace, target, [port]) as forward, forward.connect() as through:
        through.sendall(request(nonce), means.patience_s)
        answer = b""
        while not answer.endswith(b"\n") and (more := through.receive(means.patience_s)):
            answer += more
    if not answer:
        return TryResult(UNDETERMINED, "the connection was closed without an answer")
    return means.answered(answer, nonce, *wanted)


def forward_to_pod(means: Means, pod: Pod, _: Service | None) -> Iterator[Way]:
    """Forward a port of the pod and ask who is there."""
    name = f"pod/{means.name(pod)[1]}"
    yield Way(pod.key, "", lambda: _forward(means, pod, name, first_tcp_port(pod), [pod.key]))


def forward_to_service(means: Means, pod: Pod, service: Service | None) -> Iterator[Way]:
    """Forward a port of its Service, which is resolved to a pod, and ask who is there."""
    if service is not None:
        port = service.ports[0].number
        name = f"service/{service.name}"
        wanted = means.behind(service)
        yield Way(service.key, "", lambda: _forward(means, pod, name, port, wanted))


def _channel(means: Means, pod: Pod, client: Client) -> Channel:
    keys = means.keys
    command = relay_command(pod.key, keys.instance)
    streams = AgentStreams(client, means.worker.fleet.locate)
    return Channel(streams, Endpoint.pod(pod.key), command, keys.of(pod.key))


def exec_in(means: Means, pod: Pod, _: Service | None) -> Iterator[Way]:
    """Run a command beside the pod's program and have it ask the program who it is."""

    def attempt() -> TryResult:
        client = Client(means.ref)
        channel = _channel(means, pod, client)
        try:
            identity = channel.hello().identity
        except ProbeError as error:
            raise _refusal(error) or error from error
        finally:
            channel.close()
            client.close()
        return TryResult(OPEN, "a command ran beside the pod's program and spoke with it", identity)

    yield Way(pod.key, "", attempt)


def _refusal(error: BaseException | None) -> StreamRefusedError | None:
    """Return the API server's own answer behind an error of a channel, None where it gave none."""
    while error is not None and not isinstance(error, StreamRefusedError):
        error = error.__cause__
    return error


def attach_to(means: Means, pod: Pod, _: Service | None) -> Iterator[Way]:
    """Attach to the pod's program and listen for a nonce that it is told to print."""

    def attempt() -> TryResult:
        client = Client(means.ref)
        # By the run's own rights: only the attaching is on trial.
        channel = _channel(means, pod, means.worker.client)
        try:
            with AttachedStream(client, means.name(pod), "agent") as attached:
                return _heard(means, pod, attached, channel)
        finally:
            channel.close()
            client.close()

    yield Way(pod.key, "", attempt)


def _heard(means: Means, pod: Pod, attached: AttachedStream, channel: Channel) -> TryResult:
    """Have the pod's program print a nonce until it is heard: attaching takes a moment."""
    nonce, output, patience_s = fresh_nonce(), b"", means.patience_s
    for _ in range(1 + int(patience_s / _ATTACH_EVERY_S)):
        print_it = {"op": "print", "nonce": nonce}
        channel.ask(print_it, Obeyed, lambda _: True, deadline_s=patience_s)
        output += attached.receive(_ATTACH_EVERY_S)
        for line in output.splitlines():
            if nonce.encode() in line:
                identity, _ = means.proven(line, nonce, pod.key)
                return TryResult(OPEN, "what the pod's program printed was heard", identity)
    raise TimeoutError(f"attached, but nothing was heard in {patience_s:g} s")


def _proxy(
    means: Means, resource: str, target: tuple[str, str], port: int, wanted: Sequence[str]
) -> TryResult:
    nonce = fresh_nonce()
    client = Client(means.ref)
    try:
        answer = fetch_proxied(
            client,
            resource,
            namespace=target[0],
            name=target[1],
            port=port,
            path=f"{HTTP_PATH}/{nonce}",
            timeout_s=means.patience_s,
        )
    finally:
        client.close()
    if answer.status == 200 and not answer.said:
        return means.answered(answer.body, nonce, *wanted)
    said = answer.said or answer.body.decode(errors="replace")[:200]
    evidence = f"{said} ({answer.status})"
    if answer.said and answer.status in REFUSED:
        return TryResult(CLOSED, evidence)
    if answer.said and answer.status in _NOT_REACHED:
        return TryResult(CLOSED, evidence, silent=True)
    return TryResult(UNDETERMINED, evidence)


_NOT_REACHED = (502, 503, 504)
"""By which the API server tells, in a Status, that it dialled the pod and did not reach it."""


def pod_proxy(means: Means, pod: Pod, _: Service | None) -> Iterator[Way]:
    """Ask by HTTP through the API server's proxy, every pod of the pod's namespace."""
    for one in means.worker.topology.pods:
        if one.namespace == pod.namespace and one.probes and one.ports and not one.host_network:
            yield Way(
                one.key,
                f"to a pod on {one.node}",
                partial(_proxy, means, "pods", means.name(one), first_tcp_port(one), [one.key]),
            )


def service_proxy(means: Means, pod: Pod, service: Service | None) -> Iterator[Way]:
    """Ask by HTTP through the API server's proxy of the Service."""
    if service is not None:
        name = means.name(pod)[0], service.name
        port = service.ports[0].number
        by = f"to a pod on {pod.node}"
        wanted = means.behind(service)
        yield Way(service.key, by, lambda: _proxy(means, "services", name, port, wanted))


def ephemeral_in(means: Means, pod: Pod, _: Service | None) -> Iterator[Way]:
    """Put ephemeral containers into the pod that ask its loopback, and a pod elsewhere."""
    others = [
        one for one in means.worker.topology.pods if one.namespace != pod.namespace and one.probes
    ]
    other = next(one for one in others if one.ips and one.ports and not one.host_network)
    yield Way(pod.key, "to the pod's loopback", lambda: _debug(means, pod, "127.0.0.1", pod))
    ip = other.ips[0]
    yield Way(pod.key, f"{OUTWARDS}, to {other.key}", lambda: _debug(means, pod, ip, other))


def _debug(means: Means, pod: Pod, address: str, wanted: Pod) -> TryResult:
    nonce, name = fresh_nonce(), f"door-{next(_NUMBERS)}"
    timeout_s = means.worker.settings.probe_timeout_s * 2
    command = ask_command(nonce, timeout_s, [(address, first_tcp_port(wanted))])
    client = Client(means.ref)
    try:
        kubelet.add_ephemeral_container(
            client,
            means.name(pod),
            name,
            command=command,
            image=means.worker.settings.image,
        )
        text = kubelet.output(
            means.worker.client, means.name(pod), name, lines=1, deadline_s=30 + means.patience_s
        )
    finally:
        client.close()
    answer, error = read_told(text.partition("\n")[0])
    if error or not answer:
        return TryResult(
            CLOSED, f"the container runs; {address}: {error or 'no answer'}", silent=True
        )
    return means.answered(answer.encode(), nonce, wanted.key)
