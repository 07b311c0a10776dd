"""The ways into a pod that go round NetworkPolicy, tried with proof, and who holds their keys.

The only room where a "door" means that. What guards a door is `model.doors`; how a result looks is
`report`.
"""
