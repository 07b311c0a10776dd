"""Files or text -> everything a bundle holds, in the order it is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from netproof.errors import PolicyError
from netproof.model.workload import Namespace, Pod, Service
from netproof.policy.document import Node, read_documents
from netproof.policy.fields import Field
from netproof.policy.manifest import KINDS, Manifest, Value, kind_of, read_manifest
from netproof.policy.networkpolicy import NetworkPolicy
from netproof.policy.sources import STDIN, decode, read_texts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's objects, as values and as the manifests to send to a cluster."""

    namespaces: tuple[Namespace, ...] = ()
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    policies: tuple[NetworkPolicy, ...] = ()
    manifests: tuple[Manifest, ...] = ()


def load_bundle(
    paths: Sequence[Path] | Path,
    *,
    stdin: str | bytes | None = None,
    default_namespace: str = "default",
) -> Bundle:
    """Read a bundle from files and directories; the path `-` stands for the text in `stdin`.

    Directories are read with all below them, as `kubectl apply -R -f` does. Objects of a
    namespaced kind that name no namespace go to `default_namespace`.
    Raises UsageError where a path is not there, PolicyError for whatever cannot be read or would
    be refused by the API server.
    """
    several = [paths] if isinstance(paths, Path) else paths
    return _bundle(read_texts(several, stdin), default_namespace)


def load_text(text: str, name: str = STDIN, *, default_namespace: str = "default") -> Bundle:
    """Read a bundle from a text; `name` stands for the file in places. Raises PolicyError."""
    return _bundle([(name, decode(text, name))], default_namespace)


def check_namespaces(bundle: Bundle, known: Collection[str]) -> None:
    """Raise PolicyError for an object in a namespace that is neither in the bundle nor known."""
    names = {namespace.name for namespace in bundle.namespaces} | set(known)
    for manifest in bundle.manifests:
        if manifest.namespace and manifest.namespace not in names:
            raise PolicyError(
                str(manifest.origin),
                f"{manifest}: there is no namespace {manifest.namespace}; add a Namespace of that "
                f"name to the bundle (there are: {', '.join(sorted(names)) or 'none'})",
            )


def _bundle(texts: Iterable[tuple[str, str]], default_namespace: str) -> Bundle:
    read = [
        read_manifest(node, default_namespace)
        for name, text in texts
        for node in _objects(text, name)
    ]
    manifests = tuple(manifest for manifest, _ in read)
    refuse_twins(manifests)
    values = [value for _, value in read]
    return Bundle(
        tuple(_of(Namespace, values)),
        tuple(_of(Pod, values)),
        tuple(_of(Service, values)),
        tuple(_of(NetworkPolicy, values)),
        manifests,
    )


def _of(kind: type[T], values: list[Value]) -> Iterator[T]:
    return (value for value in values if isinstance(value, kind))


def _objects(text: str, name: str) -> list[Node]:
    objects = [node for document in read_documents(text, name) for node in unpack(document)]
    if not objects:
        raise PolicyError(name, f"holds no object; write a {' or '.join(KINDS)}, or remove it")
    return objects


def unpack(node: Node) -> Iterator[Node]:
    """Yield the items of a list, and anything else as it is, as kubectl does.

    A list is whatever has `items`, also a NetworkPolicyList, whose items need not say what they
    are (k8s.io/apimachinery/pkg/apis/meta/v1/unstructured). Raises PolicyError for a document that
    is no Kubernetes object.
    """
    kind, root = kind_of(node), Field.root(node)
    items = root.child("items")
    if kind != "List" and not (items.node and isinstance(items.node.value, tuple)):
        yield node
        return
    for item in items.items():
        if item.node is not None:
            yield from unpack(_typed(item.node, node, kind))
    if root.problems:
        raise PolicyError(str(root.problems[0].origin), f"{kind}: {root.problems[0]}")


def _typed(item: Node, of: Node, kind: str) -> Node:
    """Return an item of a list with the kind and version that its list gives it, if it has none."""
    if kind == "List" or not isinstance(item.value, Mapping) or not isinstance(of.value, Mapping):
        return item
    own = Node(kind.removesuffix("List"), item.origin)
    given = {"apiVersion": of.value["apiVersion"], "kind": own, **item.value}
    places = dict.fromkeys(given, item.origin) | dict(item.keys)
    return Node(given, item.origin, places)


def refuse_twins(manifests: Iterable[Manifest]) -> None:
    """Raise PolicyError where an object is there twice."""
    first: dict[tuple[str, str, str], Manifest] = {}
    for manifest in manifests:
        other = first.setdefault((manifest.kind, manifest.namespace, manifest.name), manifest)
        if other is not manifest:
            raise PolicyError(
                str(manifest.origin),
                f"{manifest} is in the bundle twice, first at {other.origin}; the later one would "
                "replace the earlier, so rename or remove one",
            )
