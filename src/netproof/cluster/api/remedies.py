"""What to do about the refusals of somebody's cluster: quotas, limits, admission. Pure.

The API server's own words stay; these are the words after them.
"""

from __future__ import annotations

import re

_REMEDIES = (
    (
        r"must specify (limits|requests)",
        "a ResourceQuota asks for them: pass --pod-resource cpu=50m --pod-resource memory=64Mi",
    ),
    (r"exceeded quota", "a ResourceQuota is full: have it raised, or run with fewer test workers"),
    (
        r"(maximum|minimum) (cpu|memory|ephemeral-storage) usage",
        "a LimitRange is in force: pass --pod-resource cpu=... --pod-resource memory=... within it",
    ),
    (
        r"violates PodSecurity",
        "probe pods pass the level restricted; only the host agents of a run ask for more",
    ),
    (
        r"admission webhook .* denied|ValidatingAdmissionPolicy .* denied|denied the request",
        "an admission rule of this cluster refuses it: have the namespaces np-* exempted",
    ),
    (r"is forbidden: User ", "a right is missing: `netproof rbac` prints what is needed"),
)


def remedy(message: str) -> str:
    """Return what to do about a refusal, "" where nothing is known."""
    return next((text for pattern, text in _REMEDIES if re.search(pattern, message)), "")


def with_remedy(message: str) -> str:
    """Return the message with what to do about it, where that is known."""
    text = remedy(message)
    return f"{message}; {text}" if text else message
