"""How much a bundle may be, each with its reason: a stranger's is refused before it is work.

What is more is a PolicyError with file and line. docs/bundles.md lists the same numbers.
"""

from __future__ import annotations

from netproof.errors import PolicyError

MAX_BYTES = 3 * 1024 * 1024
"""Of a file: what the API server takes in one request (etcd takes half); more is no manifest."""

MAX_ALL_BYTES = 16 * 1024 * 1024
"""Of a bundle: reading takes about two seconds a mebibyte; a large rendered chart has one."""

MAX_FILES = 5_000
"""Of a bundle: a file of 3 KiB each comes to as much as all may be."""

MAX_FOLDERS = 32
"""Of a folder in another: no repository nests its manifests a third as deep."""

MAX_DEPTH = 100
"""Of values in a document: no Kubernetes object nests a third as deep; Python ends at 1,000."""

MAX_NODES = 500_000
"""Of values in a file: with 3 MiB of text there are fewer, unless aliases multiply them."""

MAX_OBJECTS = 10_000
"""Of a bundle, with those that are left out: reading one takes about a millisecond."""

MAX_WORKLOADS = 1_000
"""Of a bundle: flows grow with their square, and each is a probe pod."""

MAX_POLICIES = 2_000
"""Of a bundle: each is held against each workload of its namespace."""

MAX_TERMS = 30_000
"""Of a bundle's policies, rules with their peers and ports: reading one takes a tenth of a ms."""

MAX_FLOWS = 20_000_000
"""Of a bundle, so many pairs of ends and ports: judging takes a second for each five million."""

MAX_LISTED = 500_000
"""Of a bundle whose flows are taken one by one, to be probed or mutated: 10 s for each 100,000."""

MAX_WORK = 10_000_000
"""Of pairs of rules, ports and blocks at the same workload: each may cut what the other tells."""

MAX_INTENTS = 1_000
"""Of a bundle: people stop reading long before."""

MAX_STATEMENT = 1_000
"""Of an intent's statement, in characters: a name has at most 253, and two name a flow."""

MAX_JUDGED = 10_000_000
"""Of statements times ports that flows end at: the work of judging intents, 10 s for all."""

MAX_BROKEN = 10_000
"""Of flows of one intent that go otherwise than it states: more are counted, not listed."""

MAX_MUTATED = 40_000_000
"""Of mutations times flows: the work of `--mutate`, 10 s for each 20 million."""

MAX_EDGES = 50_000_000
"""Of a snapshot, sources times ports that are reached: sets of them take a byte for each eight."""

MAX_STRANGERS = 2_000
"""Of kinds of pods that rules name and that are not in the bundle: each is held against each."""

GIT_S = 60.0
"""For git to read a revision: it is in a repository on this machine."""

RENDER_S = 60.0
"""For helm or kustomize to render a folder: large charts take two."""

RENDER_BYTES = 4 << 30
"""Of memory for that, where the system knows such a limit: what they reserve is half of it."""


def refuse_more(count: int, limit: int, things: str, place: str, remedy: str) -> None:
    """Raise PolicyError at `place` where there are more things than the limit."""
    if count > limit:
        raise PolicyError(place, f"has more than {limit:,} {things}; {remedy}")
