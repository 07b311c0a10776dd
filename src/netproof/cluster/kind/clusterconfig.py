"""kind's cluster config: read, fitted to an IP family, checked against the CNI it is for.

Pure but for reading the file. kind reads it itself, and strictly; looked at here is only what
would else bite late.
Source: kind's pkg/apis/config/v1alpha4/types.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netproof.cluster.profiles.declaration import IpFamily
from netproof.cluster.profiles.profile import Profile
from netproof.errors import UsageError
from netproof.policy.document import plain, read_documents
from netproof.policy.sources import decode

Obj = dict[str, Any]

VERSION = "kind.x-k8s.io/v1alpha4"

DIGEST = re.compile("@sha256:[0-9a-f]{64}$")
"""What an image's name ends with that says what is in it (OCI image-spec, descriptor)."""

DEFAULT_SUBNETS = {
    "podSubnet": {"v4": "10.244.0.0/16", "v6": "fd00:10:244::/56"},
    "serviceSubnet": {"v4": "10.96.0.0/16", "v6": "fd00:10:96::/112"},
}
"""kind's own, for a family that the config has no subnet of."""


def read(file: Path) -> Obj:
    """Return the cluster config in a file; raise UsageError or PolicyError where it is none."""
    try:
        documents = read_documents(decode(file.read_bytes(), str(file)), str(file))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; name a kind cluster config") from error
    found = [plain(document) for document in documents]
    if len(found) != 1 or not isinstance(found[0], Mapping):
        raise UsageError(f"{file}:1: is no kind cluster config: one mapping is wanted")
    config = dict(found[0])
    if (config.get("kind"), config.get("apiVersion")) != ("Cluster", VERSION):
        raise UsageError(
            f"{file}:1: is no kind cluster config: kind Cluster of {VERSION} is wanted"
        )
    return config


def images_of(config: Obj) -> tuple[str, ...]:
    """Return the node images that a config names, each once; without one kind has its own."""
    nodes = [node for node in config.get("nodes") or () if isinstance(node, Mapping)]
    return tuple(dict.fromkeys(str(n["image"]) for n in nodes if n.get("image")))


def with_image(config: Obj, image: str) -> Obj:
    """Return the config with one image for all of its nodes."""
    nodes = config.get("nodes") or [{"role": "control-plane"}]
    return {**config, "nodes": [{**node, "image": image} for node in nodes]}


def family_of(config: Obj) -> IpFamily:
    """Return the IP family of a config (kind's default is ipv4)."""
    return IpFamily(config.get("networking", {}).get("ipFamily") or IpFamily.IPV4)


def fitted(config: Obj, family: IpFamily) -> Obj:
    """Return the config with the subnets of that family, its own ones kept."""
    networking = dict(config.get("networking") or {})
    for key, defaults in DEFAULT_SUBNETS.items():
        networking[key] = _subnets(networking.get(key, ""), family, defaults)
    return {**config, "networking": {**networking, "ipFamily": str(family)}}


def _subnets(given: str, family: IpFamily, defaults: Mapping[str, str]) -> str:
    own = {"v6" if ":" in net else "v4": net.strip() for net in given.split(",") if net.strip()}
    wanted = {IpFamily.IPV4: ("v4",), IpFamily.IPV6: ("v6",), IpFamily.DUAL: ("v4", "v6")}[family]
    return ",".join(own.get(key, defaults[key]) for key in wanted)


def check(config: Obj, profile: Profile, file: Path) -> None:
    """Raise UsageError where a config and a CNI do not go together."""
    family = family_of(config)
    if family not in profile.families:
        listed = ", ".join(profile.families)
        raise UsageError(f"{profile.title} is set up here for {listed}, not for {family}")
    disabled = bool((config.get("networking") or {}).get("disableDefaultCNI"))
    if disabled != bool(profile.install):
        wanted = "true, for" if profile.install else "false, for it comes with kind and is"
        raise UsageError(f"{file}: networking.disableDefaultCNI has to be {wanted} {profile.title}")


def refuse_unverified(config: Obj, file: Path) -> None:
    """Raise UsageError where a node's image is not named by its digest.

    A node that names none gets kind's own, which kind names by digest.
    """
    loose = next((image for image in images_of(config) if not DIGEST.search(image)), "")
    if loose:
        raise UsageError(
            f"{file}: --require-verified: the node image {loose} has no digest; write "
            f"{loose}@sha256:..., as the release notes of kind list it"
        )


def render(config: Obj) -> str:
    """Return the config as a text that kind reads: JSON is YAML."""
    return json.dumps(config, indent=2) + "\n"
