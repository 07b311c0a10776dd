"""A network that loses packets and hands on the rest late: the tables of one node, in text.

Each packet that pods send to each other, and what passes between pods and other machines, goes
through it once: on the node of the pod that sends, or where that is no pod on the node of the pod
that receives. Before the policies, so that what they deny and what they let pass is alike. What a
node tells its own pods (a kubelet's probes, a rejection) does not cross the network.
Must not know: what makes packets late; they are sent through a chain that does it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

TABLE, LATE = "netproof_network", "late"
FAMILIES = ("ip", "ip6")
_IN_A_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class BadNetwork:
    """What is wrong with a network.

    `delay_s` and `jitter_s` are of a round trip, in seconds, half of each for every way; `loss` is
    the share of packets, of one way, that get lost.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0

    @property
    def is_late(self) -> bool:
        """Whether packets have to wait."""
        return self.delay_s > 0 or self.jitter_s > 0

    @property
    def is_bad(self) -> bool:
        """Whether anything is wrong at all."""
        return self.is_late or self.loss > 0

    def fault(self) -> str:
        """Return why there is no such network, nothing where there is."""
        if not all(0 <= seconds < math.inf for seconds in (self.delay_s, self.jitter_s)):
            return "a delay is a number of seconds from 0"
        if self.jitter_s > self.delay_s:
            return "a jitter greater than the delay would have packets arrive before they are sent"
        return "" if 0 <= self.loss < 1 else "a loss is a share from 0 to less than 1"


def tables(network: BadNetwork, own: Sequence[str], pods: Sequence[str]) -> str:
    """Return the tables of a node as nftables text; `own` are its pods' networks, `pods` all.

    The chain `late` is there and empty where packets have to be late.
    """
    return "".join(_table(network, family, own, pods) for family in FAMILIES)


def _table(network: BadNetwork, family: str, own: Sequence[str], pods: Sequence[str]) -> str:
    ours = _of(family, own)
    lost = round(network.loss * _IN_A_MILLION)
    loss = f"numgen random mod {_IN_A_MILLION} < {lost} drop\n" if lost else ""
    late = f"goto {LATE}\n" if network.is_late else ""
    return (
        f"table {family} {TABLE} {{\n"
        f"chain {LATE} {{ }}\n"
        f"chain crossing {{\n{loss}{late}}}\n"
        "chain forward {\ntype filter hook forward priority filter - 10;\n"
        f"{family} saddr {ours} goto crossing\n"
        f"{family} daddr {ours} {family} saddr != {_of(family, pods)} goto crossing\n}}\n"
        "}\n"
    )


def _of(family: str, networks: Sequence[str]) -> str:
    return f"{{ {', '.join(n for n in networks if (':' in n) is (family == 'ip6'))} }}"
