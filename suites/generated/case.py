"""A generated case: a name, the bundle to begin with, and what happens then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from netproof.model import flows
from netproof.model.flow import Flow
from netproof.model.workload import Family, Topology
from netproof.run.changes import Change

Obj = dict[str, Any]

DIRECTIONS = ("ingress", "egress")

PLAIN_SAMPLE = 7
"""Of the flows that touch none of the guarded pods every seventh is tried: they are bystanders."""


@dataclass(frozen=True, slots=True)
class Policies:
    """A change of policies: the bundle that is in force after it."""

    bundle: tuple[Obj, ...]


FlowSource = Callable[[Iterable[Flow]], Iterable[Flow]]
"""Which of the flows between the pods are tried."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `pods` are those that its policies guard, `family` is the one it is tried in.

    Every flow to and from the guarded pods is tried, and a sample of all others, unless there is a
    `flow_source`. Families take turns from case to case; `suites/families` tries both of each pod.
    """

    name: str
    title: str
    policies: tuple[Obj, ...]
    pods: tuple[str, ...]
    then: Sequence[Policies | Change] = ()
    flow_source: FlowSource | None = None
    family: Family = Family.IPV4

    def text(self) -> str:
        """Return the bundle as YAML."""
        return dump(self.policies)

    def flows(self, topology: Topology) -> Iterator[Flow]:
        """Yield the flows to try."""
        others = 0
        tried = flows.pod_flows(topology, [self.family])
        if self.flow_source is not None:
            yield from self.flow_source(tried)
            return
        for flow in tried:
            if flow.destination.name in self.pods or flow.source.name in self.pods:
                yield flow
            else:
                others += 1
                if others % PLAIN_SAMPLE == 0:
                    yield flow


def policy(name: str, direction: str, rules: Sequence[Obj], target: tuple[str, Obj]) -> Obj:
    """Return a NetworkPolicy of one direction."""
    namespace, selector = target
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": selector,
            "policyTypes": [direction.capitalize()],
            direction: list(rules),
        },
    }


def rule(direction: str, peers: Sequence[Obj] = (), ports: Sequence[Obj] = ()) -> Obj:
    """Return a rule; peers and ports that are empty are left out, which means all."""
    found: Obj = {}
    if peers:
        found["from" if direction == "ingress" else "to"] = list(peers)
    if ports:
        found["ports"] = list(ports)
    return found


def dump(policies: Sequence[Obj]) -> str:
    """Return policies as YAML, each object written out in full."""
    return yaml.dump_all(policies, Dumper=_Plain, sort_keys=False)


class _Plain(yaml.SafeDumper):
    """Writes a value in full however often it comes up, as people do."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True
