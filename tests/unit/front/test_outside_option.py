"""`--outside` and its token, and the addresses that bundles of the suites take from it."""

from __future__ import annotations

import argparse

import pytest

from netproof.cluster.outside import OutsideMachine
from netproof.errors import UsageError
from netproof.front import cli, options, places
from netproof.front.plugin.cases import with_addresses
from netproof.model.workload import Host, HostKind, Topology

TOKEN = "0f" * 32
THERE = Topology(hosts=(Host(HostKind.OUTSIDE, "outside", ("203.0.113.10",)),))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("198.51.100.7", "198.51.100.7", 7462),
        ("198.51.100.7:99", "198.51.100.7", 99),
        ("world.example:99", "world.example", 99),
        ("2001:db8::7", "2001:db8::7", 7462),
        ("[2001:db8::7]:99", "2001:db8::7", 99),
    ],
)
def test_where_the_machine_takes_orders(text: str, host: str, port: int) -> None:
    """A name or an address, with a port or the usual one."""
    environ = {places.TOKEN: f"{TOKEN}\n"}
    assert OutsideMachine(host, port, TOKEN) == places.outside(text, environ)


@pytest.mark.parametrize("text", ["a:b", "a:0", "a:70000", ":99", "a b", "[::1", "http://a"])
def test_what_is_no_place_is_refused(text: str) -> None:
    """The message shows the forms."""
    with pytest.raises(UsageError, match=r"write HOST, HOST:PORT or \[IPV6\]:PORT"):
        places.outside(text, {places.TOKEN: TOKEN})


@pytest.mark.parametrize(
    ("environ", "why"),
    [({}, "is not set"), ({places.TOKEN: "secret"}, "is no token")],
    ids=["none", "wrong"],
)
def test_a_token_is_needed(environ: dict[str, str], why: str) -> None:
    """It goes by the environment, and what is there instead is not shown."""
    with pytest.raises(UsageError, match=f"NETPROOF_OUTSIDE_TOKEN {why}; export it") as raised:
        places.outside("a", environ)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("cluster", ["lab", "kind:calico"])
def test_it_is_for_existing_clusters(cluster: str) -> None:
    """Elsewhere somebody stands for the world already."""
    chosen = argparse.Namespace(**{one.attribute: one.default for one in options.ALL})
    chosen.cluster, chosen.outside = cluster, "a"
    with pytest.raises(UsageError, match="--outside is for --cluster existing"):
        places.backend(chosen, "r", print, command="test")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${IPv4 of outside}", "203.0.113.10"),
        ("${IPv4/28 of outside}", "203.0.113.0/28"),
        ("${IPv4/29 beside outside}", "203.0.113.0/29"),
        ("${IPv4/32 beside outside}", "203.0.113.11/32"),
        ("${IPv6 of outside}", "2001:db8::1"),
        ("${IPv6/125 beside outside}", "2001:db8::8/125"),
    ],
)
def test_blocks_are_those_of_who_stands_there(text: str, expected: str) -> None:
    """Its address, a block around it, the half beside that; nobody's where it has none."""
    assert expected == with_addresses(text, THERE)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--from", "192.0.2.1/24"], "write a CIDR or an address"),
        (["--from", "192.0.2.1", "--to-ports", "9-3"], "write a range of ports"),
        (["--from", "192.0.2.1", "--port", "80/ICMP"], "write a port like 443/UDP"),
        (["--from", "192.0.2.1", "--address", "host"], "is no IP address"),
        (["--from", "192.0.2.1", "--control", "host:99"], "write an address of this machine"),
        ([], "required: --from"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_of_the_agent(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with what to write instead."""
    try:
        code = cli.main(["agent", *words])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    assert 2 == code
    assert why in capsys.readouterr().err
