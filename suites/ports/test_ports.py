"""On which ports: by number, by range, by a name that each pod gives to another number."""

import pytest

from netproof.fixtures.policies import Enforce

pytestmark = pytest.mark.usefixtures("enforcing")


def test_named_port(enforce: Enforce) -> None:
    """A port's name is looked up at the destination, pod by pod."""
    enforce(
        "named-port",
        allowed=["* -> production/api:9200", "* -> production/postgres:9100"],
        denied=["* -> production/api:9100", "* -> production/postgres:9200"],
    )


def test_named_port_egress(enforce: Enforce) -> None:
    """On the way out, too, a port's name is the destination's."""
    enforce(
        "named-port-egress",
        allowed=["production/web -> */api:9200", "production/web -> */postgres:9100"],
        denied=["production/web -> */api:9100", "production/web -> */postgres:9200"],
    )


def test_port_range(enforce: Enforce) -> None:
    """A range opens both of its ends and all between them, for TCP alone."""
    enforce(
        "port-range",
        allowed=["* -> production/api:9100", "* -> production/api:9200"],
        denied=["* -> production/api:5432", "* -> production/api:8125/UDP"],
    )


def test_several_numbers(enforce: Enforce) -> None:
    """Every port of a list is open, and no other."""
    enforce(
        "several-numbers",
        allowed=["* -> production/api:80/TCP", "* -> production/api:9200"],
        denied=["* -> production/api:9100", "* -> production/api:80/UDP"],
    )


def test_number_and_name(enforce: Enforce) -> None:
    """Numbers and names stand in one list."""
    enforce(
        "number-and-name",
        allowed=["* -> production/api:5432", "* -> production/api:9200"],
        denied=["* -> production/api:9100"],
    )


def test_range_of_one(enforce: Enforce) -> None:
    """A range may end where it begins."""
    enforce(
        "range-of-one",
        allowed=["* -> production/api:9100"],
        denied=["* -> production/api:9200"],
    )


def test_range_of_all(enforce: Enforce) -> None:
    """A range over all ports is for its protocol alone."""
    enforce(
        "range-of-all",
        allowed=["* -> production/api:80/TCP", "* -> production/api:9200"],
        denied=["* -> production/api:80/UDP"],
    )


def test_range_udp(enforce: Enforce) -> None:
    """A range may be one of UDP ports."""
    enforce(
        "range-udp",
        allowed=["* -> production/api:8125/UDP"],
        denied=["* -> production/api:9100/TCP", "* -> production/api:80/UDP"],
    )


def test_range_egress(enforce: Enforce) -> None:
    """On the way out, too, both ends of a range are open."""
    enforce(
        "range-egress",
        allowed=[
            "production/api -> *:80/TCP",
            "production/api -> *:5432",
            "production/api -> *:9100",
        ],
        denied=["production/api -> *:9200", "production/api -> *:80/UDP"],
    )


def test_ranges_and_numbers(enforce: Enforce) -> None:
    """What lies between two ranges stays shut."""
    enforce(
        "ranges-and-numbers",
        allowed=[
            "* -> production/api:80/TCP",
            "* -> production/api:9100",
            "* -> production/api:9200",
        ],
        denied=["* -> production/api:5432"],
    )


def test_name_of_other_protocol(enforce: Enforce) -> None:
    """A port's name counts for its own protocol only."""
    enforce(
        "name-of-other-protocol",
        allowed=["* -> production/web"],
        denied=["* -> production/api"],
    )


def test_name_of_udp_port(enforce: Enforce) -> None:
    """A UDP port can be named."""
    enforce(
        "name-of-udp-port",
        allowed=["* -> production/api:8125/UDP"],
        denied=["* -> production/api:80/UDP", "* -> production/api:80/TCP"],
    )


def test_name_not_served(enforce: Enforce) -> None:
    """A name that no port has opens nothing."""
    enforce(
        "name-not-served",
        allowed=["* -> production/web"],
        denied=["* -> production/api"],
    )


def test_number_not_served(enforce: Enforce) -> None:
    """A port that nobody serves opens no other."""
    enforce(
        "number-not-served",
        allowed=["* -> production/web"],
        denied=["* -> production/api"],
    )


def test_number_egress(enforce: Enforce) -> None:
    """One port is open on the way out."""
    enforce(
        "number-egress",
        allowed=["production/api -> *:5432"],
        denied=["production/api -> *:80"],
    )


def test_name_from_peer(enforce: Enforce) -> None:
    """A named port is open to the rule's peers only."""
    enforce(
        "name-from-peer",
        allowed=["production/web -> production/api:9200"],
        denied=[
            "production/web -> production/api:9100",
            "production/postgres -> production/api:9200",
        ],
    )
