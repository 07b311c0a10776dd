"""The pool of pod addresses and the address plan."""

import pytest

from netlab.node.addressplan import AddressPool, PoolExhaustedError, node_addresses

CIDRS = ("10.244.1.0/24", "fd00:10:244:1::/64")


def test_addresses_come_in_pairs_of_the_same_number() -> None:
    """A pod's IPv4 and IPv6 address end in the same number of their range."""
    assert AddressPool(CIDRS).take() == ("10.244.1.2", "fd00:10:244:1::2")


def test_a_returned_address_is_not_the_next_one() -> None:
    """An address that was given back waits until the range wraps."""
    pool = AddressPool(CIDRS)
    pool.give_back(pool.take())
    assert pool.take()[0] == "10.244.1.3"


def test_the_address_of_a_completed_pod_is_the_next_one() -> None:
    """It comes before those that nobody had yet, and once."""
    pool = AddressPool(CIDRS)
    first = pool.take()
    pool.give_back(first, soon=True)
    assert [first[0], "10.244.1.3"] == [pool.take()[0], pool.take()[0]]


def test_the_range_wraps() -> None:
    """After the last number the free ones at the start of the range come again."""
    pool = AddressPool(CIDRS, first=2, last=3)
    first = pool.take()
    pool.take()
    pool.give_back(first)
    assert pool.take() == first


def test_wrapping_skips_addresses_in_use() -> None:
    """A number that is still in use is passed over."""
    pool = AddressPool(CIDRS, first=2, last=4)
    pool.take()
    second = pool.take()
    pool.take()
    pool.give_back(second)
    assert pool.take() == second


def test_an_exhausted_pool_says_which_range() -> None:
    """When nothing is free the error names the range."""
    pool = AddressPool(CIDRS, first=2, last=2)
    pool.take()
    with pytest.raises(PoolExhaustedError, match=r"10\.244\.1\.0/24"):
        pool.take()


def test_nodes_are_numbered_from_ten() -> None:
    """Node 1 is called lab-node-1 and has the addresses that end in 11."""
    node = node_addresses(1)
    assert (node.name, node.ips) == ("lab-node-1", ("172.30.0.11", "fd00:172:30::11"))
