"""One test worker: its fleet, its agents, and every state of the cluster that it looks at."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from netproof.cluster import inventory
from netproof.cluster.api.apply import PoliciesInForce
from netproof.cluster.api.client import Client, Obj
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet import manifests
from netproof.cluster.fleet.fleet import Deployment, Fleet
from netproof.cluster.naming import Naming
from netproof.cluster.outside import OutsideMachine
from netproof.cluster.streams.connections import AgentStreams
from netproof.errors import ClusterGoneError, ProbeError, UnreachableError
from netproof.expected.misreadings import suspects
from netproof.expected.scenes import Scene
from netproof.model.flow import Endpoint, Flow
from netproof.model.matrix import JudgedScenario, JudgedStep
from netproof.model.record import RunVerdict, ScenarioRecord
from netproof.model.value import replace
from netproof.model.workload import Host, Namespace, Pod, Topology
from netproof.policy import (
    Bundle,
    Manifest,
    NetworkPolicy,
    check_namespaces,
    rename_namespaces,
)
from netproof.probe.agent import beyond
from netproof.probe.agentcommand import agent_command
from netproof.probe.answers import AnswerTimes
from netproof.probe.identity import OUTSIDE_IDENTITY
from netproof.probe.messages import KeyRing
from netproof.probe.runner import Prober
from netproof.run.changes import AddPod, Change, State
from netproof.run.endings import afterwards, end_all
from netproof.run.observer import Observer
from netproof.run.scenario import FlowSource, Scenario, Settings, Statement, stated
from netproof.verdict import scenario_verdict, weigh_gaps

T = TypeVar("T")

BASELINE = "without policies"
ENFORCED = "policies in force"
RESTORED = "policies removed"


class Worker:
    """A fleet with its agents; `close` removes both."""

    def __init__(
        self, ref: ClusterRef, naming: Naming, settings: Settings, outside: Sequence[Host] = ()
    ) -> None:
        """Connect to the cluster; nothing is deployed yet."""
        self.client = Client(ref)
        self.naming = naming
        self.settings = settings
        deployment = Deployment(
            lambda pod: agent_command(
                pod.key,
                pod.ports,
                naming.run_id,
                ref.secret,
                pod.listens,
                compiled=ref.has_our_python,
            ),
            settings.image,
            chooses_nodes=True,
        )
        self.fleet = Fleet(self.client, naming, deployment)
        self.topology = Topology()
        self._around = Topology(hosts=tuple(outside))
        self._spaces: dict[str, str] = {}
        self._tried: tuple[FlowSource | None, Topology, tuple[Flow, ...]] = None, self.topology, ()
        self._scenes: list[Scene] = []
        self._in_force = PoliciesInForce(self.client, naming.selector)
        streams = AgentStreams(self.client, self.fleet.locate)
        self.prober = Prober(
            streams,
            lambda: self.topology,
            key_ring(ref, naming.run_id),
            times=AnswerTimes(settings.probe_timeout_s, follows=settings.timeouts_follow),
            rename=lambda namespace: self._spaces.get(namespace, namespace),
        )
        self._observer = Observer(self.prober, settings.converge_s, self.client.wait_back)

    def deploy(self, bundle: Bundle) -> Topology:
        """Deploy a bundle's namespaces, pods and Services as a fleet of probe pods.

        Where the API server gave no answer in between, all of it is done once more when it is back.
        """
        return self._once_more(lambda: self._deploy(bundle))

    def _deploy(self, bundle: Bundle) -> Topology:
        self._spaces = {}
        self._known(bundle.namespaces)
        services = [self._owned(m) for m in self._renamed(bundle, "Service")]
        self.fleet.deploy(bundle.namespaces, bundle.pods, services)
        self._around = _merged(self._around, inventory.cluster_dns(self.client))
        self.topology = _merged(self.fleet.topology, self._around)
        return self.topology

    def ask_as_pods_do(self) -> Topology:
        """Have names asked where the pods' own resolv.conf has them asked; return the topology.

        That is another server than the cluster's DNS where nodes have caches of their own, and
        policies say nothing of it that is defined.
        """
        first = next((pod for pod in self.fleet.topology.pods if pod.probes), None)
        try:
            asked = self.prober.hello(Endpoint.pod(first.key)).resolvers if first else ()
        except ProbeError:
            return self.topology  # its flows will say that it does not answer
        known = {ip for service in self._around.services for ip in service.cluster_ips}
        if asked and known and not known & set(asked):
            services = tuple(replace(one, asked_at=asked) for one in self._around.services)
            self._around = replace(self._around, services=services)
            self.topology = _merged(self.fleet.topology, self._around)
        return self.topology

    def why_no_fragments(self) -> str:
        """Say why no datagram from a pod can be too large for a packet, "" where some are."""
        first = next(pod for pod in self.fleet.topology.pods if pod.probes)
        most = self.prober.hello(Endpoint.pod(first.key)).mtu
        return (
            "" if beyond(most) else f"a packet of the pods has room for any datagram: {most} bytes"
        )

    def run(self, scenario: Scenario) -> JudgedScenario:
        """Run a scenario and undo all of it: baseline where none is known, policies, removed.

        It is weighed against the known gaps of the cluster's CNI, whoever asks for it. Where the
        API server gave no answer in between, it is run once more when that is back. Raises
        PolicyError for a policy in a namespace that is neither the fleet's nor the bundle's,
        ClusterGoneError where the API server does not come back.
        """
        return self._once_more(lambda: self._run(scenario))

    def _run(self, scenario: Scenario) -> JudgedScenario:
        state = self._after(scenario.given)
        check_namespaces(scenario.bundle, self._known(state.namespaces))
        started = time.monotonic()
        home = self.fleet.topology
        self._scenes = [Scene("", (), self.topology)]
        with afterwards(self._no_policies, self._going_home(home)):
            steps = self._steps(scenario, state)
        verdict = scenario_verdict(step.record for step in steps)
        record = ScenarioRecord(
            id=scenario.id,
            title=scenario.title,
            bundle=scenario.source,
            worker=self.naming.worker,
            verdict=verdict,
            seconds=round(time.monotonic() - started, 3),
            steps=tuple(step.record for step in steps),
            suspects=suspects(self._scenes, steps) if verdict is RunVerdict.FAIL else (),
        )
        return JudgedScenario(weigh_gaps(record, self.client.ref.gaps), tuple(steps))

    def _steps(self, scenario: Scenario, given: State) -> list[JudgedStep]:
        begun = self._refit(given)
        flows = self._flows(scenario)
        goes_on = bool(scenario.bundle.policies or scenario.then)
        steps = (
            []
            if goes_on and self._observer.controls.cover(flows)
            else [self._step(BASELINE, (), flows)]
        )
        if goes_on:
            steps += self._under_policies(scenario, begun)
            self._put_in_force(Bundle())
            self._refit(begun)
            steps.append(self._step(RESTORED, (), self._flows(scenario)))
        return steps

    def _under_policies(self, scenario: Scenario, state: State) -> list[JudgedStep]:
        """Look at the flows while the policies are in force, and after each change."""
        state = replace(state, bundle=scenario.bundle)
        steps = [self._look_under(state, ENFORCED, scenario, scenario.statements)]
        for after in scenario.then:
            state = self._refit(after.change(state))
            known = stated(after.allowed, after.denied)
            steps.append(self._look_under(state, str(after.change), scenario, known))
        return steps

    def _look_under(
        self, state: State, name: str, scenario: Scenario, known: Sequence[Statement]
    ) -> JudgedStep:
        """Put a state's policies in force, and look at all flows that there are then.

        Raises ClusterError where a pod that terminates has ended meanwhile: its part was nobody's.
        """
        flows = self._flows(scenario)
        self._put_in_force(state.bundle)
        step = self._step(name, state.bundle.policies, flows, known)
        self.fleet.see_terminating()
        return step

    def _flows(self, scenario: Scenario) -> tuple[Flow, ...]:
        """Return what a scenario tries in this fleet, the same tuple for as long as both stay."""
        source, topology, flows = self._tried
        if source is not scenario.flows or topology is not self.topology:
            flows = tuple(scenario.flows(self.topology))
            self._tried = scenario.flows, self.topology, flows
        return flows

    def _after(self, changes: Iterable[Change]) -> State:
        """Return what the fleet is to be after changes of what it is, without policies."""
        state = State.at_home(self.fleet.topology, Bundle())
        for change in changes:
            state = change(state)
        return state

    def _refit(self, state: State) -> State:
        """Make the fleet what it should be, forget the agents of pods that are gone.

        Returns the state with the pods as they are now.
        """
        self._announce(state)
        before = {pod.key: pod for pod in self.fleet.topology.pods}
        fleet = self.fleet.become(state.namespaces, state.pods, state.completed, state.heirs)
        after = {pod.key: pod.ips for pod in fleet.pods}
        anew = {pod.key for pod in state.pods if not pod.ips}
        for key, pod in before.items():
            if pod.ips != after.get(key) or key in anew:
                self.prober.forget(key)
        merged = _merged(fleet, self._around)
        if merged != self.topology:  # what is known of an unchanged one goes on to hold
            self.topology = merged
        return replace(state, pods=fleet.pods, heirs={})

    def _announce(self, state: State) -> None:
        """Tell the agents of pods that are to end what their part in it is; raise ProbeError."""
        wanted = {pod.key: pod for pod in state.pods}
        completed = {pod.key for pod in state.completed}
        for pod in self.fleet.topology.pods:
            end = Endpoint.pod(pod.key)
            if pod.key in completed:
                self.prober.have_finish(end)
            elif pod.key in wanted and wanted[pod.key].grace_s > pod.grace_s:
                self.prober.have_outlive(end)

    def _put_in_force(self, bundle: Bundle) -> None:
        """Create, update and delete policies until those of the bundle are there."""
        wanted = {
            (m.namespace, m.name): self._owned(m) for m in self._renamed(bundle, "NetworkPolicy")
        }
        self._in_force.become(wanted)

    def trial(self, bundle: Bundle, flows: Sequence[Flow]) -> JudgedStep:
        """Look at flows while a bundle's policies are in force, with no look before or after.

        The control for its denials is what the last look without policies has seen.
        """
        with self.with_policies(bundle):
            return self.look(ENFORCED, bundle.policies, flows)

    def look(
        self,
        name: str,
        policies: Sequence[NetworkPolicy],
        flows: Sequence[Flow],
        known: Sequence[Statement] = (),
    ) -> JudgedStep:
        """Probe every flow until the cluster does what is expected of it, and judge what it did.

        Raises HarnessBug where a cell is known to be other than netproof reads the policies.
        """
        return self._observer.look(name, policies, flows, self.topology, known)

    def _step(
        self,
        name: str,
        policies: Sequence[NetworkPolicy],
        flows: Sequence[Flow],
        known: Sequence[Statement] = (),
    ) -> JudgedStep:
        """Look at a step of a scenario, and remember what the scene was."""
        self._scenes.append(Scene(name, tuple(policies), self.topology))
        return self.look(name, policies, flows, known)

    @contextmanager
    def with_changes(self, *changes: Change) -> Iterator[Topology]:
        """Change the fleet for as long as a block runs, and undo it at its end."""
        home = self.fleet.topology
        with afterwards(self._going_home(home)):
            self._refit(self._after(changes))
            yield self.topology

    def with_pods(self, pods: Iterable[Pod], *given: Change) -> AbstractContextManager[Topology]:
        """Have more pods stand for as long as a block runs, after other changes."""
        return self.with_changes(*given, *map(AddPod, pods))

    @contextmanager
    def with_policies(self, bundle: Bundle) -> Iterator[None]:
        """Have policies in force for as long as a block runs."""
        with afterwards(self._no_policies):
            self._put_in_force(bundle)
            yield

    def close(self) -> None:
        """End the agents' streams, remove the fleet, and leave the cluster; each of it is tried."""
        ends = [] if self.client.gone else [self.fleet.remove]
        end_all(self.prober.close, *ends, self.client.close)

    def _once_more(self, act: Callable[[], T]) -> T:
        """Do something, and once more where the API server gave no answer and comes back."""
        try:
            return act()
        except ClusterGoneError:
            raise
        except UnreachableError:
            self.client.wait_back()
        return act()

    def _no_policies(self) -> None:
        self._once_more(lambda: self._put_in_force(Bundle()))

    def _going_home(self, home: Topology) -> Callable[[], None]:
        return lambda: self._once_more(lambda: self._go_home(home))

    def _go_home(self, home: Topology) -> None:
        """Bring the fleet back to what it was, and forget the controls of pods that are gone."""
        self._refit(State.at_home(home, Bundle()))
        self._observer.controls.keep(home, self._around)

    def _known(self, spaces: Iterable[Namespace]) -> Collection[str]:
        """Take in what namespaces are called in the cluster; return all that were ever there."""
        self._spaces |= {space.name: self.naming.namespace(space.name) for space in spaces}
        return self._spaces

    def _renamed(self, bundle: Bundle, kind: str) -> list[Manifest]:
        wanted = [manifest for manifest in bundle.manifests if manifest.kind == kind]
        return list(rename_namespaces(wanted, self._spaces))

    def _owned(self, manifest: Manifest) -> Obj:
        return manifests.owned(manifest.raw, self.naming)


def key_ring(ref: ClusterRef, run_id: str) -> KeyRing:
    """Return the keys of a run's agents; that of a machine outside comes from who started it."""
    place = ref.outside
    given = {OUTSIDE_IDENTITY: place.key} if isinstance(place, OutsideMachine) else {}
    return KeyRing(run_id, ref.secret, given)


def _merged(ours: Topology, around: Topology) -> Topology:
    return Topology(
        ours.namespaces + around.namespaces,
        ours.pods + around.pods,
        ours.services + around.services,
        ours.hosts + around.hosts,
    )
