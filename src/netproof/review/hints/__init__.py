"""Mistakes that people make in policies, a module each.

A module offers `NAME`, the word that silences it, and `find(look)`, which yields hints. A hint
says where, what it means as it stands, and what to write instead.
"""

from netproof.review.hints.look import Look
from netproof.review.hints.table import NAMES, find_all

__all__ = ["NAMES", "Look", "find_all"]
