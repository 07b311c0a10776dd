"""The record of a run as text: terminal, page, Markdown, JUnit.

A module for each form of report. What several of them say in the same words is in `findings`, what
they list and sum up in `summary`, what they show as the same matrix in `matrixview`, and what they
say of ways around the policies in `bypass`. Bundles that were only read belong to `review`.
"""
