"""Does the house stand: the lock, the shape of the source, the workflows, the release.

What belongs here holds for the repository as a whole and needs neither a cluster nor the code to
run. Rules about one stage belong to its unit tests, the order of imports to the contracts in
pyproject.toml.
"""
