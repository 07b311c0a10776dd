"""Rules for a pod's ephemeral containers: some may be added, none changed or removed.

Source: ValidatePodEphemeralContainersUpdate in pkg/apis/core/validation of kubernetes/kubernetes.
"""

from __future__ import annotations

from netlab.apiserver.objects import Obj
from netlab.apiserver.validation import fields, pods
from netlab.apiserver.validation.fields import Errors

_PATH = "spec.ephemeralContainers"
_NOT_HERE = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


def none_on_create(obj: Obj) -> Errors:
    """Check that a new pod has no ephemeral containers."""
    if not (obj.get("spec") or {}).get("ephemeralContainers"):
        return []
    return [fields.forbidden(_PATH, "cannot be set on create")]


def ephemeral_update(new: Obj, old: Obj) -> Errors:
    """Check the ephemeral containers of a pod against those that it had, after defaulting."""
    spec = new["spec"]
    names = {c["name"] for kind in ("containers", "initContainers") for c in spec.get(kind) or []}
    said = pods.containers(spec, "ephemeralContainers", set(names))
    for index, container in enumerate(spec.get("ephemeralContainers") or []):
        said += _shape(container, f"{_PATH}[{index}]", names)
    return said + _kept(spec, old["spec"])


def _shape(container: Obj, path: str, names: set[str]) -> Errors:
    why = "cannot be set for an Ephemeral Container"
    said = [fields.forbidden(f"{path}.{key}", why) for key in _NOT_HERE if container.get(key)]
    target = container.get("targetContainerName")
    if target and target not in names:
        said.append(fields.not_found(f"{path}.targetContainerName", target))
    return said


def _kept(spec: Obj, before: Obj) -> Errors:
    now = {c.get("name"): c for c in spec.get("ephemeralContainers") or []}
    said: Errors = []
    for earlier in before.get("ephemeralContainers") or []:
        name = earlier["name"]
        if now.get(name) != earlier:
            what = "changed" if name in now else "removed"
            why = f'existing ephemeral containers "{name}" may not be {what}'
            said.append(fields.forbidden(_PATH, why))
    return said
