"""The whole look at a bundle that `netproof check` takes before any packet is sent."""

from __future__ import annotations

from dataclasses import dataclass

import netproof
from netproof.model.check import CheckRecord
from netproof.policy.mirror import Mirror
from netproof.review.hints import Look, find_all
from netproof.review.intents import Intent, read_intents, world_of
from netproof.review.judgement import judge_all
from netproof.review.mutation import mutate
from netproof.review.world import World


@dataclass(frozen=True, slots=True)
class Case:
    """A bundle with its intents, in the world in which they are judged."""

    name: str
    intents: tuple[Intent, ...]
    world: World

    @property
    def mirror(self) -> Mirror:
        """The mirror, with pods that also serve the ports that only intents name."""
        return self.world.mirror


def open_case(mirror: Mirror, name: str) -> Case:
    """Read the intents of a mirrored bundle; raise PolicyError for one that makes no sense."""
    intents = read_intents(mirror.intents)
    return Case(name, intents, world_of(mirror, intents))


def check(case: Case, *, cni: str = "", with_mutations: bool = False) -> CheckRecord:
    """Judge the intents by what the policies mean, and look for mistakes that people make."""
    world = case.world
    return CheckRecord(
        bundle=case.name,
        netproof=netproof.__version__,
        workloads=len(world.workloads),
        policies=len(world.policies),
        flows=len(world.matrix),
        seconds=0.0,
        notes=world.mirror.notes,
        hints=find_all(Look(world, cni)),
        intents=judge_all(world, case.intents),
        mutations=mutate(world, case.intents) if with_mutations else None,
    )
