"""Who asks, and whether they may: everything between a request's headers and its handler.

`authentication`, `impersonation` and `tokens` say who it is; `rules` and `rbac` what they may do;
`gate` puts the two together for the server; `reviews` answers questions about both.
"""
