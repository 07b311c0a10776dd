"""What CNIs do differently within the rules, as options of a dataplane."""

from dataclasses import dataclass
from enum import Enum


class Deny(Enum):
    """What the sender of a denied packet sees."""

    DROP = "drop"  # nothing, until it gives up
    REJECT = "reject"  # a reset, or ICMP port unreachable


class Established(Enum):
    """What becomes of an open TCP connection when a policy comes to deny it."""

    KEPT = "kept"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Options:
    """How to deny, and whether a change reaches open connections."""

    deny: Deny = Deny.DROP
    established: Established = Established.KEPT
