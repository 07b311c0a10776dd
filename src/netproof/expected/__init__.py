"""What the policies of a bundle mean: one flow -> an expectation with its reasons.

Written from the NetworkPolicy v1 API and its documentation, with a word of why wherever the text
leaves something open. Where it says nothing, the answer is `undefined`, never a guess. What a
cluster does is unknown here, and so is every CNI.
"""

from netproof.expected.evaluate import expect, expected_matrix

__all__ = ["expect", "expected_matrix"]
