"""The answer for a flow, argued as a person would: what decides, what isolates, what is near."""

from __future__ import annotations

from netproof.errors import UsageError
from netproof.model.flow import Expected, Flow
from netproof.model.review import Argument, Explanation, SideExplanation
from netproof.policy.mirror import Mirror
from netproof.review import argument, wording
from netproof.review.intents import Intent, Stance, world_of
from netproof.review.judgement import missing_rule
from netproof.review.statement import parse_statement, select
from netproof.review.world import World

MISSING = "missing"


def explain(mirror: Mirror, text: str) -> tuple[Explanation, ...]:
    """Explain every flow that a statement such as `api -> postgres:5432` names.

    Raises PolicyError for a statement that is none, UsageError for one that names no flow.
    """
    statement = parse_statement(text, "the statement")
    world = world_of(mirror, [Intent(Stance.ALLOW, statement, (), "asked", "the statement")])
    flows = select(statement, world, world.flows)
    if not flows:
        raise UsageError(f"{text!r} names no flow: nothing there serves such a port")
    return tuple(explain_flow(world, flow) for flow in flows)


def explain_flow(world: World, flow: Flow) -> Explanation:
    """Explain one flow of a world."""
    expectation = world.matrix[flow]
    by_direction = {side.direction: side for side in argument.sides(world, flow)}
    sides = []
    for reason in expectation.reasons:
        side = by_direction.get(reason.direction)
        found = argument.arguments(world, side) if side else ()
        if side and reason.expected is Expected.DENIED:
            found += (Argument(MISSING, "", missing_rule(side)),)
        sides.append(
            SideExplanation(str(reason.direction), str(reason.expected), reason.text, found)
        )
    return Explanation(wording.flow(flow), str(expectation.expected), tuple(sides))
