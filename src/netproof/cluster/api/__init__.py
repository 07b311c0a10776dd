"""The REST API of one cluster: its client, its errors, its waits.

What belongs here: calls to the API server and what becomes of its answers (a value or a
ClusterError, nothing else leaves this room), retries and deadlines, and objects put there and taken
away again. It must not know what an object is for.
"""
