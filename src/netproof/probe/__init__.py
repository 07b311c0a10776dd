"""Where expectations meet packets: flows become probes, answers become observations.

`agent` is the program in the pods, `agentcommand` the command that carries it there and starts it,
`identity` how it proves who it is. `targets` words a flow for an agent, `channel` speaks with one
agent, `runner` with all of them, `converge` repeats until the cluster does what is expected of it
and then looks once more. What it needs of a cluster is two small Protocols in `channel`;
Kubernetes, policies and verdicts have no place here.
"""
