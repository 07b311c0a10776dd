"""What a look at a bundle found as text: a check, a diff, an explanation.

`sentences` is what all forms say in the same words. How an intent is judged or a hint is found
belongs to the stage that does so; what packets showed of a run belongs to `run`.
"""
