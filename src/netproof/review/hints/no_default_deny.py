"""A namespace with workloads that no policy isolates: whoever reaches the network reaches them."""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.flow import Direction
from netproof.model.review import Hint, Severity
from netproof.model.workload import Pod
from netproof.policy.served import selects
from netproof.review import wording
from netproof.review.hints.look import Look

NAME = "no-default-deny"

_SEVERITY = {Direction.INGRESS: Severity.WARNING, Direction.EGRESS: Severity.INFO}
_OPEN = {Direction.INGRESS: "anyone may connect to", Direction.EGRESS: "nothing limits"}


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each namespace and direction in which a workload is open."""
    for space in sorted({pod.namespace for pod in look.world.workloads}):
        pods = [pod for pod in look.world.workloads if pod.namespace == space]
        for direction in Direction:
            bare = [pod.key for pod in pods if not _isolated(look, pod, direction)]
            if bare:
                yield _hint(look, space, direction, bare)


def _isolated(look: Look, pod: Pod, direction: Direction) -> bool:
    return any(
        direction in policy.policy_types and selects(policy, pod) for policy in look.world.policies
    )


def _hint(look: Look, space: str, direction: Direction, bare: list[str]) -> Hint:
    mirror = look.world.mirror
    where = mirror.place("Namespace", space) or mirror.place("", bare[0])
    return Hint(
        NAME,
        _SEVERITY[direction],
        where,
        space,
        f"namespace {space} has no default deny of {direction.lower()}: {_OPEN[direction]} "
        f"{wording.listed(bare)}",
        f"add a policy to {space} with podSelector {{}} and policyTypes [{direction}]",
    )
