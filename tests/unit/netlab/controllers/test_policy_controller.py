"""The policy controller: when rules are applied, when not, and what happens if they are refused."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netlab.controllers import policies
from netlab.controllers.policies import CompileError, PolicyController
from netlab.dataplane.clusterstate import ClusterView, NodeInfo
from netlab.dataplane.nft import NftError
from netlab.dataplane.planes import make_dataplane
from netlab.dataplane.rulesets import NftTable
from netlab.dataplane.semantics import Semantics
from netlab.objects.store import Store
from tests.unit.netlab.dataplane.objects import namespace, pod, policy
from tests.unit.netlab.http.test_remote_command import Clockwork

Obj = dict[str, Any]

NODES = (NodeInfo("lab-node-0", ("172.30.0.10",)), NodeInfo("lab-node-1", ("172.30.0.11",)))
DEADLINE_S = 5.0
DENY: Obj = {"policyTypes": ["Ingress"]}


class Recorder:
    """Takes commands and keeps those about policies; refuses them while told to."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.refusal = ""

    def run(self, ruleset: str) -> None:
        if self.refusal:
            raise NftError(self.refusal)
        if "table inet netproof_policy {" in ruleset:
            self.runs.append(ruleset)


class Setup:
    """A store with a namespace, a pod on the first node, and a controller that has settled."""

    def __init__(self, *defects: str) -> None:
        self.store = Store()
        self.store.create("namespaces", namespace("default"))
        self.store.create("nodes", {"metadata": {"name": "lab-node-0"}, "status": {}})
        self.pod = self.store.create("pods", pod("a", ips=["10.244.0.2"]))
        self.nodes = {node.name: Recorder() for node in NODES}
        self.plane = make_dataplane("enforcing", defects)
        self.controller = PolicyController(self.store, self.plane, self.nodes, NODES)

    def runs(self) -> list[int]:
        """Count the transactions of each node since the last count."""
        counts = [len(node.runs) for node in self.nodes.values()]
        for node in self.nodes.values():
            node.runs.clear()
        return counts


def _drive(scenario: Callable[[Setup], Coroutine[Any, Any, None]], *defects: str) -> None:
    async def run() -> None:
        setup = Setup(*defects)
        await setup.controller.settled()
        setup.runs()
        await scenario(setup)

    with asyncio.Runner(loop_factory=Clockwork) as runner:
        runner.run(run())


def test_a_policy_reaches_only_the_nodes_it_changes() -> None:
    """A policy is applied where the pods it selects are; other nodes are left alone."""

    async def scenario(setup: Setup) -> None:
        setup.store.create("networkpolicies", policy("deny", DENY))
        await setup.controller.settled()
        assert [1, 0] == setup.runs()

    _drive(scenario)


def test_a_policy_is_in_force_one_loop_iteration_later() -> None:
    """Whoever changes a policy and then yields once finds the rules in force."""

    async def scenario(setup: Setup) -> None:
        setup.store.create("networkpolicies", policy("deny", DENY))
        await asyncio.sleep(0)
        assert [1, 0] == setup.runs()

    _drive(scenario)


def test_rules_that_take_long_leave_time_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other work has as long after them; what changes meanwhile is applied together."""

    async def scenario(setup: Setup) -> None:
        made, loop = setup.plane.policy_table, asyncio.get_running_loop()
        assert isinstance(loop, Clockwork)

        def slowly(view: ClusterView, node: str) -> NftTable:
            loop.elapsed_s += policies.LONG_S
            return made(view, node)

        monkeypatch.setattr(setup.plane, "policy_table", slowly)
        setup.store.create("networkpolicies", policy("first", DENY))
        await asyncio.sleep(0)
        assert [1, 0] == setup.runs()
        for port in (1, 2):
            spec = {**DENY, "ingress": [{"ports": [{"port": port}]}]}
            setup.store.create("networkpolicies", policy(f"p{port}", spec))
            await asyncio.sleep(0)
            assert [0, 0] == setup.runs()
        await setup.controller.settled()
        assert [1, 0] == setup.runs()

    _drive(scenario)


def test_changes_of_one_moment_are_applied_together() -> None:
    """Ten policies created without a pause between them are one transaction."""

    async def scenario(setup: Setup) -> None:
        for index in range(10):
            spec = {**DENY, "ingress": [{"ports": [{"port": index + 1}]}]}
            setup.store.create("networkpolicies", policy(f"p{index}", spec))
        await setup.controller.settled()
        assert [1, 0] == setup.runs()

    _drive(scenario)


def test_a_new_pods_address_is_in_the_rules_when_it_has_settled() -> None:
    """A pod that waits for the rules before it runs is covered by the policies there are."""

    async def scenario(setup: Setup) -> None:
        setup.store.create("networkpolicies", policy("deny", DENY))
        setup.store.create("pods", pod("b", node="lab-node-1", ips=["10.244.1.2"]))
        await setup.controller.settled()
        assert "10.244.1.2" in setup.nodes["lab-node-1"].runs[-1]

    _drive(scenario)


def test_a_deleted_pod_leaves_the_rules() -> None:
    """The address of a pod that is gone is in no rule."""

    async def scenario(setup: Setup) -> None:
        setup.store.create("networkpolicies", policy("deny", DENY))
        await setup.controller.settled()
        setup.store.delete("pods", "default", "a")
        await setup.controller.settled()
        gone = "delete element inet netproof_policy ingress_ip { 10.244.0.2 }"
        assert gone in setup.nodes["lab-node-0"].runs[-1]

    _drive(scenario)


def test_a_defect_hears_of_a_completed_pod_that_is_deleted() -> None:
    """Nothing in the rules is its own any more; what a CNI gets wrong about that comes with it."""

    async def scenario(setup: Setup) -> None:
        heir = pod("heir", ips=["10.244.0.2"])
        setup.store.update("pods", {**setup.pod, "status": {**heir["status"], "phase": "Failed"}})
        setup.store.create("pods", heir)
        setup.store.create("networkpolicies", policy("deny", DENY))
        await setup.controller.settled()
        setup.runs()
        setup.store.delete("pods", "default", "a")
        await setup.controller.settled()
        assert [1, 0] == setup.runs()

    _drive(scenario, "deleted-pod-takes-its-address-along")


def test_a_change_that_no_rule_depends_on_does_nothing() -> None:
    """A pod's conditions change often; nothing is compiled or applied for them."""

    async def scenario(setup: Setup) -> None:
        status = {**setup.pod["status"], "conditions": [{"type": "Ready", "status": "True"}]}
        setup.store.update("pods", {**setup.pod, "status": status}, subresource="status")
        await asyncio.sleep(0)
        assert [0, 0] == setup.runs()

    _drive(scenario)


def test_a_refusal_is_told_to_all_it_concerns(caplog: pytest.LogCaptureFixture) -> None:
    """What nftables refuses is raised to who waits, logged, and in the node's status."""

    async def scenario(setup: Setup) -> None:
        setup.nodes["lab-node-0"].refusal = "no such set"
        setup.store.create("networkpolicies", policy("deny", DENY))
        with pytest.raises(NftError, match="no such set"):
            await setup.controller.settled()
        assert ("True", "no such set") == _condition(setup.store)

    with caplog.at_level(logging.ERROR):
        _drive(scenario)
    assert "lab-node-0" in caplog.text


def test_rules_once_refused_are_tried_again_with_the_next_change() -> None:
    """After a refusal nothing is taken for applied, and the node's status recovers."""

    async def scenario(setup: Setup) -> None:
        setup.nodes["lab-node-0"].refusal = "busy"
        setup.store.create("networkpolicies", policy("deny", DENY))
        with pytest.raises(NftError):
            await setup.controller.settled()
        setup.nodes["lab-node-0"].refusal = ""
        setup.store.create("namespaces", namespace("other"))
        await setup.controller.settled()
        assert [1, 0] == setup.runs()
        assert "False" == _condition(setup.store)[0]

    _drive(scenario)


def test_a_fault_in_the_compile_step_is_told_to_all_it_concerns(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for rules that cannot be worked out is told so, and does not wait for ever."""

    async def scenario(setup: Setup) -> None:
        _break_compiling(monkeypatch)
        setup.store.create("networkpolicies", policy("deny", DENY))
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(CompileError, match="RuntimeError: injected fault"):
                await setup.controller.settled()
        status, message = _condition(setup.store)
        assert ("True", True) == (status, "injected fault" in message)

    with caplog.at_level(logging.ERROR):
        _drive(scenario)
    assert "injected fault" in caplog.text


def test_after_a_fault_no_node_keeps_old_rules_for_new_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was worked out before the fault is not loaded on the other nodes as if it were new."""

    async def scenario(setup: Setup) -> None:
        _break_compiling(monkeypatch)
        setup.store.create("pods", pod("b", node="lab-node-1", ips=["10.244.1.2"]))
        setup.store.create("networkpolicies", policy("deny", DENY))
        with pytest.raises(CompileError):
            await setup.controller.settled()
        monkeypatch.undo()
        setup.store.create("namespaces", namespace("other"))
        await setup.controller.settled()
        assert [1, 1] == setup.runs()
        assert "False" == _condition(setup.store)[0]

    _drive(scenario)


def test_a_fault_before_any_node_is_told_to_those_who_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even where no node is to blame, nobody waits for ever, and the next change is applied."""

    async def scenario(setup: Setup) -> None:
        monkeypatch.setattr(setup.controller, "_view", _raise_fault)
        setup.store.create("networkpolicies", policy("deny", DENY))
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(CompileError, match="injected fault"):
                await setup.controller.settled()
        monkeypatch.undo()
        setup.store.create("namespaces", namespace("other"))
        await setup.controller.settled()
        assert [1, 0] == setup.runs()

    _drive(scenario)


def _raise_fault(*_: object, **__: object) -> None:
    raise RuntimeError("injected fault")


def _break_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Semantics, "selects", _raise_fault)


def _condition(store: Store) -> tuple[str, str]:
    (condition,) = store.get("nodes", None, "lab-node-0")["status"]["conditions"]
    return condition["status"], condition["message"]
