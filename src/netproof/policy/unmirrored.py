"""Objects of a bundle that no probe pod stands for: each is told with its place and the reason.

Must not know: what is mirrored, and how; that is `mirror`.
"""

from __future__ import annotations

from collections.abc import Mapping

from netproof.model.review import Note
from netproof.policy.fields import Field
from netproof.policy.templates import CONTROLLERS

_OTHER_POLICIES = (
    "it may change who reaches whom, and netproof reads networking.k8s.io/v1 NetworkPolicy only"
)
_NO_PACKETS = "no packet meets it"
_ENTRANCE = "it is the work of its controller, whose pods count like any others"

_WHY: Mapping[str, str] = {
    "Ingress": _ENTRANCE,
    "Gateway": _ENTRANCE,
    "HTTPRoute": _ENTRANCE,
    "CustomResourceDefinition": "it defines a kind, and what kinds do is for their operators",
    "ReplicationController": "write a Deployment in its place",
}
_CORE_GROUPS = ("", "apps", "batch", "autoscaling", "policy", "rbac.authorization.k8s.io")


def note(root: Field, kind: str, version: str, namespace: str) -> Note:
    """Return the note on an object that is not mirrored; `namespace` is for those without one."""
    metadata = root.child("metadata")
    name = metadata.child("name").text() or metadata.child("generateName").text() or "(no name)"
    own = metadata.child("namespace").text() or namespace
    if kind in CONTROLLERS:
        why = f"its apiVersion is {version}, and {CONTROLLERS[kind].api_version} is mirrored"
    elif kind.endswith("NetworkPolicy"):
        why = _OTHER_POLICIES
    else:
        foreign = "" if group(version) in _CORE_GROUPS else "; if it makes pods, add those as Pods"
        why = _WHY.get(kind, _NO_PACKETS + foreign)
    return Note(f"{kind} {own}/{name}", str(root.origin), f"not mirrored: {why}")


def group(version: str) -> str:
    """Return the API group of an `apiVersion`, "" for the core group."""
    return version.partition("/")[0] if "/" in version else ""
