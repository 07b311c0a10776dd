"""The objects of a bundle on their way into its mirror: what is kept of each, what is left out.

Rendered charts hold much that no packet meets (ConfigMaps, roles, certificates). All of it is
listed with its place, nothing is skipped silently, and nothing of it is an error. What the API
server would refuse of the objects that are mirrored is one, as everywhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from netproof.errors import PolicyError
from netproof.model.review import Note
from netproof.model.value import replace
from netproof.model.workload import Namespace, Pod, Port, Service
from netproof.policy.document import Node, Origin
from netproof.policy.entrances import Entrance, of_route, of_service
from netproof.policy.fields import Field
from netproof.policy.limits import (
    MAX_OBJECTS,
    MAX_POLICIES,
    MAX_TERMS,
    MAX_WORKLOADS,
    refuse_more,
)
from netproof.policy.manifest import KINDS, Manifest, called, kind_of, read_manifest
from netproof.policy.networkpolicy import NetworkPolicy
from netproof.policy.otherobjects import (
    CORE_GROUPS,
    OtherObject,
    group_of,
    read_other,
    read_overrulers,
    why_harmless,
)
from netproof.policy.overrulers import Overruler, of_blocks, of_host_ports
from netproof.policy.rewriting import reduced
from netproof.policy.workloads import (
    CONTROLLERS,
    WorkloadController,
    host_ports,
    pod_template,
    read_workload,
    resolvers,
    scraped,
    service_account,
)

_OTHER_POLICIES = (
    "it may change who reaches whom, and netproof reads networking.k8s.io/v1 NetworkPolicy only"
)
_NO_PACKETS = "no packet meets it"
_SPLIT = "check its namespaces one by one"
_ENTRANCE = "it is the work of its controller, whose pods count like any others"

_WHY: Mapping[str, str] = {
    "Ingress": _ENTRANCE,
    "Gateway": _ENTRANCE,
    "HTTPRoute": _ENTRANCE,
    "CustomResourceDefinition": "it defines a kind, and what kinds do is for their operators",
}


@dataclass(frozen=True, slots=True)
class Workload:
    """What a probe pod stands for; the pod's name is that of the workload.

    `declared` are the ports that its containers declare, without those that others name;
    `resolvers` are the servers that it asks for names, none where that is the cluster's DNS, and
    `scraped` is the port at which annotations ask for its metrics to be fetched.
    """

    kind: str
    pod: Pod
    origin: Origin
    declared: tuple[Port, ...] = ()
    resolvers: tuple[str, ...] = ()
    scraped: int | None = None

    @property
    def key(self) -> str:
        """`namespace/name`, unique within a mirror."""
        return self.pod.key


@dataclass(slots=True)
class MirrorObjects:
    """What the documents of a bundle have given so far, by what becomes of it."""

    namespace: str
    namespaces: list[Namespace] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    policies: list[NetworkPolicy] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    others: list[OtherObject] = field(default_factory=list)
    overrulers: list[Overruler] = field(default_factory=list)
    entrances: list[Entrance] = field(default_factory=list)
    places: dict[str, Origin] = field(default_factory=dict)
    made_up: Counter[str] = field(default_factory=Counter)
    objects: int = 0
    terms: int = 0

    def add(self, node: Node) -> None:
        """Take in one object that is no List; raise PolicyError for what would be refused."""
        kind = kind_of(node)
        self._refuse_more(str(node.origin), count=1)
        if kind == "Pod" or kind in CONTROLLERS:
            node = self._called(node)
        root = Field.root(node)
        version = root.child("apiVersion").text() or ""
        if kind in CONTROLLERS and _has_template(root, CONTROLLERS[kind], version):
            self._add_workload(root, kind)
        elif kind in KINDS and _is_ours(kind, version):
            self._add_known(node)
        else:
            _refuse_unknown(root, kind, version)
            self._leave_out(node, kind, version)

    def _called(self, node: Node) -> Node:
        """Return a workload with a name: where the server makes one up, generateName with a number.

        Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#generated-values.
        """
        metadata = Field.root(node).child("metadata")
        stem = metadata.child("generateName").text()
        if not stem or metadata.child("name").present or metadata.node is None:
            return node
        self.made_up[stem] += 1
        name = f"{stem.rstrip('-.')}-{self.made_up[stem]}"
        what = called(kind_of(node), metadata.child("namespace").text() or self.namespace, name)
        text = f"is how a workload is called here whose name the server makes up ({stem}...)"
        self.notes.append(Note(what, str(node.origin), text))
        named = Node(name, metadata.child("generateName").origin)
        return node.having("metadata", metadata.node.having("name", named))

    def _leave_out(self, node: Node, kind: str, version: str) -> None:
        """Note what is not mirrored, and what of it may decide otherwise than the policies."""
        other = read_other(node, self.namespace)
        self.others.append(other)
        self.entrances += of_route(other, self.namespace)
        may = tuple(read_overrulers(other, self.namespace))
        self.overrulers += may
        why = _OTHER_POLICIES if may else _why(kind, version)
        self.notes.append(Note(str(other), other.place, f"not mirrored: {why}"))

    def _refuse_more(self, place: str, count: int = 0, terms: int = 0) -> None:
        """Refuse a bundle that has become more than can be judged in a while."""
        self.objects += count
        self.terms += terms
        refuse_more(self.objects, MAX_OBJECTS, "objects", place, _SPLIT)
        refuse_more(len(self.workloads), MAX_WORKLOADS, "workloads", place, _SPLIT)
        refuse_more(len(self.policies), MAX_POLICIES, "policies", place, _SPLIT)
        refuse_more(self.terms, MAX_TERMS, "rules, peers and ports in policies", place, _SPLIT)

    def _add_known(self, node: Node) -> None:
        manifest, value = read_manifest(node, self.namespace)
        self.manifests.append(reduced(manifest))
        match value:
            case Namespace():
                self.namespaces.append(value)
            case Service():
                self.services.append(value)
                self.places[value.key] = manifest.origin
                self.entrances += of_service(value, Field.root(node))
            case NetworkPolicy():
                self.policies.append(value)
                self.overrulers += of_blocks(value)
                self._refuse_more(str(value.origin), terms=_terms(value))
            case Pod():
                root = Field.root(node)
                pod = replace(value, service_account=service_account(root))
                self._take(Workload("Pod", pod, manifest.origin, value.ports), root)

    def _add_workload(self, root: Field, kind: str) -> None:
        controller = CONTROLLERS[kind]
        pod = read_workload(root, controller, self.namespace)
        if root.problems:
            name = called(kind, pod.namespace, pod.name or "(no name)")
            first = min(root.problems, key=lambda problem: problem.origin)
            raise PolicyError(str(first.origin), f"{name}: {first}")
        raw: dict[str, object] = {"metadata": {}}
        version = controller.api_version
        manifest = Manifest(kind, version, pod.namespace, pod.name, raw, root.origin)
        self.manifests.append(manifest)
        template = pod_template(root, controller)
        self._take(Workload(kind, pod, root.origin, pod.ports), template)

    def _take(self, workload: Workload, template: Field) -> None:
        """Take in a workload with the pod, or template of one, that it was read from."""
        self.workloads.append(
            replace(workload, resolvers=resolvers(template), scraped=scraped(template))
        )
        what = called(workload.kind, workload.pod.namespace, workload.pod.name)
        place, opened = str(workload.origin), host_ports(template)
        self.overrulers += of_host_ports(what, place, workload.pod, opened)
        self._refuse_more(place)


def _is_ours(kind: str, version: str) -> bool:
    """Tell whether an object is meant as one of Kubernetes itself, in a group that has it or not.

    Groups of others have a dot.
    """
    group = group_of(version)
    return "." not in group or group == group_of(KINDS[kind].api_version)


def _refuse_unknown(root: Field, kind: str, version: str) -> None:
    """Raise PolicyError for what no API server knows: a workload's version, a kind's spelling.

    What is left out would be missed: it was meant as a workload or a policy.
    """
    known = {name.lower(): name for name in (*KINDS, *CONTROLLERS)}
    meant = known.get(kind.lower(), "")
    ours = "." not in group_of(version) or group_of(version) == "networking.k8s.io"
    if meant and ours and meant != kind:
        raise PolicyError(
            str(root.child("kind").origin), f"there is no kind {kind}; did you mean {meant}?"
        )
    if kind in CONTROLLERS and ours and not CONTROLLERS[kind].reads(version):
        place, wanted = str(root.child("apiVersion").origin), CONTROLLERS[kind].api_version
        raise PolicyError(place, f'there is no {kind} in "{version}"; write apiVersion: {wanted}')


def _has_template(root: Field, controller: WorkloadController, version: str) -> bool:
    """Tell whether an object is one of a controller's, with a pod template where it may lack it."""
    if not controller.reads(version):
        return False
    return not controller.may_lack_template or pod_template(root, controller).present


def _terms(policy: NetworkPolicy) -> int:
    rules = (*policy.ingress, *policy.egress)
    return sum(1 + len(rule.peers) + len(rule.ports) for rule in rules)


def _why(kind: str, version: str) -> str:
    """Return why an object that decides nothing is not mirrored."""
    if kind in CONTROLLERS and not CONTROLLERS[kind].reads(version):
        return f"its apiVersion is {version}, and {CONTROLLERS[kind].api_version} is mirrored"
    if harmless := why_harmless(kind, group_of(version)):
        return harmless
    foreign = "" if group_of(version) in CORE_GROUPS else "; if it makes pods, add those as Pods"
    return _WHY.get(kind, _NO_PACKETS + foreign)
