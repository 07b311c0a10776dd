"""The ways into a pod that go round NetworkPolicy, tried with proof, and who holds their keys.

The only room where a "door" means that. `attempts` is what a try is made of, `api_server_ways` and
`network_ways` are the ways there are, `trial` tries a door and judges it beside a try without
policies, `key_holders` reads who may. What guards a door is `model.doors`, what is expected of it
`verdict`, and how a result looks `report`. A run lends its fleet (`attempts.TrialFleet`); nothing
here knows how a run goes.
"""
