"""Cases made by combination: direction x peer x port, pairs, targets, conflicts and actions.

The taxonomy follows that of cyclonus. A case is a name and a bundle that is the same on every run;
`python -m netproof.suites.generated NAME` prints it.
"""
