"""A bundle as it is kept in Git -> a probe pod for each workload, and what cannot be mirrored.

Rendered charts hold much that no packet meets (ConfigMaps, roles, certificates). All of it is
listed with its place, nothing is skipped silently, and nothing of it is an error. What the API
server would refuse of the objects that are mirrored is one, as everywhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from netproof.errors import PolicyError
from netproof.model.review import Note
from netproof.model.value import replace
from netproof.model.workload import NAMESPACE_NAME_LABEL, Namespace, Pod, Port, Service
from netproof.policy import sanitized, unmirrored
from netproof.policy.bundle import Bundle, refuse_twins, unpack
from netproof.policy.document import Node, read_documents
from netproof.policy.extraports import PortDemand, with_extra_ports
from netproof.policy.fields import Field
from netproof.policy.manifest import KINDS, Manifest, called, kind_of, read_manifest
from netproof.policy.networkpolicy import NetworkPolicy
from netproof.policy.origin import Origin
from netproof.policy.shorthand import quote_stars
from netproof.policy.sources import decode
from netproof.policy.templates import CONTROLLERS, read_workload, service_account

_SILENT = (
    "declares no port, and no policy, Service or intent names one: it is mirrored as a source of "
    "flows only"
)


@dataclass(frozen=True, slots=True)
class Workload:
    """What a probe pod stands for; the pod's name is that of the workload.

    `declared` are the ports that its containers declare, without those that others name.
    """

    kind: str
    pod: Pod
    origin: Origin
    declared: tuple[Port, ...] = ()

    @property
    def key(self) -> str:
        """`namespace/name`, unique within a mirror."""
        return self.pod.key


@dataclass(frozen=True, slots=True)
class Mirror:
    """A bundle of probe pods, the workloads they stand for, and what is not as in the original.

    `intents` are the documents of the bundle that state intents, `texts` is what was read, by file.
    """

    bundle: Bundle
    workloads: tuple[Workload, ...] = ()
    notes: tuple[Note, ...] = ()
    intents: tuple[Node, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    def place(self, kind: str, key: str) -> str:
        """Return the `file:line` of an object of the bundle, "" where it has none."""
        namespace, _, name = key.rpartition("/")
        for manifest in self.bundle.manifests:
            if (manifest.kind, manifest.namespace, manifest.name) == (kind, namespace, name):
                return str(manifest.origin)
        return next((str(w.origin) for w in self.workloads if w.key == key), "")


@dataclass(slots=True)
class _Found:
    """What the documents have given so far."""

    namespaces: list[Namespace] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    policies: list[NetworkPolicy] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    intents: list[Node] = field(default_factory=list)


def mirror_texts(
    texts: Iterable[tuple[str, str | bytes]], *, default_namespace: str = ""
) -> Mirror:
    """Read a bundle from (name, text) pairs and return its mirror.

    Objects that name no namespace go to `default_namespace`; without one, to the `namespace` that
    the bundle's intents name, else to `default`.
    Raises PolicyError for what cannot be read or the API server would refuse.
    """
    kept = [(name, decode(text, name)) for name, text in texts]
    nodes = [node for name, text in kept for node in read_documents(quote_stars(text), name)]
    intents = [node for node in nodes if states_intents(node)]
    found = _Found(intents=intents)
    namespace = default_namespace or _namespace_of(intents) or "default"
    for document in nodes:
        if not states_intents(document):
            for node in unpack(document):
                _read(node, namespace, found)
    if not (found.workloads or found.policies):
        where = ", ".join(name for name, _ in kept) or "the bundle"
        raise PolicyError(where, "holds neither a workload nor a NetworkPolicy")
    return _mirror(found, dict(kept))


def serving(mirror: Mirror, also: Iterable[PortDemand]) -> Mirror:
    """Return the mirror with pods that serve further ports, and the notes that say so."""
    bundle, notes = with_extra_ports(mirror.bundle, also)
    pods = {pod.key: pod for pod in bundle.pods}
    workloads = tuple(replace(w, pod=pods[w.key]) for w in mirror.workloads)
    silent = {note for note in mirror.notes if note.text == _SILENT} - set(_silent(workloads))
    kept = tuple(note for note in mirror.notes if note not in silent)
    return replace(mirror, bundle=bundle, workloads=workloads, notes=kept + notes)


def states_intents(node: Node) -> bool:
    """Tell whether a document is an intents file: a mapping with `intents` and no `kind`."""
    return isinstance(node.value, Mapping) and "intents" in node.value and "kind" not in node.value


def _namespace_of(intents: Iterable[Node]) -> str:
    named = (Field.root(node).child("namespace").text() for node in intents)
    return next((name for name in named if name), "")


def _read(node: Node, namespace: str, found: _Found) -> None:
    kind = kind_of(node)
    root = Field.root(node)
    version = root.child("apiVersion").text() or ""
    if kind in CONTROLLERS and version == CONTROLLERS[kind].api_version:
        _read_workload(root, kind, namespace, found)
    elif kind in KINDS and unmirrored.group(version) in (
        unmirrored.group(KINDS[kind].api_version),
        "extensions",
    ):
        _read_known(node, namespace, found)
    else:
        found.notes.append(unmirrored.note(root, kind, version, namespace))


def _read_known(node: Node, namespace: str, found: _Found) -> None:
    manifest, value = read_manifest(node, namespace)
    found.manifests.append(sanitized.manifest(manifest))
    match value:
        case Namespace():
            found.namespaces.append(value)
        case Service():
            found.services.append(value)
        case NetworkPolicy():
            found.policies.append(value)
        case Pod():
            account = service_account(Field.root(node))
            pod = replace(value, service_account=account)
            found.workloads.append(Workload("Pod", pod, manifest.origin, value.ports))


def _read_workload(root: Field, kind: str, namespace: str, found: _Found) -> None:
    controller = CONTROLLERS[kind]
    pod = read_workload(root, controller, namespace)
    if root.problems:
        name = called(kind, pod.namespace, pod.name or "(no name)")
        first = min(root.problems, key=lambda problem: problem.origin)
        raise PolicyError(str(first.origin), f"{name}: {first}")
    manifest = Manifest(
        kind, controller.api_version, pod.namespace, pod.name, {"metadata": {}}, root.origin
    )
    found.manifests.append(manifest)
    found.workloads.append(Workload(kind, pod, root.origin, pod.ports))


def _mirror(found: _Found, texts: Mapping[str, str]) -> Mirror:
    refuse_twins(found.manifests)
    workloads = _told_apart(found.workloads)
    services = tuple(_deployable(found))
    bundle = Bundle(
        _namespaces(found, workloads),
        tuple(workload.pod for workload in workloads),
        services,
        tuple(found.policies),
        tuple(m for m in found.manifests if _is_sent(m, services)),
    )
    notes = (*found.notes, *_silent(workloads), *_host_network(workloads))
    return serving(Mirror(bundle, workloads, notes, tuple(found.intents), texts), ())


def _told_apart(workloads: list[Workload]) -> tuple[Workload, ...]:
    """Give workloads of one name and different kinds the kind as the end of their name."""
    times = Counter(workload.key for workload in workloads)
    return tuple(
        replace(w, pod=replace(w.pod, name=f"{w.pod.name}-{w.kind.lower()}"))
        if times[w.key] > 1
        else w
        for w in workloads
    )


def _deployable(found: _Found) -> Iterable[Service]:
    for service in found.services:
        if service.selector and service.ports:
            yield service
            continue
        place = next(str(m.origin) for m in found.manifests if _names(m, service))
        why = "no selector" if not service.selector else "no ports"
        text = f"not mirrored: it has {why}, so where it leads is not in the bundle"
        found.notes.append(Note(f"Service {service.key}", place, text))


def _is_sent(manifest: Manifest, services: Iterable[Service]) -> bool:
    if manifest.kind == "Service":
        return any(_names(manifest, service) for service in services)
    return manifest.kind in ("Namespace", "NetworkPolicy")


def _names(manifest: Manifest, service: Service) -> bool:
    return (manifest.kind, manifest.namespace, manifest.name) == (
        "Service",
        service.namespace,
        service.name,
    )


def _namespaces(found: _Found, workloads: tuple[Workload, ...]) -> tuple[Namespace, ...]:
    written = {namespace.name: namespace for namespace in found.namespaces}
    first: dict[str, Origin] = {}
    values: list[Pod | NetworkPolicy | Service] = [workload.pod for workload in workloads]
    values += [*found.policies, *found.services]
    for value in values:
        if value.namespace not in written:
            first.setdefault(value.namespace, _origin(value, found, workloads))
    for name, origin in first.items():
        written[name] = Namespace(name, {NAMESPACE_NAME_LABEL: name})
        text = "is not in the bundle: it is mirrored with no labels but its name's"
        found.notes.append(Note(f"Namespace {name}", str(origin), text))
    return tuple(written.values())


def _origin(
    value: Pod | NetworkPolicy | Service, found: _Found, workloads: tuple[Workload, ...]
) -> Origin:
    if isinstance(value, NetworkPolicy):
        return value.origin
    if isinstance(value, Pod):
        return next(w.origin for w in workloads if w.pod is value)
    return next(m.origin for m in found.manifests if _names(m, value))


def _silent(workloads: tuple[Workload, ...]) -> list[Note]:
    return [Note(f"{w.kind} {w.key}", str(w.origin), _SILENT) for w in workloads if not w.pod.ports]


def _host_network(workloads: tuple[Workload, ...]) -> list[Note]:
    text = (
        "uses hostNetwork: what policies do to it is not defined, and its ports are its node's, "
        "so they are probed where they are free"
    )
    return [Note(f"{w.kind} {w.key}", str(w.origin), text) for w in workloads if w.pod.host_network]
