"""The program around the lab: what it is told, claims and tries, how it starts and how it ends.

`lifecycle` are its two processes, `assembly` puts everything inside together, `preflight` tries
what the machine gives, `listening` takes a port, `statedir` a directory in `folders` that nobody
else has a hand in, `settings` says what a lab can be. What does not belong here: what happens in a
cluster that runs.
"""
