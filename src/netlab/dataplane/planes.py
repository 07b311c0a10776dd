"""The dataplanes one can choose, and their defects, by name: what each makes of the cluster."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from netlab.dataplane import serviceproxy
from netlab.dataplane.addresses import Ip
from netlab.dataplane.clusterstate import AddressedPod, ClusterState, ClusterView, StateReader
from netlab.dataplane.compiler import POLICY_TABLE, NodeCompiler, PlaneOptions, shared_addresses
from netlab.dataplane.defects import ALL
from netlab.dataplane.defects.defect import Defect
from netlab.dataplane.filters import Filters, PolicyResolver
from netlab.dataplane.rulesets import NftTable
from netlab.dataplane.semantics import Semantics


class Dataplane(ABC):
    """Compiles views to tables. One instance sees the views of one cluster, in order."""

    def __init__(self) -> None:
        self._translations: dict[str, tuple[ClusterView, NftTable]] = {}

    @abstractmethod
    def policy_table(self, view: ClusterView, node: str) -> NftTable:
        """Return the table that enforces the policies on a node."""

    def service_table(self, view: ClusterView, node: str) -> NftTable:
        """Return the table that translates Services and masquerades on a node.

        Made anew only where policies are not all that has changed, as they change most often.
        """
        relevant = replace(view, policies=(), namespaces=())
        before = self._translations.get(node)
        if before is None or before[0] != relevant:
            self._translations[node] = relevant, serviceproxy.service_table(relevant, node)
        return self._translations[node][1]

    def policy_ruleset(self, view: ClusterView, node: str) -> str:
        """Return the text that replaces a node's policy table in one transaction."""
        return self.policy_table(view, node).replacement()

    def service_ruleset(self, view: ClusterView, node: str) -> str:
        """Return the text that replaces a node's service table in one transaction."""
        return self.service_table(view, node).replacement()


class FlatDataplane(Dataplane):
    """Stores policies and enforces none, as a CNI without a policy engine does."""

    def policy_table(self, view: ClusterView, node: str) -> NftTable:
        """Return an empty table."""
        del view, node
        return NftTable(POLICY_TABLE)


_Resolved = tuple[ClusterState, Filters, Mapping[Ip, str]]


class EnforcingDataplane(Dataplane):
    """Enforces policies as its semantics read them."""

    def __init__(self, semantics: Semantics, options: PlaneOptions) -> None:
        super().__init__()
        self._semantics = semantics
        self._options = options
        self._reader = StateReader()
        self._resolver = PolicyResolver(semantics)
        self._compilers: dict[str, NodeCompiler] = {}
        self._pods: tuple[AddressedPod, ...] = ()
        self._shared: Mapping[Ip, str] = {}
        self._view: ClusterView | None = None
        self._resolved: _Resolved | None = None

    def policy_table(self, view: ClusterView, node: str) -> NftTable:
        """Return the table that enforces the policies on a node."""
        if node not in self._compilers:
            self._compilers[node] = NodeCompiler(node, self._semantics, self._options)
        return self._compilers[node].table(*self._resolve(view))

    def _resolve(self, view: ClusterView) -> _Resolved:
        """Work a view out once for all nodes."""
        if self._resolved is None or view is not self._view:
            # Forgotten first: what cannot be resolved must not leave the one before in its place.
            self._resolved = None
            state = self._reader.read(self._semantics.perceive(self._view, view))
            self._view = view
            filters = self._resolver.resolve(state)
            if state.pods is not self._pods:
                self._pods, self._shared = state.pods, shared_addresses(state.pods)
            self._resolved = state, filters, self._shared
        return self._resolved


DEFECTS: Mapping[str, Defect] = MappingProxyType({defect.name: defect for defect in ALL})


class UnknownNameError(ValueError):
    """There is no such dataplane or defect; the message lists those there are."""


def _make_enforcing(defects: Sequence[Defect], options: PlaneOptions) -> Dataplane:
    # Several defects at once: each overrides its own decisions and hands on the others.
    classes = tuple(dict.fromkeys(defect.semantics for defect in defects))
    semantics = type("Semantics", (*classes, Semantics), {})
    return EnforcingDataplane(semantics(), options)


def _make_flat(defects: Sequence[Defect], options: PlaneOptions) -> Dataplane:
    del defects, options  # there is nothing to get wrong
    return FlatDataplane()


_Maker = Callable[[Sequence[Defect], PlaneOptions], Dataplane]
PLANES: Mapping[str, _Maker] = MappingProxyType({"enforcing": _make_enforcing, "flat": _make_flat})


def make_dataplane(
    name: str, defects: Sequence[str], options: PlaneOptions | None = None
) -> Dataplane:
    """Make a dataplane by name, with defects by name; raise UnknownNameError."""
    make = PLANES.get(name)
    if make is None:
        raise UnknownNameError(f"unknown dataplane {name!r}; there are: {', '.join(PLANES)}")
    for defect in defects:
        if defect not in DEFECTS:
            raise UnknownNameError(f"unknown defect {defect!r}; there are: {', '.join(DEFECTS)}")
    return make([DEFECTS[defect] for defect in defects], options or PlaneOptions())
