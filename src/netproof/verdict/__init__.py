"""How a result is called: what was expected and what was observed become a verdict.

The only room that says PASS, FAIL, NOT ENFORCED or INCONCLUSIVE: of a flow, a step, a scenario, a
canary, a run. Rules only: how a flow was probed, and how a verdict looks, are the business of
others.
"""

from netproof.verdict.canaries import canary_verdict, judge_canary
from netproof.verdict.declarations import contradiction, weigh_gaps
from netproof.verdict.flows import FlowRuling, judge_flow
from netproof.verdict.relations import pairs, statements
from netproof.verdict.runs import (
    RunEvidence,
    RunJudgement,
    check_exit_code,
    follows_from_no_enforcement,
    judge_reading,
    judge_run,
)
from netproof.verdict.scenarios import scenario_verdict, step_verdict
from netproof.verdict.steps import judge_step

__all__ = [
    "FlowRuling",
    "RunEvidence",
    "RunJudgement",
    "canary_verdict",
    "check_exit_code",
    "contradiction",
    "follows_from_no_enforcement",
    "judge_canary",
    "judge_flow",
    "judge_reading",
    "judge_run",
    "judge_step",
    "pairs",
    "scenario_verdict",
    "statements",
    "step_verdict",
    "weigh_gaps",
]
