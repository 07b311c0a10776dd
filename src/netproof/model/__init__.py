"""What the stages hand to each other: frozen values without I/O.

A value belongs here when two stages need it. How it is made, sent, judged or shown belongs to
the stage that does so.
"""
