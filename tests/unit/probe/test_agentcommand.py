"""The commands of agent and relay."""

from __future__ import annotations

import ast
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netproof.model.flow import Endpoint
from netproof.model.workload import Port, Protocol
from netproof.probe import agent, agentcommand
from netproof.probe.agentcommand import (
    RELAY,
    START,
    agent_source,
    relay_command,
    serve_command,
)
from netproof.probe.identity import LONGEST_NAME, control_name, identity_of
from netproof.probe.messages import agent_key

LARGEST_ARGUMENT = 128 * 1024
"""execve(2), MAX_ARG_STRLEN: the kernel takes no longer one."""


def test_a_pod_is_told_who_it_is_and_what_it_serves() -> None:
    """The serve command carries identity, control socket, ports and addresses as plain words."""
    ports = [Port(80), Port(53, Protocol.UDP)]
    command = serve_command("shop/web", ports, "run1", "s", ["127.0.0.1", "::1"])
    assert ["python3", "-I", "-S", "-c", agent_source(), "serve"] == command[:6]
    key = agent_key("s", "shop/web", "run1")
    words = ["shop/web", "netproof-shop/web-run1", "80/TCP,53/UDP", "127.0.0.1,::1", key]
    assert words == command[6:]


def test_a_relay_is_told_where_its_agent_listens() -> None:
    """The relay command names the same control socket as the serve command."""
    command = relay_command("shop/web", "run1", 2.0)
    assert ["python3", "-I", "-S", "-c", RELAY, "netproof-shop/web-run1", "2.0"] == command


def test_what_is_sent_fits_an_argument_with_room_to_spare() -> None:
    """The program without what only readers need is a fraction of the longest argument."""
    assert len(agent_source().encode()) < LARGEST_ARGUMENT / 3
    both = serve_command("a/b", (), "run1", "s", compiled=True)
    assert ["python3", "-I", "-S", "-c", START, agent_source()] == both[:6]
    assert len(both[6]) < LARGEST_ARGUMENT / 3


@pytest.mark.parametrize("spoilt", ["", "0d0d0d0d", "sum", "code"])
def test_a_program_runs_whether_or_not_what_it_compiles_to_fits(spoilt: str) -> None:
    """Code of another Python, of another source or of none at all is left alone."""
    source = "import sys\nprint(sys.argv, __name__, sys._getframe().f_code.co_filename)"
    magic, sum_, code = agentcommand._compiled(source).split()
    parts = {"": [magic, sum_, code], "sum": [magic, "1", code], "code": [magic, sum_, "AAAA"]}
    words = [source, " ".join(parts.get(spoilt, [spoilt, sum_, code])), "serve", "n/a"]
    command = [sys.executable, "-I", "-S", "-c", START, *words]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "['-c', 'serve', 'n/a'] __main__ agent\n" == said


def test_what_is_compiled_is_what_runs() -> None:
    """Where version and checksum fit, the source itself is not compiled again."""
    magic, _, code = agentcommand._compiled("print('compiled')").split()
    source = "print('source')"
    words = [source, f"{magic} {zlib.crc32(source.encode())} {code}"]
    command = [sys.executable, "-I", "-S", "-c", START, *words]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "compiled\n" == said


def test_what_is_sent_is_the_same_program() -> None:
    """Blanks that are left out mean nothing: docstrings and annotations are all that is gone."""
    whole = ast.parse(Path(agent.__file__).read_text(encoding="utf-8"))
    assert ast.dump(agentcommand._Strip().visit(whole)) == ast.dump(ast.parse(agent_source()))


def test_what_is_sent_has_no_docstrings_or_annotations() -> None:
    """Docstrings and annotations stay at home."""
    assert '"""' not in agent_source()
    assert "->" not in agent_source()


def test_long_names_stay_short_enough_and_apart() -> None:
    """Names beyond what the kernel takes are cut, and still differ."""
    names = {control_name("n" * 63 + "/" + "p" * 200, f"run{n}") for n in range(2)}
    assert 2 == len(names)
    assert all(len(name.encode()) <= LONGEST_NAME for name in names)


def test_all_hosts_outside_have_one_agent() -> None:
    """Hosts outside share an identity, pods have their own."""
    ends = (Endpoint.outside("outside-2"), Endpoint.pod("shop/web"))
    assert ["outside", "shop/web"] == [identity_of(end) for end in ends]


def test_many_pods_at_once_have_the_program_made_once() -> None:
    """Threads that ask at the same time wait for the first: not every CPython parses in several."""
    agentcommand._stripped.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(lambda _: agent_source(), range(8)))
    assert (1, 1) == (len(told), agentcommand._stripped.cache_info().misses)


@pytest.mark.parametrize("program", [agent_source(), RELAY], ids=["agent", "relay"])
def test_what_starts_in_every_pod_loads_little(program: str) -> None:
    """Enums and regular expressions would take as long as all else of its start."""
    head = program.partition("\ndef ")[0].partition("\nname,")[0]
    told = "import sys; print({'enum', 're', 'socket', 'json', 'typing'} & {*sys.modules})"
    words = [sys.executable, "-I", "-S", "-c", f"exec({head!r}); {told}"]
    assert "set()\n" == subprocess.run(words, capture_output=True, text=True, check=True).stdout
