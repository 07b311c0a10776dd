"""Mistakes that people make in policies, a module for each theme and a table of all.

A hint says where, what it means as it stands, and what to write instead. It has a name, the word
that silences it, and a function that finds it. Hints look at how policies are written and at who
reaches whom; what a selector, peer or port matches they ask of `policy.matching`.
"""

from netproof.review.hints.context import HintContext
from netproof.review.hints.table import NAMES, find_all

__all__ = ["NAMES", "HintContext", "find_all"]
