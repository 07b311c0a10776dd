"""Rules that are kept up with changes are those that would be made from nothing."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from netlab.dataplane.clusterstate import ClusterView, NodeInfo, StateReader
from netlab.dataplane.filters import PolicyResolver
from netlab.dataplane.nft import TableLoader
from netlab.dataplane.planes import DEFECTS, EnforcingDataplane, make_dataplane
from netlab.dataplane.rulesets import NftTable
from netlab.dataplane.semantics import Semantics
from tests.lab import dataplane_random
from tests.unit.netlab.dataplane.kerneltables import KernelTables
from tests.unit.netlab.dataplane.objects import endpoint_slice, namespace, pod, service

Obj = dict[str, Any]

NODES = (NodeInfo("lab-node-0", ("172.30.0.10",)), NodeInfo("lab-node-1", ("172.30.0.11",)))
SPACES = ("red-1", "red-2", "blue")


class ChangingCluster:
    """A small cluster in which something happens at each step, by chance from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.namespaces = {name: self._namespace(name) for name in SPACES}
        self.pods: dict[str, Obj] = {}
        self.policies: dict[str, Obj] = {}
        self.count = 0
        for _ in range(6):
            self.start_pod()
            self.add_policy()

    def views(self, steps: int) -> Iterator[ClusterView]:
        """Yield the cluster after each of some steps."""
        for _ in range(steps):
            for _ in range(self.random.choice([1, 1, 2, 5])):
                self.random.choice(self._happenings())()
            yield self.view()

    def far(self, steps: int) -> tuple[ClusterView, ClusterView]:
        """Return the first and the last of some views."""
        first, *_, last = self.views(steps)
        return first, last

    def view(self) -> ClusterView:
        """Return the objects there are."""
        ips = {entry["ip"]: p["spec"]["nodeName"] for p in self.pods.values() for entry in _ips(p)}
        behind = {ip: node for ip, node in ips.items() if ":" not in ip}
        return ClusterView(
            tuple(self.namespaces.values()),
            tuple(self.pods[key] for key in sorted(self.pods)),
            tuple(self.policies[key] for key in sorted(self.policies)),
            (service("web", ips=["10.96.0.9"], node_port=self.random.choice([0, 30080])),),
            (endpoint_slice("web", ips=behind),),
            NODES,
        )

    def _happenings(self) -> list[Any]:
        policy = [self.add_policy, self.change_policy, self.remove_policy]
        return [
            *(policy * 3),
            self.start_pod,
            self.relabel_pod,
            self.end_pod,
            self.remove_pod,
            self.relabel_namespace,
        ]

    def _namespace(self, name: str) -> Obj:
        return namespace(name, team=self.random.choice(["red", "blue"]))

    def start_pod(self) -> None:
        """Start a pod, which may get the address of one that completed."""
        self.count += 1
        space = self.random.choice(SPACES)
        number = self.random.choice([self.count, *self._ended()])
        self.pods[f"{space}/p{self.count}"] = pod(
            f"p{self.count}",
            namespace=space,
            node=self.random.choice(NODES).name,
            ips=[f"10.244.0.{number}", f"fd00:10:244::{number:x}"],
            labels=self._labels(),
            ports=[("http", self.random.choice([80, 81]), "TCP")],
        )

    def _ended(self) -> list[int]:
        ended = [one for one in self.pods.values() if one["status"]["phase"] == "Failed"]
        return [int(_ips(one)[0]["ip"].rpartition(".")[2]) for one in ended]

    def _labels(self) -> dict[str, str]:
        return {"app": self.random.choice("ab"), "tier": self.random.choice("xy")}

    def _a_pod(self) -> str:
        return self.random.choice(sorted(self.pods))

    def relabel_pod(self) -> None:
        key = self._a_pod()
        one = self.pods[key]
        self.pods[key] = {**one, "metadata": {**one["metadata"], "labels": self._labels()}}

    def end_pod(self) -> None:
        """Have a pod complete, or begin to terminate."""
        key = self._a_pod()
        one = self.pods[key]
        marked = {**one["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        failed = {**one, "status": {**one["status"], "phase": "Failed"}}
        self.pods[key] = self.random.choice([failed, {**one, "metadata": marked}])

    def remove_pod(self) -> None:
        if len(self.pods) > 3:
            del self.pods[self._a_pod()]

    def relabel_namespace(self) -> None:
        name = self.random.choice(SPACES)
        self.namespaces[name] = self._namespace(name)

    def add_policy(self) -> None:
        (made,) = dataplane_random.policies(self.random, list(SPACES), 1)
        self.count += 1
        meta = {**made["metadata"], "name": f"np{self.count}", "uid": f"uid{self.count}"}
        self.policies[f"np{self.count}"] = {**made, "metadata": meta}

    def change_policy(self) -> None:
        if self.policies:
            key = self.random.choice(sorted(self.policies))
            (made,) = dataplane_random.policies(self.random, list(SPACES), 1)
            self.policies[key] = {**self.policies[key], "spec": made["spec"]}

    def remove_policy(self) -> None:
        if self.policies:
            del self.policies[self.random.choice(sorted(self.policies))]


def _ips(one: Obj) -> list[Obj]:
    listed: list[Obj] = one["status"]["podIPs"]
    return listed


class Forgetful(EnforcingDataplane):
    """Works everything out from nothing each time, but for what its semantics remember."""

    def policy_table(self, view: ClusterView, node: str) -> NftTable:
        if view is not self._view:
            self._reader, self._resolver = StateReader(), PolicyResolver(self._semantics)
            self._compilers = {}
            self._pods = ()
        return super().policy_table(view, node)


def _planes(*defects: str) -> tuple[EnforcingDataplane, Forgetful]:
    plane, model = make_dataplane("enforcing", defects), make_dataplane("enforcing", defects)
    assert isinstance(plane, EnforcingDataplane)
    assert isinstance(model, EnforcingDataplane)
    return plane, Forgetful(model._semantics, model._options)


def _holds(seed: int, steps: int, *defects: str) -> None:
    plane, forgetful = _planes(*defects)
    for view in ChangingCluster(seed).views(steps):
        for node in NODES:
            kept = plane.policy_table(view, node.name)
            assert forgetful.policy_table(view, node.name) == kept


@pytest.mark.parametrize("seed", range(8))
def test_rules_that_are_kept_are_those_made_anew(seed: int) -> None:
    """Whatever comes, goes and changes, in whatever order."""
    _holds(seed, 20)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_does_with_kept_rules_what_it_does(defect: str) -> None:
    """Also one that goes by what was there before."""
    steps = 30 if DEFECTS[defect].semantics().remembers() else 8
    _holds(list(DEFECTS).index(defect), steps, defect)


def test_a_policy_has_no_other_looked_at_again() -> None:
    """What a policy selects and whom it lets in is asked when it comes, and kept."""

    class Asked(Semantics):
        def __init__(self) -> None:
            self.names: set[str] = set()

        def selects(self, policy: Any, pod: Any) -> bool:
            self.names.add(policy.name)
            return super().selects(policy, pod)

        def peers(self, world: Any, policy: Any, peers: Any) -> Any:
            self.names.add(policy.name)
            return super().peers(world, policy, peers)

    asked = Asked()
    plane = EnforcingDataplane(asked, make_dataplane("enforcing", [])._options)  # type: ignore[attr-defined]
    cluster = ChangingCluster(0)
    for _ in range(5):
        cluster.add_policy()
    plane.policy_table(cluster.view(), "lab-node-0")
    before = set(cluster.policies)
    asked.names.clear()
    cluster.add_policy()
    plane.policy_table(cluster.view(), "lab-node-0")
    assert set(cluster.policies) - before == asked.names


@pytest.mark.parametrize("seed", range(8))
def test_what_differs_is_all_that_has_to_be_said(seed: int) -> None:
    """Changes told to a kernel leave the tables there that are meant, at every step."""
    plane, kernel = make_dataplane("enforcing", []), KernelTables()
    loader = TableLoader(kernel)
    for view in ChangingCluster(seed).views(20):
        for table in (
            plane.policy_table(view, "lab-node-0"),
            plane.service_table(view, "lab-node-0"),
        ):
            loader.load(table)
            assert kernel.meant(table) == kernel.tables[table.name]
    assert 2 == kernel.made


def test_a_refused_change_makes_the_table_anew() -> None:
    """What somebody else did to a table is no reason to go without."""
    plane, kernel = make_dataplane("enforcing", []), KernelTables()
    loader = TableLoader(kernel)
    first, second = (plane.policy_table(one, NODES[0].name) for one in ChangingCluster(1).far(9))
    loader.load(first)
    kernel.tables.clear()
    assert loader.load(second)
    assert {second.name: kernel.meant(second)} == kernel.tables
