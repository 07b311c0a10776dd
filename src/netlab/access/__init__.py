"""Who asks, and whether they may: everything between a request's headers and its handler.

`authentication` says who it is, `authorization` what they may do, `gates` puts the two together for
the server, `reviews` answers questions about both. Roles and bindings are objects and are read from
the store. What does not belong here: paths, methods and bodies of requests.
"""
