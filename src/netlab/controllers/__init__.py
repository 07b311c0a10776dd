"""Controllers: each watches one kind of object in the store and makes it come true.

A controller knows the store and one effect (processes, rules, DNS answers, other objects). It
does not know HTTP, and controllers do not call each other: they meet in the store.
"""
