"""A bundle as it is kept in Git -> a probe pod for each workload, and what cannot be mirrored.

Pods serve ports that no container declares where something else names them. `containerPort` is
information only (Container.ports: "Not specifying a port here DOES NOT prevent that port from being
exposed"), so a port that a Service sends to, or a rule is about, counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netproof.errors import PolicyError
from netproof.model.flow import Direction
from netproof.model.review import Note, in_text
from netproof.model.value import replace
from netproof.model.workload import (
    NAMESPACE_NAME_LABEL,
    Namespace,
    Pod,
    Port,
    Protocol,
    Service,
)
from netproof.policy import matching
from netproof.policy.bundle import Bundle, refuse_twins, unpack
from netproof.policy.document import Node, Origin
from netproof.policy.entrances import Entrance
from netproof.policy.intentdocuments import (
    read_bundle_documents,
    stated_namespace,
    states_intents,
)
from netproof.policy.manifest import Manifest, is_manifest
from netproof.policy.mirrorobjects import MirrorObjects, Workload
from netproof.policy.networkpolicy import NetworkPolicy, Rule
from netproof.policy.otherobjects import OtherObject
from netproof.policy.overrulers import Overruler
from netproof.policy.ownership import without_owned
from netproof.policy.peers import PodPeer
from netproof.policy.population import Population
from netproof.policy.sources import decode

FILE = "File"
"""What a note is about that says of a file, or a document in it, that it was not read."""

_NO_OBJECT = "holds no Kubernetes object"
_SAYS_KIND = re.compile(r"""^\s*(- )?["']?kind["']?\s*:""", re.MULTILINE)

_SILENT = (
    "declares no port, and no policy, Service or intent names one: it is mirrored as a source of "
    "flows only"
)


@dataclass(frozen=True, slots=True)
class Mirror:
    """A bundle of probe pods, the workloads they stand for, and what is not as in the original.

    `intents` are the documents of the bundle that state intents, `texts` is what was read, by file.
    `others` are the objects that are not mirrored, `overrulers` what may decide otherwise than the
    policies, `entrances` the ways from outside to its Services.
    """

    bundle: Bundle
    workloads: tuple[Workload, ...] = ()
    notes: tuple[Note, ...] = ()
    intents: tuple[Node, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    others: tuple[OtherObject, ...] = ()
    overrulers: tuple[Overruler, ...] = ()
    entrances: tuple[Entrance, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What may decide otherwise than the policies, in a sentence each that begins by where."""
        told = dict.fromkeys((one.place, one.what) for one in self.overrulers)
        words = "may decide otherwise than the NetworkPolicies"
        return tuple(f"{place}: {what} {words}" for place, what in told)

    def known_labels(self, namespace: str) -> Mapping[str, str] | None:
        """Return the labels of a namespace that is written in the bundle, None for any other."""
        if all((m.kind, m.name) != ("Namespace", namespace) for m in self.bundle.manifests):
            return None
        return next(s.labels for s in self.bundle.namespaces if s.name == namespace)

    def place(self, kind: str, key: str) -> str:
        """Return the `file:line` of an object of the bundle, "" where it has none."""
        namespace, _, name = key.rpartition("/")
        for manifest in self.bundle.manifests:
            if (manifest.kind, manifest.namespace, manifest.name) == (kind, namespace, name):
                return str(manifest.origin)
        return next((str(w.origin) for w in self.workloads if w.key == key), "")


def text_of(origin: Origin) -> str:
    """Return the name of the text that something was read from, which may be a rendered one."""
    return in_text(str(origin)).rpartition(":")[0]


def mirror_texts(
    texts: Iterable[tuple[str, str | bytes]],
    *,
    default_namespace: str = "",
    notes: Iterable[Note] = (),
    found: Callable[[str], bool] = lambda _name: False,
) -> Mirror:
    """Read a bundle from (name, text) pairs and return its mirror.

    Objects that name no namespace go to `default_namespace`; without one, to the `namespace` that
    the bundle's intents name, else to `default`. `notes` say what of the sources was left out,
    and `found` which texts were only found in a folder: what holds no Kubernetes object is no
    error there, but listed.
    Raises PolicyError for what cannot be read or the API server would refuse.
    """
    kept = [(name, decode(text, name)) for name, text in texts]
    left: list[Note] = [*notes]
    nodes = [
        node
        for name, text in kept
        for node in _documents(text, name, left if found(name) else None)
    ]
    intents = tuple(node for node in nodes if states_intents(node))
    objects = MirrorObjects(default_namespace or stated_namespace(intents) or "default")
    objects.notes += left
    manifests = [one for node in nodes if not states_intents(node) for one in unpack(node)]
    standing, owned = without_owned(manifests, objects.namespace)
    objects.notes += owned
    for node in standing:
        objects.add(node)
    if not (objects.workloads or objects.policies):
        where = ", ".join(name for name, _ in kept) or "the bundle"
        raise PolicyError(where, "holds neither a workload nor a NetworkPolicy")
    return _mirror(objects, intents, dict(kept))


def _documents(text: str, name: str, left: list[Note] | None) -> tuple[Node, ...]:
    """Return a file's documents; what is no Kubernetes object goes to `left`, if there is one."""
    if left is None:
        return read_bundle_documents(text, name)
    try:
        nodes = read_bundle_documents(text, name)
    except PolicyError:
        if _SAYS_KIND.search(text):
            raise
        nodes = ()
        left.append(Note(FILE, str(name), f"{_NO_OBJECT}, and is no YAML that can be read"))
    strange = [node for node in nodes if not (states_intents(node) or is_manifest(node))]
    left += (Note(FILE, str(node.origin), _NO_OBJECT) for node in strange)
    return tuple(node for node in nodes if node not in strange)


def serving(mirror: Mirror, also: Iterable[PortDemand]) -> Mirror:
    """Return the mirror with pods that serve further ports, and the notes that say so."""
    bundle, notes = with_extra_ports(mirror.bundle, also)
    pods = {pod.key: pod for pod in bundle.pods}
    workloads = tuple(replace(w, pod=pods[w.key]) for w in mirror.workloads)
    silent = {note for note in mirror.notes if note.text == _SILENT} - set(_silent(workloads))
    kept = tuple(note for note in mirror.notes if note not in silent)
    return replace(mirror, bundle=bundle, workloads=workloads, notes=kept + notes)


def _mirror(objects: MirrorObjects, intents: tuple[Node, ...], texts: Mapping[str, str]) -> Mirror:
    refuse_twins(objects.manifests)
    workloads = _told_apart(objects.workloads)
    services = tuple(service for service in objects.services if service.selector and service.ports)
    objects.notes += _undeployable(objects)
    namespaces, namespace_notes = _namespaces(objects, workloads)
    bundle = Bundle(
        namespaces,
        tuple(workload.pod for workload in workloads),
        services,
        tuple(objects.policies),
        tuple(_sent(objects.manifests, services)),
    )
    notes = (*objects.notes, *namespace_notes, *_silent(workloads), *_host_network(workloads))
    made = Mirror(
        bundle,
        workloads,
        notes,
        intents,
        texts,
        others=tuple(objects.others),
        overrulers=tuple(objects.overrulers),
        entrances=tuple(objects.entrances),
    )
    return serving(made, ())


def _told_apart(workloads: list[Workload]) -> tuple[Workload, ...]:
    """Give workloads of one name and different kinds the kind as the end of their name."""
    times = Counter(workload.key for workload in workloads)
    return tuple(
        replace(w, pod=replace(w.pod, name=f"{w.pod.name}-{w.kind.lower()}"))
        if times[w.key] > 1
        else w
        for w in workloads
    )


def _undeployable(objects: MirrorObjects) -> Iterator[Note]:
    for service in objects.services:
        if service.selector and service.ports:
            continue
        why = "no selector" if not service.selector else "no ports"
        text = f"not mirrored: it has {why}, so where it leads is not in the bundle"
        place = str(objects.places[service.key])
        yield Note(f"Service {service.key}", place, text)


def _sent(manifests: Iterable[Manifest], services: Iterable[Service]) -> Iterator[Manifest]:
    mirrored = {service.key for service in services}
    for one in manifests:
        service = one.kind == "Service" and f"{one.namespace}/{one.name}" in mirrored
        if service or one.kind in ("Namespace", "NetworkPolicy"):
            yield one


def _namespaces(
    objects: MirrorObjects, workloads: tuple[Workload, ...]
) -> tuple[tuple[Namespace, ...], list[Note]]:
    """Return the bundle's namespaces and those that it only names, with a note on each of these."""
    written = {namespace.name: namespace for namespace in objects.namespaces}
    first: dict[str, Origin] = {}
    values: list[Pod | NetworkPolicy | Service] = [workload.pod for workload in workloads]
    values += [*objects.policies, *objects.services]
    for value in values:
        if value.namespace not in written and value.namespace not in first:
            first[value.namespace] = _origin(value, objects, workloads)
    notes = []
    for name, origin in first.items():
        written[name] = Namespace(name, {NAMESPACE_NAME_LABEL: name})
        text = "is not in the bundle: it is mirrored with no labels but its name's"
        notes.append(Note(f"Namespace {name}", str(origin), text))
    return tuple(written.values()), notes


def _origin(
    value: Pod | NetworkPolicy | Service, objects: MirrorObjects, workloads: tuple[Workload, ...]
) -> Origin:
    if isinstance(value, NetworkPolicy):
        return value.origin
    if isinstance(value, Pod):
        return next(w.origin for w in workloads if w.pod is value)
    return objects.places[value.key]


def _silent(workloads: tuple[Workload, ...]) -> list[Note]:
    return [Note(f"{w.kind} {w.key}", str(w.origin), _SILENT) for w in workloads if not w.pod.ports]


def _host_network(workloads: tuple[Workload, ...]) -> list[Note]:
    text = (
        "uses hostNetwork: what policies do to it is not defined, and its ports are its node's, "
        "so they are probed where they are free"
    )
    return [Note(f"{w.kind} {w.key}", str(w.origin), text) for w in workloads if w.pod.host_network]


@dataclass(frozen=True, slots=True)
class PortDemand:
    """A port that pods (`namespace/name`) serve because somebody (`who`, at `place`) names it."""

    pods: frozenset[str]
    port: int
    protocol: Protocol
    who: str
    place: str


def with_extra_ports(
    bundle: Bundle, also: Iterable[PortDemand] = ()
) -> tuple[Bundle, tuple[Note, ...]]:
    """Return the bundle with every port served that something names, and a note for each."""
    extra: dict[str, dict[tuple[int, Protocol], PortDemand]] = {}
    pods = {pod.key: pod for pod in bundle.pods}
    there = Population(bundle.pods, matching.namespace_labels(bundle.namespaces))
    for wanted in (*_by_services(bundle, there), *_by_policies(bundle, there), *also):
        for key in sorted(wanted.pods):
            if not _serves(pods[key], wanted.port, wanted.protocol):
                extra.setdefault(key, {}).setdefault((wanted.port, wanted.protocol), wanted)
    notes = [
        Note(
            f"pod {key}",
            wanted.place,
            f"declares no {wanted.port}/{wanted.protocol}; it is served because {wanted.who} "
            "names it",
        )
        for key, added in extra.items()
        for wanted in added.values()
    ]
    grown = tuple(_grown(pod, extra.get(pod.key, {})) for pod in bundle.pods)
    return replace(bundle, pods=grown), tuple(notes)


def _grown(pod: Pod, extra: Iterable[tuple[int, Protocol]]) -> Pod:
    return replace(pod, ports=pod.ports + tuple(Port(n, p) for n, p in sorted(extra)))


def _serves(pod: Pod, number: int, protocol: Protocol) -> bool:
    return any(port.number == number and port.protocol is protocol for port in pod.ports)


def _by_services(bundle: Bundle, there: Population) -> Iterator[PortDemand]:
    places = {
        f"{one.namespace}/{one.name}": str(one.origin)
        for one in bundle.manifests
        if one.kind == "Service"
    }
    for service in bundle.services:
        behind = frozenset(pod.key for pod in there.behind(service))
        for port in service.ports:
            if isinstance(port.target, int):
                who, place = f"Service {service.key}", places[service.key]
                yield PortDemand(behind, port.target, port.protocol, who, place)


def _by_policies(bundle: Bundle, there: Population) -> Iterator[PortDemand]:
    for policy in bundle.policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                if any(isinstance(match.port, int) for match in rule.ports):
                    yield from _by_rule(policy, rule, there)


def _by_rule(policy: NetworkPolicy, rule: Rule, there: Population) -> Iterator[PortDemand]:
    """Yield the ports a rule names, for the pods it names as servers.

    An egress rule without peers names nobody, so no pod serves a port for its sake.
    """
    if rule.direction is Direction.INGRESS:
        servers = {pod.key: pod for pod in there.selected(policy)}
    else:
        peers = [peer for peer in rule.peers if isinstance(peer, PodPeer)]
        servers = {p.key: p for peer in peers for p in there.named(peer, policy.namespace)}
    for match in rule.ports:
        if isinstance(match.port, int):
            lacking = frozenset(k for k, pod in servers.items() if not matching.serves(pod, match))
            who = policy.rule_name(rule)
            yield PortDemand(lacking, match.port, match.protocol, who, str(match.origin))
