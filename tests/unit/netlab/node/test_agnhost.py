"""The lab's /agnhost: flags, words and exit codes as those of Kubernetes' image."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from netlab.node import agnhost, podview

PROGRAM = Path(agnhost.__file__)
NAME = socket.gethostname()


@contextmanager
def serving(*words: str, **env: str) -> Iterator[None]:
    """Run a server for the time of a with block; it has to be ready when it says a first line."""
    command = [sys.executable, "-IS", str(PROGRAM), *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | env)
    with closing(process.stderr):  # type: ignore[type-var]
        try:
            assert process.stderr is not None
            assert process.stderr.readline()
            yield
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def port() -> int:
    """Return the number of a port that is free for TCP and UDP."""
    with closing(socket.socket()) as tcp, closing(socket.socket(type=socket.SOCK_DGRAM)) as udp:
        tcp.bind(("127.0.0.1", 0))
        number: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", number))
        return number


Said = Callable[[], str]


def connected(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Return how a probe ended: its exit code and the first word it said."""
    code = agnhost.main(["connect", *words])
    return code, capfd.readouterr().err.partition(":")[0].strip()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_is_served_connects(
    capfd: pytest.CaptureFixture[str], port: int, protocol: str, host: str
) -> None:
    """By address and by name; nothing is said."""
    flags = (f"--{protocol}", "--http=false", "--port", f"{port}")
    with serving("serve-hostname", *flags):
        probe = (f"{host}:{port}", "--timeout=5s", f"--protocol={protocol}")
        assert connected(capfd, *probe) == (0, "")


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_nobody_at_the_port_is_refused(
    capfd: pytest.CaptureFixture[str], port: int, protocol: str
) -> None:
    """That is another word than for a packet that got lost."""
    probe = (f"127.0.0.1:{port}", "--timeout=5s", f"--protocol={protocol}")
    assert connected(capfd, *probe) == (1, "REFUSED")


def test_silence_is_a_timeout(capfd: pytest.CaptureFixture[str]) -> None:
    """A server that never answers a datagram looks like a policy that drops it."""
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as mute:
        mute.bind(("127.0.0.1", 0))
        probe = (f"127.0.0.1:{mute.getsockname()[1]}", "--timeout=20ms", "--protocol=udp")
        assert connected(capfd, *probe) == (1, "TIMEOUT")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-host.invalid:80"], "DNS"),
        (["127.0.0.1"], "UNKNOWN"),
        (["127.0.0.1:80", "--protocol=x"], "Unsupported protocol\nx"),
        (["127.0.0.1:80", "--timeout=soon"], "Error"),
        (["127.0.0.1:80", "--retries=3"], "Error"),
        ([], "Error"),
    ],
)
def test_what_cannot_be_tried_is_told(
    capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """A name that does not resolve is no answer of the network's, nor is a wrong flag."""
    assert connected(capfd, *words) == (1, said)


@pytest.mark.parametrize(
    ("text", "expected"), [("1s", 1), ("1m30s", 90), ("250ms", 0.25), ("1.5h", 5400), ("0", 0)]
)
def test_durations_are_those_of_go(text: str, expected: float) -> None:
    """With a unit, and several of them."""
    assert agnhost.seconds(text) == pytest.approx(expected)


def get(port: int, path: str) -> str:
    """Return what a page says."""
    with closing(socket.create_connection(("127.0.0.1", port), 5)) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while data := sock.recv(4096):
            answer += data
    return answer.partition(b"\r\n\r\n")[2].decode()


def test_pages_and_datagrams_of_netexec(port: int) -> None:
    """Who is asked, who asks, and an echo."""
    with serving("netexec", f"--http-port={port}", f"--udp-port={port}"):
        assert get(port, "/hostname") == NAME
        assert get(port, "/clientip").startswith("127.0.0.1:")
        assert get(port, "/echo?msg=a%20b") == "a b"
        with closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
            sock.settimeout(5)
            sock.sendto(b"echo hello\n", ("127.0.0.1", port))
            assert sock.recv(100) == b"hello"


def test_ports_of_the_environment_are_served(port: int) -> None:
    """Each with its own text; a line about TLS says when they are."""
    env = {f"SERVE_PORT_{port}": "mine", "SERVE_TLS_PORT_1": ""}
    with serving("porter", **env):
        assert get(port, "/") == "mine"


def test_other_commands_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    """What the image has and the lab has not ends with a list of what there is."""
    assert agnhost.main(["guestbook"]) == 1
    assert "connect, netexec, pause, porter, serve-hostname" in capfd.readouterr().err


def test_it_starts_with_the_labs_interpreter(tmp_path: Path) -> None:
    """The first line leads to the Python that every pod has, and anybody may run the file."""
    program = tmp_path / "program"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    podview._furnish_agnhost(program, tmp_path)
    done = subprocess.run([program, "connect"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: accepts 1 arg(s), received 0\n")
