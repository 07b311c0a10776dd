"""The program `/agnhost` of every pod: what clients ask of Kubernetes' own test image.

The lab has no images, and cyclonus, Kubernetes' tests of NetworkPolicy and others have their pods
serve with `/agnhost serve-hostname` and exec `/agnhost connect` for each probe. Flags, words and
exit codes are those of test/images/agnhost of Kubernetes 1.34, for the commands named below. One
file, standard library only, started anew for each probe: what it imports costs more than it does.
Must not know: the lab, or who asks.
"""

from __future__ import annotations

import os
import select
import sys
import time

TYPE_CHECKING = False  # typing's own costs 3 ms at each start
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Options = Mapping[str, str]
    Address = tuple[int, int, int, str, Any]  # as getaddrinfo returns them
    Page = Callable[[Mapping[str, str], str], tuple[int, str]]  # query, client -> status, text
else:
    import _signal as signal
    import _socket as socket

SCTP = 132  # IPPROTO_SCTP, which `socket` lacks
KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, SCTP),
}
UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
SANE_S = 2.0  # an address of several gets at least this much of the time-out, as Go's Dial gives it
PATIENCE_S = 60  # serve-hostname goes on for as long after SIGTERM
MOST_HEAD = 1 << 16  # bytes
BACKLOG = 128


class BadFlagError(Exception):
    """The command line cannot be read."""


def parsed(words: Sequence[str], defaults: Options) -> tuple[dict[str, str], list[str]]:
    """Return flags, with defaults for those not given, and the other words; raise BadFlagError."""
    options, rest, left = dict(defaults), [], list(words)
    while left:
        word = left.pop(0)
        name, is_given, value = word[2:].partition("=")
        if not word.startswith("--"):
            rest.append(word)
            continue
        if name not in defaults:
            raise BadFlagError(f"unknown flag: --{name}")
        if not is_given:
            is_switch = defaults[name] in {"true", "false"}
            if not is_switch and not left:
                raise BadFlagError(f"flag needs an argument: --{name}")
            value = "true" if is_switch else left.pop(0)
        options[name] = value
    return options, rest


def seconds(text: str) -> float:
    """Read a duration as Go writes it, 1m30s; raise BadFlagError."""
    total, left = 0.0, text if text != "0" else ""
    while left:
        number = left[: len(left) - len(left.lstrip("0123456789."))]
        unit = left[len(number) :].rstrip("0123456789.")
        unit = unit[: len(unit) - len(unit.lstrip("hmuns"))]
        try:
            total += float(number) * UNITS[unit]
        except (ValueError, KeyError):
            raise BadFlagError(f"invalid duration {text!r}") from None
        left = left[len(number) + len(unit) :]
    return total


def say(text: str) -> None:
    os.write(2, f"{text}\n".encode())


def note(text: str) -> None:
    """Write a line to the log."""
    say(f"{time.strftime('%Y/%m/%d %H:%M:%S')} {text}")


def connect(options: Options, words: Sequence[str]) -> int:
    """Try one connection; say in one word why there is none."""
    timeout_s = seconds(options["timeout"])
    protocol = options["protocol"] or "tcp"
    if len(words) != 1:
        raise BadFlagError(f"accepts 1 arg(s), received {len(words)}")
    if protocol not in KINDS:
        say(f"Unsupported protocol\n{protocol}")
        return 1
    host, colon, port = words[0].rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        say(f"UNKNOWN: address {words[0]}: want host:port")
        return 1
    try:
        name = host.removeprefix("[").removesuffix("]") or None
        addresses = socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        say(f"DNS: lookup {host}: {error}")
        return 1
    return converse(protocol, addresses, timeout_s, options.get(f"{protocol}-data"))


def converse(
    protocol: str, addresses: Sequence[Address], timeout_s: float, data: str | None
) -> int:
    """Connect, and with `data` wait for an answer to it; return the exit code."""
    try:
        sock = dialled(protocol, addresses, timeout_s)
        try:
            answered = data is None or exchanged(sock, data) or protocol == "sctp"
        finally:
            sock.close()
    except TimeoutError:
        say("TIMEOUT")
    except ConnectionRefusedError as error:
        # SCTP has no word of its own for it
        say(f"OTHER: {error}" if protocol == "sctp" else "REFUSED")
    except OSError as error:
        say(f"{'UNKNOWN' if protocol == 'udp' else 'OTHER'}: {error}")
    else:
        if answered:
            return 0
        say("OTHER: No data received from the server.")
    return 1


def exchanged(sock: socket.socket, data: str) -> bool:
    """Say something; tell whether there was an answer."""
    sock.send(f"{data}\n".encode())
    return bool(sock.recv(1024))


def dialled(protocol: str, addresses: Sequence[Address], timeout_s: float) -> socket.socket:
    """Connect to the first address that lets us; raise the first one's OSError."""
    kind, number = KINDS[protocol]
    deadline, failure = time.monotonic() + timeout_s, None
    for tried, (family, _, _, _, address) in enumerate(addresses):
        rest_s = deadline - time.monotonic()
        if timeout_s and rest_s <= 0:
            break
        sock = socket.socket(family, kind, number)
        if timeout_s:
            sock.settimeout(min(rest_s, max(rest_s / (len(addresses) - tried), SANE_S)))
        try:
            sock.connect(address)
        except OSError as error:
            failure = failure or error
            sock.close()
        else:
            return sock
    raise failure or TimeoutError


class PortServer:
    """Sockets that are served one after the other; each answer is a line at most."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._tasks: dict[int, tuple[socket.socket, Callable[[socket.socket], None]]] = {}

    def run(self) -> int:
        """Serve until a signal ends the process."""
        while True:
            for number, _ in self._poll.poll():
                sock, task = self._tasks[number]
                try:
                    task(sock)
                except (OSError, ValueError) as error:  # one client's; the next counts as much
                    note(f"error: {error}")

    def serve(self, protocol: str, port: int, task: Callable[[socket.socket], None]) -> None:
        """Have a task called whenever something waits at a port of all addresses."""
        sock = listening(protocol, port)
        self._add(sock, task)

    def answer_connections(self, protocol: str, port: int, text: str) -> None:
        """Say a text to everybody who connects."""

        def task(listener: socket.socket) -> None:
            sock, client = accepted(listener)
            note(f"{protocol.upper()} request from {client}")
            sock.send(text.encode())
            sock.close()

        self.serve(protocol, port, task)

    def answer_datagrams(self, port: int, text: Callable[[str, str], str | None]) -> None:
        """Answer each datagram with a text of what it says and who sent it."""

        def task(sock: socket.socket) -> None:
            data, address = sock.recvfrom(2048)
            client = shown(address)
            note(f"UDP request from {client}")
            answer = text(data.decode("latin-1").strip(), client)
            if answer is not None:
                sock.sendto(answer.encode(), address)

        self.serve("udp", port, task)

    def answer_http(self, port: int, pages: Mapping[str, Page]) -> None:
        """Answer requests with the page of their path, or the one at "/"."""

        def task(listener: socket.socket) -> None:
            sock, client = accepted(listener)
            head = bytearray()

            def read(sock: socket.socket) -> None:
                data = sock.recv(MOST_HEAD)
                head.extend(data)
                if b"\r\n\r\n" in head:
                    sock.send(response(bytes(head), client, pages))
                if not data or b"\r\n\r\n" in head or len(head) > MOST_HEAD:
                    self._remove(sock)

            self._add(sock, read)

        self.serve("tcp", port, task)

    def _add(self, sock: socket.socket, task: Callable[[socket.socket], None]) -> None:
        self._tasks[sock.fileno()] = sock, task
        self._poll.register(sock.fileno(), select.POLLIN)

    def _remove(self, sock: socket.socket) -> None:
        del self._tasks[sock.fileno()]
        self._poll.unregister(sock.fileno())
        sock.close()


def listening(protocol: str, port: int) -> socket.socket:
    """Return a socket for all addresses of both families; raise OSError."""
    kind, number = KINDS[protocol]
    try:
        sock = socket.socket(socket.AF_INET6, kind, number)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        address: tuple[str, int] = ("::", port)
    except OSError:  # a kernel without IPv6
        sock = socket.socket(socket.AF_INET, kind, number)
        address = ("", port)
    if protocol != "udp":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    if protocol != "udp":
        sock.listen(BACKLOG)
    return sock


def accepted(listener: socket.socket) -> tuple[socket.socket, str]:
    # `accept` is of the slower module
    number, address = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
    sock = socket.socket(fileno=number)
    sock.settimeout(1)
    return sock, shown(address)


def shown(address: Any) -> str:
    host = address[0].removeprefix("::ffff:")
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def response(head: bytes, client: str, pages: Mapping[str, Page]) -> bytes:
    """Return the answer to a request; the page says status and text."""
    words = head.split(b"\r\n")[0].decode("latin-1").split(" ")
    path, _, query = (words[1] if len(words) > 1 else "/").partition("?")
    note(f"HTTP request from {client}: {path[:80]}")
    fields = (field.partition("=") for field in query.split("&"))
    values = {name: unquoted(value) for name, _, value in fields}
    status, text = pages.get(path, pages["/"])(values, client)
    body = text.encode()
    lines = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return lines.encode() + (b"" if words[0] == "HEAD" else body)


def unquoted(text: str) -> str:
    first, *parts = text.replace("+", " ").split("%")
    try:
        return first + "".join(chr(int(part[:2], 16)) + part[2:] for part in parts)
    except ValueError:
        return text


def serve_hostname(options: Options, _: Sequence[str]) -> int:
    """Say the pod's name to whoever asks."""
    port, name, server = int(options["port"]), socket.gethostname(), PortServer()
    wants = {kind for kind in ("tcp", "udp", "http") if options[kind] == "true"}
    if "http" in wants and len(wants) > 1:
        note("Can't server TCP/UDP mode and HTTP mode at the same time")
        return 1
    if "tcp" in wants:
        server.answer_connections("tcp", port, name)
    if "udp" in wants:
        server.answer_datagrams(port, lambda _, __: name)
    if "http" in wants:
        server.answer_http(port, {"/": lambda _, __: (200, name)})
    note(f"Serving on port {port}.")
    signal.signal(signal.SIGTERM, lambda *_: awaiting_deletion())
    return server.run()


def awaiting_deletion() -> None:
    note("Awaiting pod deletion.")
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))
    signal.alarm(PATIENCE_S)


def netexec(options: Options, _: Sequence[str]) -> int:
    """Serve the pages and datagrams that tests ask for most: name, client, echo, health."""
    name, server = socket.gethostname(), PortServer()
    ports = {kind: int(options[f"{kind}-port"]) for kind in ("http", "udp", "sctp")}

    def datagram(text: str, client: str) -> str | None:
        verb, _, rest = text.partition(" ")
        answers = {"hostname": name, "clientip": client, "serverport": str(ports["udp"])}
        return rest if verb.lower() == "echo" else answers.get(verb.lower())

    server.answer_http(
        ports["http"],
        {
            "/": lambda _, __: (200, f"NOW: {time.strftime('%Y-%m-%d %H:%M:%S')}"),
            "/clientip": lambda _, client: (200, client),
            "/echo": lambda query, _: (int(query.get("code") or 200), query.get("msg", "")),
            "/healthz": lambda _, __: (200, ""),
            "/hostname": lambda _, __: (200, name),
            "/hostName": lambda _, __: (200, name),
            "/readyz": lambda _, __: (200, "ok"),
            "/serverport": lambda _, __: (200, str(ports["http"])),
        },
    )
    if ports["udp"] != -1:
        server.answer_datagrams(ports["udp"], datagram)
    if ports["sctp"] != -1:
        server.answer_connections("sctp", ports["sctp"], name)
    note(f"Started HTTP server on port {ports['http']}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    return server.run()


def porter(_: Options, __: Sequence[str]) -> int:
    """Serve the ports that the environment names, each with its text."""
    server = PortServer()
    for key, value in sorted(os.environ.items()):
        prefix, port = key.rpartition("_")[::2]
        if prefix == "SERVE_PORT":
            server.answer_http(int(port), {"/": page(value)})
        elif prefix == "SERVE_SCTP_PORT":
            server.answer_connections("sctp", int(port), value)
        elif prefix == "SERVE_TLS_PORT":
            note(f"tls server on port {port!r} failed: the lab's /agnhost has no certificate")
    return server.run()


def page(text: str) -> Page:
    return lambda _, __: (200, text)


def pause(_: Options, __: Sequence[str]) -> int:
    """Do nothing until a signal comes; its exit code says which."""
    codes = {signal.SIGINT: 1, signal.SIGTERM: 2}
    for number, code in codes.items():
        signal.signal(number, lambda *_, code=code: sys.exit(code))
    os.write(1, b"Paused\n")
    while True:
        signal.pause()


COMMANDS: Mapping[str, tuple[Callable[[Options, Sequence[str]], int], Options]] = {
    "connect": (
        connect,
        {"timeout": "0", "protocol": "tcp", "udp-data": "hostname", "sctp-data": "hostname"},
    ),
    "netexec": (netexec, {"http-port": "8080", "udp-port": "8081", "sctp-port": "-1"}),
    "pause": (pause, {}),
    "porter": (porter, {}),
    "serve-hostname": (
        serve_hostname,
        {"tcp": "false", "udp": "false", "http": "true", "close": "false", "port": "9376"},
    ),
}


def main(words: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    if not words or words[0] not in COMMANDS:
        say(f"the lab's own /agnhost has these commands: {', '.join(COMMANDS)}")
        return 1
    command, defaults = COMMANDS[words[0]]
    try:
        return command(*parsed(words[1:], defaults))
    except (BadFlagError, ValueError, OverflowError) as error:
        say(f"Error: {error}")
    except OSError as error:
        note(f"{words[0]}: {error}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
