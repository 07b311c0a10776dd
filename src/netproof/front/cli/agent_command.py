"""`netproof agent`: makes a machine outside a cluster stand for the world in runs on that cluster.

It is the agent of the probe pods, in this very process: nothing is started, and nothing is left
when it ends. It takes orders from the machines and within the limits that its command line names.
"""

from __future__ import annotations

import argparse
import errno
import re
import secrets
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from netproof.errors import UsageError
from netproof.front import output, places
from netproof.front.interruption import told_to_end_as_ctrl_c
from netproof.model.workload import is_address
from netproof.probe.identity import OUTSIDE_IDENTITY, fingerprint
from netproof.probe.standing import Limits, StandingAgent

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

NODE_PORTS = "30000-32767"
"""Where node ports are unless the API server is told otherwise (--service-node-port-range)."""

SERVED = ("80/TCP", "443/TCP", "443/UDP")
"""The web, as a policy for the world would name it; the suites' cases ask for these."""

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - whoever is not in --from is turned away

_PORT = re.compile(r"(?P<number>[0-9]{1,5})(/(?P<protocol>TCP|UDP|SCTP))?")
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")

_NO_SUCH_FAMILY = {errno.errorcode[errno.EAFNOSUPPORT], errno.errorcode[errno.EADDRNOTAVAIL]}
_REMEDIES = {
    "EACCES": "run it as root, or allow it: sysctl net.ipv4.ip_unprivileged_port_start=80",
    "EADDRINUSE": "end what serves it",
}


def add(commands: Commands) -> None:
    """Hang `netproof agent` into the parser."""
    parser = commands.add_parser(
        "agent",
        help="stand for the world outside a cluster, for --outside",
        description=__doc__,
    )
    add_option = parser.add_argument
    block: dict[str, Any] = {"action": "append", "metavar": "CIDR", "type": _block}
    add_option(
        "--from",
        **block,
        dest="peers",
        required=True,
        help="who may give it orders: the machine that runs netproof; repeatable",
    )
    add_option(
        "--to",
        **block,
        default=[],
        help="where it may send probes: the addresses of the cluster's nodes; repeatable",
    )
    add_option(
        "--to-ports",
        type=_range,
        default=_range(NODE_PORTS),
        metavar="LOW-HIGH",
        help=f"to which ports there (default: {NODE_PORTS}, where node ports are)",
    )
    add_option(
        "--port",
        action="append",
        type=_port,
        metavar="PORT/PROTOCOL",
        help=f"what it serves; repeatable (default: {', '.join(SERVED)})",
    )
    add_option(
        "--address",
        action="append",
        default=[],
        type=_address,
        help="where pods reach it, if not at its own addresses; repeatable",
    )
    add_option(
        "--control",
        default="",
        metavar="ADDRESS[:PORT]",
        help=f"where it takes orders (default: everywhere, port {places.AGENT_PORT})",
    )
    parser.set_defaults(run=_run)


def _block(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; write a CIDR or an address") from None


def _address(text: str) -> str:
    if not is_address(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no IP address")
    return text


def _port(text: str) -> list[Any]:
    read = _PORT.fullmatch(text)
    if read is None or not 0 < int(read["number"]) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r}: write a port like 443/UDP")
    return [int(read["number"]), read["protocol"] or "TCP"]


def _range(text: str) -> tuple[int, int]:
    read = _RANGE.fullmatch(text)
    low, high = (int(read[1]), int(read[2])) if read else (0, 0)
    if not 0 < low <= high < 65536:
        raise argparse.ArgumentTypeError(f"{text!r}: write a range of ports like {NODE_PORTS}")
    return low, high


def _run(option: argparse.Namespace) -> int:
    token = secrets.token_hex(32)
    with told_to_end_as_ctrl_c():
        try:
            agent = _started(option, token)
            output.say(*_told(option, agent, token))
            agent.run()
        except KeyboardInterrupt:
            output.tell("netproof agent: ended")
    return 0


def _started(option: argparse.Namespace, token: str) -> StandingAgent:
    """Return an agent that listens; raise UsageError with what to do where it cannot."""
    named = bool(option.control)
    host, port = places.host_and_port(option.control or "all", "--control")
    ports = option.port or [_port(text) for text in SERVED]
    own = frozenset(number for number, _ in ports)
    limits = Limits(option.peers, option.to, option.to_ports, own)
    config = {
        "identity": OUTSIDE_IDENTITY,
        "control": [[host] if named else EVERYWHERE, port],
        "ports": ports,
        "key": token,
    }
    if named and not is_address(host):
        raise UsageError(f"--control {option.control}: write an address of this machine")
    try:
        agent = StandingAgent(config, limits, option.address)
    except OSError as error:
        raise UsageError(
            f"orders cannot be taken at port {port}: {error.strerror}; "
            "--control ADDRESS:PORT names another place"
        ) from error
    _check(agent)
    return agent


def _check(agent: StandingAgent) -> None:
    about: dict[str, Any] = agent.about()
    served = {(port, protocol) for port, protocol, _ in about["serving"]}
    for port, protocol, family, why in about["failures"]:
        if not (why in _NO_SUCH_FAMILY and (port, protocol) in served):
            remedy = _REMEDIES.get(why, "see what this machine has against it")
            raise UsageError(
                f"{port}/{protocol} cannot be served by {family} ({why}): {remedy}, "
                "or have other ports served by --port"
            )
    if not about["addresses"]:
        raise UsageError("this machine has no way to others: name its addresses by --address")


def _told(option: argparse.Namespace, agent: StandingAgent, token: str) -> list[str]:
    """Return what the person has to know, and to type where netproof runs."""
    about: dict[str, Any] = agent.about()
    addresses: list[str] = about["addresses"]
    ports = dict.fromkeys(f"{port}/{protocol}" for port, protocol, _ in about["serving"])
    low, high = option.to_ports
    may = f"{', '.join(option.to)} at ports {low}-{high}" if option.to else "nobody (see --to)"
    _, control = agent.orders[0]
    host = agent.orders[0][0] if option.control else addresses[0]
    at = f"[{host}]" if ":" in host else host
    where = at if control == places.AGENT_PORT else f"{at}:{control}"
    return [
        f"netproof agent: serves {', '.join(ports)} at {', '.join(addresses)}",
        f"  takes orders from {', '.join(option.peers)} at port {control}",
        f"  sends probes to {may}",
        "On the machine that runs netproof:",
        f"  export {places.TOKEN}={token}",
        f"  netproof test --cluster existing --outside {where}",
        f"The token has the fingerprint {fingerprint(token)}. Ctrl-C ends the agent and the token.",
    ]
