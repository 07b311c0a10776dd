"""A record as text, for people and for machines: pure functions, same record, same bytes.

A module for each form of report; what several of them say in the same words is in `words`, what
they show as the same matrix in `panels`. Who prints or writes the text is not known here.
"""

from netproof.report.writers import WRITERS, Writer

__all__ = ["WRITERS", "Writer"]
