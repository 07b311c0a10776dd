"""One run, from bundle to record: the only package that sees all stages.

`worker` owns a fleet and runs scenarios on it, `canary` asks first whether anything is enforced at
all, `controller` owns what exists once in a run, `session` makes one record of what all workers
saw. Nothing here knows pytest.
"""
