"""Deliberate faults of the dataplane, to prove that a harness finds them.

Each is a subclass of `Semantics` that overrides as few methods as it can, in a module of its
theme. Nothing else in the lab knows a defect by name.
"""

from netlab.dataplane.defects import endings, enforcement, reading
from netlab.dataplane.defects.defect import registered

__all__ = ["ALL", "endings", "enforcement", "reading"]

ALL = registered()
