"""What the policies of a bundle mean: one flow -> an expectation with its reasons and its trace.

Written from the NetworkPolicy v1 API and its documentation, with a word of why wherever the text
leaves something open. Where it says nothing, the answer is `undefined`, never a guess. What a
cluster does is unknown here, and so is every CNI. What a selector, peer or port matches is read in
`policy.matching`, and how a trace is worded is `review`'s to say.
"""

from netproof.expected.evaluate import Answers, Evaluator, expect, expected_matrix
from netproof.expected.grid import Grid, Target, as_set, positions, transposed
from netproof.expected.index import PolicyIndex
from netproof.expected.trace import Trace, trace_flow
from netproof.policy.matching import Condition, Mismatch, UnmetLabel

__all__ = [
    "Answers",
    "Condition",
    "Evaluator",
    "Grid",
    "Mismatch",
    "PolicyIndex",
    "Target",
    "Trace",
    "UnmetLabel",
    "as_set",
    "expect",
    "expected_matrix",
    "positions",
    "trace_flow",
    "transposed",
]
