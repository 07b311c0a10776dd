"""Objects that are not mirrored, and what the policies among them may decide.

Of policies of other kinds than NetworkPolicy v1 only as much is read as is certain of a kind: for
which pods, in which direction, which way. What is not understood is left out, so that it says
"may" of more pods, never of fewer. Sources: the API types of network-policy-api
(policy.networking.k8s.io), Cilium, Calico, Antrea, OVN-Kubernetes, Istio and Linkerd.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from netproof.model.flow import Direction
from netproof.model.value import replace
from netproof.model.workload import NAMESPACE_NAME_LABEL
from netproof.policy.document import Node, plain
from netproof.policy.fields import Field
from netproof.policy.manifest import called
from netproof.policy.overrulers import OtherEnd, Overruler
from netproof.policy.selectors import LabelSelector, read_selector

CORE_GROUPS = ("", "apps", "batch", "autoscaling", "policy", "rbac.authorization.k8s.io")
"""Groups whose kinds netproof knows: none of them decides who reaches whom."""

_ELSEWHERE = (*CORE_GROUPS, "extensions", "apiextensions.k8s.io", "gateway.envoyproxy.io")
"""Groups of which no kind is a policy for pods (PodSecurityPolicy is none)."""

_POLICY = re.compile(
    r"(Network|Security|SecurityGroup)Polic(y|ies)$|Firewall|AuthorizationPolicy$|"
    r"TrafficPermission$|ServiceIntentions$|^SecurityGroup$"
)
_STAGED = "it is staged, and what is staged is not enforced"
_SECONDARY = "it is about further networks of pods, which netproof does not probe"
_CLUSTER = re.compile(r"^(Cluster|Global|Admin|BaselineAdmin|CiliumClusterwide)")

_WITHOUT_NAMESPACE = (
    "Node",
    "PersistentVolume",
    "ClusterRole",
    "ClusterRoleBinding",
    "PodSecurityPolicy",
    "IngressClass",
)
"""Kinds of the groups of Kubernetes itself that live outside of namespaces."""

Scope = Callable[[Field, Overruler], Iterator[Overruler]]


@dataclass(frozen=True)
class OtherObject:
    """An object that is not mirrored; `namespace` is "" where it has or names none."""

    kind: str
    group: str
    namespace: str
    name: str
    node: Node

    def __str__(self) -> str:
        return called(self.kind, self.namespace, self.name)

    @property
    def place(self) -> str:
        """Where it is written."""
        return str(self.node.origin)

    @cached_property
    def raw(self) -> Any:
        """What is written, as JSON has it."""
        return plain(self.node)

    def selector(self, *path: str) -> LabelSelector | None:
        """Return a selector of its, None, which is everyone, where there is none."""
        at = Field.root(self.node)
        for step in path:
            at = at.child(step)
        return _selector(at)

    @property
    def is_foreign(self) -> bool:
        """Tell whether its kind is none of Kubernetes itself."""
        own = self.group.endswith(".k8s.io") and not self.group.endswith("x-k8s.io")
        return "." in self.group and not own

    @property
    def is_policy(self) -> bool:
        """Tell whether its kind is called like one that decides who reaches whom."""
        return bool(_POLICY.search(self.kind))


def read_other(node: Node, default: str) -> OtherObject:
    """Return an object that is not mirrored; `default` is where it goes by default."""
    root = Field.root(node)
    kind, metadata = root.child("kind").text() or "", root.child("metadata")
    name = metadata.child("name").text() or metadata.child("generateName").text() or "(no name)"
    group = group_of(root.child("apiVersion").text() or "")
    ours = group in (*CORE_GROUPS, "networking.k8s.io", "extensions")
    scoped = ours and kind not in _WITHOUT_NAMESPACE
    namespace = metadata.child("namespace").text() or (default if scoped else "")
    return OtherObject(kind, group, namespace, name, node)


def group_of(version: str) -> str:
    """Return the API group of an `apiVersion`, "" for the core group."""
    return version.partition("/")[0] if "/" in version else ""


def why_harmless(kind: str, group: str) -> str:
    """Say why a policy of another kind decides nothing between pods, "" where it may."""
    if group.endswith("projectcalico.org") and kind.startswith("Staged"):
        return _STAGED
    return _SECONDARY if kind == "MultiNetworkPolicy" else ""


def read_overrulers(other: OtherObject, default: str) -> Iterator[Overruler]:
    """Yield what an object that is not mirrored may decide; nothing for what is no policy.

    `default` is the namespace of what names none.
    """
    kind, group, root = other.kind, other.group, Field.root(other.node)
    if group in _ELSEWHERE or why_harmless(kind, group):
        return
    scope = next((read for known, read in _SCOPES if known.fullmatch(f"{group} {kind}")), None)
    written = other.namespace or (default if scope else "")
    why = f"it is a policy of {group}, which netproof does not read"
    namespace = "" if _CLUSTER.match(kind) else written
    may = Overruler(str(other), other.place, why, namespace=namespace)
    if scope:
        yield from scope(root, may)
    elif _POLICY.search(kind):
        yield may
    elif _holds_a_policy(root.node):
        why = "it holds a NetworkPolicy that its controller may apply"
        yield replace(may, why=why, namespace="")


def _holds_a_policy(node: Node | None) -> bool:
    if node is None or not isinstance(node.value, Mapping | tuple):
        return False
    if isinstance(node.value, tuple):
        return any(map(_holds_a_policy, node.value))
    kind = node.value.get("kind")
    own = kind is not None and kind.value == "NetworkPolicy"
    return own or any(map(_holds_a_policy, node.value.values()))


def _admin(root: Field, may: Overruler) -> Iterator[Overruler]:
    """Read the cluster-wide policies of SIG Network: a subject, rules, an action for each.

    What is for the baseline counts where no NetworkPolicy isolates, and there it can only deny.
    """
    spec = root.child("spec")
    kind = root.child("kind").text() or ""
    baseline = kind.startswith("Baseline") or spec.child("tier").text() == "Baseline"
    pods, spaces = (spec.child("subject").child(name) for name in ("pods", "namespaces"))
    if pods.present:
        chosen = pods.child("namespaceSelector"), pods.child("podSelector")
        may = replace(may, namespaces=_selector(chosen[0]), pods=_selector(chosen[1]))
    elif spaces.present:
        may = replace(may, namespaces=_selector(spaces))
    for direction in Direction:
        rules = spec.child(direction.lower()).items()
        actions = {str(_plain(rule.child("action"))) for rule in rules}
        opens = bool(actions - {"Deny", "Pass"}) and not baseline
        closes = bool(actions - {"Allow", "Accept", "Pass"})
        if opens or closes:
            only = frozenset({direction})
            yield replace(may, directions=only, opens=opens, closes=closes, if_open=baseline)


def _cilium(root: Field, may: Overruler) -> Iterator[Overruler]:
    """Read Cilium's: rules let pass beside NetworkPolicies, and isolate; nodes are no pods."""
    for spec in (root.child("spec"), *root.child("specs").items()):
        if not spec.present or spec.child("nodeSelector").present:
            continue
        chosen = _plain(spec.child("endpointSelector"))
        labels = chosen.get("matchLabels") if isinstance(chosen, dict) else None
        pods, spaces = _cilium_labels(labels if isinstance(labels, dict) else {})
        about = replace(may, pods=pods, namespaces=spaces)
        for direction in Direction:
            lets = spec.child(direction.lower()).present
            if lets or spec.child(f"{direction.lower()}Deny").present:
                yield replace(about, directions=frozenset({direction}), opens=lets)


def _cilium_labels(
    labels: Mapping[str, Any],
) -> tuple[LabelSelector | None, LabelSelector | None]:
    """Return the pods and namespaces that Cilium's labels mean; those of its own may be anyone."""
    pods: dict[str, str] = {}
    spaces: dict[str, str] = {}
    for key, value in labels.items():
        bare = re.sub(r"^(k8s|any)[:.]", "", key)
        own = bare.removeprefix("io.cilium.k8s.namespace.labels.")
        if bare == "io.kubernetes.pod.namespace":
            spaces[NAMESPACE_NAME_LABEL] = str(value)
        elif own != bare:
            spaces[own] = str(value)
        elif ":" not in bare and not bare.startswith(("io.cilium", "io.kubernetes", "reserved")):
            pods[bare] = str(value)
    return LabelSelector(pods) if pods else None, LabelSelector(spaces) if spaces else None


_EQUAL = re.compile(r"""\s*(?P<key>[\w./-]+)\s*==\s*(['"])(?P<value>[^'"]*)\2\s*""", re.ASCII)


def _calico(root: Field, may: Overruler) -> Iterator[Overruler]:
    """Read Calico's: they come before or after NetworkPolicies, by their order."""
    spec = root.child("spec")
    pods = _calico_selector(_plain(spec.child("selector")))
    spaces = _calico_selector(_plain(spec.child("namespaceSelector")))
    types = {str(word) for word in _plain(spec.child("types")) or ()}
    written = {d for d in Direction if spec.child(d.lower()).present}
    stated = {direction for direction in Direction if direction in types}
    directions = frozenset(stated or written or {Direction.INGRESS})
    yield replace(may, pods=pods, namespaces=spaces, directions=directions)


def _calico_selector(text: object) -> LabelSelector | None:
    """Return what a selector surely asks for: equalities that are joined by `&&`."""
    if not isinstance(text, str) or re.search(r"\|\||!|\(", text):
        return None
    pairs = [_EQUAL.fullmatch(part) for part in text.split("&&")]
    labels = {
        pair["key"]: pair["value"]
        for pair in pairs
        if pair and not pair["key"].startswith("projectcalico.org/")
    }
    return LabelSelector(labels) if labels else None


def _antrea(root: Field, may: Overruler) -> Iterator[Overruler]:
    """Read Antrea's, which apply to what their `appliedTo` lists."""
    spec = root.child("spec")
    applied = spec.child("appliedTo").items()
    directions = frozenset(d for d in Direction if spec.child(d.lower()).present)
    about = replace(may, directions=directions or frozenset(Direction))
    if not applied:
        yield about
    for entry in applied:
        pods, spaces = (_selector(entry.child(k)) for k in ("podSelector", "namespaceSelector"))
        yield replace(about, pods=pods, namespaces=spaces)


def _firewall(_root: Field, may: Overruler) -> Iterator[Overruler]:
    """Read a namespace's egress firewall: it only denies, and only what leaves the cluster."""
    only = frozenset({Direction.EGRESS})
    yield replace(may, directions=only, opens=False, other=OtherEnd.OUTSIDE)


def _mesh(root: Field, may: Overruler) -> Iterator[Overruler]:
    """Read a service mesh's: its proxies refuse what they take in, and open nothing.

    In Istio's root namespace it is about all pods.
    """
    chosen = _selector(root.child("spec").child("selector"))
    everywhere = "" if may.namespace == "istio-system" else may.namespace
    only = frozenset({Direction.INGRESS})
    yield replace(may, pods=chosen, namespace=everywhere, directions=only, opens=False)


_SCOPES: tuple[tuple[re.Pattern[str], Scope], ...] = tuple(
    (re.compile(pattern), scope)
    for pattern, scope in {
        r"policy\.networking\.k8s\.io .*NetworkPolicy": _admin,
        r"cilium\.io Cilium(Clusterwide)?NetworkPolicy": _cilium,
        r"(crd\.)?projectcalico\.org (Global)?NetworkPolicy": _calico,
        r"crd\.antrea\.io (Cluster)?NetworkPolicy": _antrea,
        r"k8s\.ovn\.org EgressFirewall": _firewall,
        r"network\.openshift\.io EgressNetworkPolicy": _firewall,
        r"security\.istio\.io (AuthorizationPolicy|PeerAuthentication)": _mesh,
        r"policy\.linkerd\.io (Server|ServerAuthorization|AuthorizationPolicy)": _mesh,
    }.items()
)


def _selector(at: Field) -> LabelSelector | None:
    """Read a selector; None, which is everyone, for one that cannot be read or is not there."""
    if at.node is None or not at.present:
        return None
    alone = Field.root(at.node)
    selector = read_selector(alone)
    return None if alone.problems else selector


def _plain(at: Field) -> Any:
    return plain(at.node) if at.node is not None else None
