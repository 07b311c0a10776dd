"""Keeps the rules on every node as the policies, pods and services say.

Must not know: what a policy means, or nftables' language; the dataplane does.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from netlab import tasks
from netlab.dataplane.clusterstate import ClusterView, NodeInfo, Obj, has_completed, read_pod
from netlab.dataplane.nft import NftCommands, NftError, TableLoader
from netlab.dataplane.planes import Dataplane
from netlab.objects.store import Store, StoreEvent, now

log = logging.getLogger(__name__)

_URGENT = ("networkpolicies", "namespaces")
_OTHERS = ("pods", "services", "endpointslices")
_CONDITION = "NetworkUnavailable"


class CompileError(Exception):
    """The rules could not be worked out: a fault of the lab, not of its policies."""


LONG_S = 0.02
"""Rules that take as long to make keep everybody waiting, so whoever asks next waits as long."""


class PolicyController:
    """Applies what changed, node by node, in the loop iteration after the change.

    Changes of one iteration are applied together. Those that come in hundreds (pods that start)
    wait as long as the last time took, and so do policies right after rules that took `LONG_S` and
    more, so that the loop never does nothing but apply rules.
    """

    def __init__(
        self,
        store: Store,
        dataplane: Dataplane,
        nfts: Mapping[str, NftCommands],
        nodes: Sequence[NodeInfo],
    ) -> None:
        """Subscribe to the store; call within the running loop that is to apply the rules."""
        self._store = store
        self._dataplane = dataplane
        self._loaders = {node: TableLoader(nft) for node, nft in nfts.items()}
        self._nodes = tuple(nodes)
        self._loop = asyncio.get_running_loop()
        self._due: asyncio.Handle | None = None
        self._is_urgent = False
        self._cost_s = 0.0
        self._ended = 0.0
        self._broken: frozenset[str] = frozenset()
        self._waiters: list[asyncio.Future[None]] = []
        for resource in _URGENT:
            store.subscribe(resource, lambda event: self._on_change(event, urgent=True))
        for resource in _OTHERS:
            store.subscribe(resource, lambda event: self._on_change(event, urgent=False))
        self._schedule(urgent=True)

    async def settled(self) -> None:
        """Return when all changes so far are in force.

        Raises NftError where they were refused, CompileError where they could not be worked out.
        """
        if self._due is not None:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def _on_change(self, event: StoreEvent, *, urgent: bool) -> None:
        if _can_change_rules(event):
            self._schedule(urgent=urgent)

    def _schedule(self, *, urgent: bool) -> None:
        if self._due is not None and (self._is_urgent or not urgent):
            return
        if self._due is not None:
            self._due.cancel()
        self._is_urgent = urgent
        delay_s = self._rest_s() if urgent else self._cost_s
        self._due = (
            self._loop.call_later(delay_s, self._apply)
            if delay_s
            else self._loop.call_soon(self._apply)
        )

    def _rest_s(self) -> float:
        """Return how long the lab's other work, DNS say, goes first where rules take their time."""
        if self._cost_s < LONG_S:
            return 0.0
        return max(0.0, self._ended + self._cost_s - self._loop.time())

    def _apply(self) -> None:
        start = self._loop.time()
        self._due = None
        waiters, self._waiters = self._waiters, []
        error: Exception | None = None
        try:
            error = self._apply_to_all()
        except Exception as fault:
            log.exception("the rules in force are not those of the policies")
            error = _as_failure(fault)
        self._ended = self._loop.time()
        self._cost_s = self._ended - start
        # Whatever went wrong: pods wait for these, and the next change tries again.
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error) if error else waiter.set_result(None)

    def _apply_to_all(self) -> Exception | None:
        view = self._view()
        failures = [self._apply_to(view, node) for node in self._loaders]
        return next((failure for failure in failures if failure), None)

    def _apply_to(self, view: ClusterView, node: str) -> Exception | None:
        """Bring one node up to date, what did not change left alone; return what went wrong."""
        loader = self._loaders[node]
        try:
            loader.load(self._dataplane.policy_table(view, node))
            loader.load(self._dataplane.service_table(view, node))
        except Exception as error:
            # Said three times, to whom it may concern: the log, the node's status, the waiters.
            log.exception("node %s: the rules in force are not those of the policies", node)
            failure = _as_failure(error)
            self._report(node, str(failure))
            return failure
        if node in self._broken:
            self._report(node, "")
        return None

    def _view(self) -> ClusterView:
        store = self._store
        return ClusterView(
            namespaces=tuple(store.list("namespaces")),
            pods=tuple(store.list("pods")),
            policies=tuple(store.list("networkpolicies")),
            services=tuple(store.list("services")),
            endpointslices=tuple(store.list("endpointslices")),
            nodes=self._nodes,
        )

    def _report(self, node: str, error: str) -> None:
        """Set the node's condition for a network that does not do what it should."""
        obj = self._store.find("nodes", None, node)
        if obj is None:
            return
        self._broken = self._broken | {node} if error else self._broken - {node}
        condition = {
            "type": _CONDITION,
            "status": "True" if error else "False",
            "reason": "RulesNotApplied" if error else "RulesApplied",
            "message": error or "the rules are those of the policies",
            "lastHeartbeatTime": now(),
            "lastTransitionTime": now(),
        }
        status = obj.get("status") or {}
        others = [c for c in status.get("conditions") or [] if c["type"] != _CONDITION]
        new = {**obj, "status": {**status, "conditions": [*others, condition]}}
        self._store.update("nodes", new, subresource="status")


def _as_failure(error: Exception) -> Exception:
    """Return what those who wait are told: nft's own error, or that the lab is at fault."""
    if isinstance(error, NftError):
        return error
    failure = CompileError(f"the rules could not be worked out: {tasks.describe(error)}")
    failure.__cause__ = error
    return failure


def _can_change_rules(event: StoreEvent) -> bool:
    """Tell whether an event can change a rule: most changes of a pod's status cannot."""
    if event.resource != "pods":
        return True
    before = _as_rules_see(event.old) if event.old is not None else None
    after = _as_rules_see(event.object) if event.type != "DELETED" else None
    return before != after


def _as_rules_see(pod: Obj) -> object:
    """Return what rules may go by: of one that completed, which has no part in them, that it did.

    What CNIs get wrong about those, a defect does when they come to be known, and when they go.
    """
    return read_pod(pod), has_completed(pod)
