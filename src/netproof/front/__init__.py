"""How people and programs come in: options, the command line, the pytest plugin.

What belongs here: reading what was asked for, and handing what came of it to a writer. It must not
decide anything about a cluster, a policy or a verdict.
"""
