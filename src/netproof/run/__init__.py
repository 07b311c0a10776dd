"""One run, from bundle to record: the only package that sees all stages.

`session` is a run from its start to its judged record, `controller` owns what exists once in it
(the cluster, the agents of `agent_fleets`, the `canary`), `worker` owns a fleet and runs a
`scenario` with its `changes` on it, looking at flows through `observer`. `bundle_run` probes a
bundle for its intents, `doctor` asks the canary alone, `endings` ends several things. Nothing here
knows pytest or an option, and no verdict is made here: `verdict` is asked.
"""
