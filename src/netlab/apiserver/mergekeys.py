"""Which lists merge by which key, as the patchMergeKey and listMapKey tags of k8s.io/api say.

The first key is strategic merge patch's, all of them together are server-side apply's. A list that
is not named here is atomic: NetworkPolicy's rules, peers and ports, for instance.
"""

from __future__ import annotations

_CONTAINER_LISTS = {
    "ports": ("containerPort", "protocol"),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
}

_COMMON = {
    "metadata.ownerReferences": ("uid",),
    "status.conditions": ("type",),
}

_BY_KIND: dict[str, dict[str, tuple[str, ...]]] = {
    "pods": {
        "spec.containers": ("name",),
        "spec.initContainers": ("name",),
        "spec.ephemeralContainers": ("name",),
        "spec.volumes": ("name",),
        "spec.imagePullSecrets": ("name",),
        "spec.hostAliases": ("ip",),
        "spec.topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
        "status.podIPs": ("ip",),
        "status.hostIPs": ("ip",),
        **{
            f"spec.{containers}.{name}": keys
            for containers in ("containers", "initContainers", "ephemeralContainers")
            for name, keys in _CONTAINER_LISTS.items()
        },
    },
    "services": {"spec.ports": ("port", "protocol")},
    "nodes": {"spec.taints": ("key", "effect"), "status.addresses": ("type", "address")},
    "serviceaccounts": {"secrets": ("name",), "imagePullSecrets": ("name",)},
}

SETS = frozenset({("", "metadata.finalizers"), ("nodes", "spec.podCIDRs")})
"""Lists of plain values that merge as sets; a kind of "" is every kind."""

DEFAULTS = {"protocol": "TCP"}
"""What a key that is left out stands for."""


def merge_key(plural: str, path: str) -> tuple[str, ...]:
    """Return the keys of the list at a path such as spec.containers.env, () for an atomic one."""
    return _BY_KIND.get(plural, {}).get(path, _COMMON.get(path, ()))
