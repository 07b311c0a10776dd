"""Matches of nftables rules: addresses, ports and endpoints as the shortest text that says them.

One element goes into the rule itself, several into a named set. Must not know: policies.
"""

from collections.abc import Sequence

from netlab.dataplane.addresses import Family, elements
from netlab.dataplane.intervals import Intervals
from netlab.dataplane.ports import LAST_PORT, Endpoint, Ports
from netlab.dataplane.table import Sets

PORT_KEY = "meta l4proto . th dport"

# For some microseconds after a table comes into force, Linux finds its sets of intervals empty:
# of 2 million denied packets 1,382 got through while the table was replaced 6,000 times (6.18).
# Sets of single addresses have no such gap. So pods are always written one by one, and intervals
# are for ipBlocks, which let packets pass: there the gap is a moment's denial.
_MOST_SINGLE = 1024


def address(sets: Sets, family: Family, side: str, known: Intervals) -> str:
    """Match a side (`saddr`, `daddr`) against addresses, of which there is at least one."""
    if len(known) == 1:
        return f"{family.value} {side} {elements(family, known)[0]}"
    apart = _one_by_one(known)
    is_interval = any(first != last for first, last in apart)
    kind = family.set_type + ("; flags interval" if is_interval else "")
    return f"{family.value} {side} {sets.name(kind, elements(family, apart))}"


def side(sets: Sets, family: Family, side: str, known: Intervals) -> str:
    """Match a side like `address`; empty text where every address of the family would match."""
    return "" if known == family.everything else address(sets, family, side, known)


def ports(sets: Sets, known: Sequence[Ports]) -> str:
    """Match the destination port, of which there is at least one."""
    if len(known) > 1:
        texts = [f"{protocol} . {_span(first, last)}" for protocol, first, last in known]
        return f"{PORT_KEY} {sets.name('inet_proto . inet_service; flags interval', texts)}"
    protocol, first, last = known[0]
    if (first, last) == (0, LAST_PORT):
        return f"meta l4proto {protocol}"
    return f"meta l4proto {protocol} th dport {_span(first, last)}"


def endpoints(sets: Sets, family: Family, known: Sequence[Endpoint]) -> str:
    """Match the destination address and port together."""
    kind = f"{family.set_type} . inet_proto . inet_service"
    texts = sorted({f"{ip} . {protocol} . {port}" for ip, protocol, port in known})
    return f"{family.value} daddr . {PORT_KEY} {sets.name(kind, texts)}"


def _one_by_one(known: Intervals) -> Intervals:
    if sum(last - first + 1 for first, last in known) > _MOST_SINGLE:
        return known
    return tuple((n, n) for first, last in known for n in range(first, last + 1))


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
