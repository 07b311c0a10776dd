"""The dataplanes one can choose: what each makes of a view for a node."""

from abc import ABC, abstractmethod
from dataclasses import replace

from netlab.dataplane import compiler, services, world
from netlab.dataplane.compiler import POLICY_TABLE, Filters
from netlab.dataplane.options import Options
from netlab.dataplane.semantics import Semantics
from netlab.dataplane.table import Table
from netlab.dataplane.view import View
from netlab.dataplane.world import World


class Dataplane(ABC):
    """Compiles views to tables. One instance sees the views of one cluster, in order."""

    def __init__(self) -> None:
        self._translations: dict[str, tuple[View, Table]] = {}

    @abstractmethod
    def policy_table(self, view: View, node: str) -> Table:
        """Return the table that enforces the policies on a node."""

    def service_table(self, view: View, node: str) -> Table:
        """Return the table that translates Services and masquerades on a node.

        Made anew only where policies are not all that has changed, as they change most often.
        """
        known = replace(view, policies=(), namespaces=())
        before = self._translations.get(node)
        if before is None or before[0] != known:
            self._translations[node] = known, services.service_table(known, node)
        return self._translations[node][1]

    def policy_ruleset(self, view: View, node: str) -> str:
        """Return the text that replaces a node's policy table in one transaction."""
        return self.policy_table(view, node).replacement()

    def service_ruleset(self, view: View, node: str) -> str:
        """Return the text that replaces a node's service table in one transaction."""
        return self.service_table(view, node).replacement()


class Flat(Dataplane):
    """Stores policies and enforces none, as a CNI without a policy engine does."""

    def policy_table(self, view: View, node: str) -> Table:
        """Return an empty table."""
        del view, node
        return Table(POLICY_TABLE)


class Enforcing(Dataplane):
    """Enforces policies as its semantics read them."""

    def __init__(self, semantics: Semantics, options: Options) -> None:
        super().__init__()
        self._semantics = semantics
        self._options = options
        self._view: View | None = None
        self._resolved: tuple[World, Filters] | None = None

    def policy_table(self, view: View, node: str) -> Table:
        """Return the table that enforces the policies on a node."""
        world, filters = self._resolve(view)
        return compiler.policy_table(
            world, filters, node, semantics=self._semantics, options=self._options
        )

    def _resolve(self, view: View) -> tuple[World, Filters]:
        """Work a view out once for all nodes."""
        if self._resolved is None or view is not self._view:
            known = world.read(self._semantics.perceive(self._view, view))
            self._view = view
            self._resolved = known, compiler.resolve(known, self._semantics)
        return self._resolved
