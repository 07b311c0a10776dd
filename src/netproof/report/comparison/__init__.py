"""Comparison -> text: for a terminal, as Markdown, as CSV, and as one page of HTML.

Pure: the same comparison gives the same text. `report.writers` lists the forms by name.
"""
