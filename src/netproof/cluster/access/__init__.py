"""Who may do what in a cluster: the rights a run needs, and accounts that hold certain keys.

What belongs here: questions to the API server about rights, and RBAC objects. It must not know what
a right is used for beyond the words of its purpose.
"""
