"""How a result is called: what was expected and what was observed become a verdict.

Rules only: how a flow was probed, and how a verdict looks, are the business of others.
"""

from netproof.verdict.flows import Judged, judge_flow
from netproof.verdict.runs import expected_exit, run_verdict, scenario_verdict, step_verdict
from netproof.verdict.steps import make_step

__all__ = [
    "Judged",
    "expected_exit",
    "judge_flow",
    "make_step",
    "run_verdict",
    "scenario_verdict",
    "step_verdict",
]
