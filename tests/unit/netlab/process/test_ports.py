"""The API's listening socket, and the messages when it cannot be had."""

import os
import socket

import pytest

from netlab.problems import StartError
from netlab.process import listening


def test_port_zero_finds_a_free_port() -> None:
    """The kernel chooses a port of the loopback address."""
    with listening.open_listener(None, 0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_names_who_has_it() -> None:
    """The message names port and process, the remedy another port."""
    with listening.open_listener(None, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as caught:
            listening.open_listener(None, port)
    assert f"port {port} on 127.0.0.1 is taken by" in caught.value.error
    assert f"(pid {os.getpid()})" in caught.value.error
    assert "choose another --port" in caught.value.remedy


def test_an_inherited_socket_is_used() -> None:
    """A descriptor from the starter is taken over as it is."""
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        ours = listening.open_listener(os.dup(theirs.fileno()), 0)
        with ours:
            assert ours.getsockname() == theirs.getsockname()


def test_a_descriptor_that_is_no_socket_is_refused() -> None:
    """The message names the option and its value."""
    read, write = os.pipe()
    os.close(write)
    try:
        with pytest.raises(StartError, match=f"--listen-fd {read}"):
            listening.open_listener(read, 0)
    finally:
        os.close(read)
