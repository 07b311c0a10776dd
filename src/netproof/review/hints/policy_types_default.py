"""policyTypes left out with an empty `egress`: nothing of egress is denied.

NetworkPolicySpec.policyTypes defaults to Ingress, and to Egress as well only where there are
egress rules; an empty list is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.review import Hint, Severity
from netproof.review.hints.look import Look

NAME = "policy-types-default"


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each policy that writes `egress` without a rule and no policyTypes."""
    specs = {
        f"{manifest.namespace}/{manifest.name}": manifest.raw.get("spec") or {}
        for manifest in look.world.mirror.bundle.manifests
        if manifest.kind == "NetworkPolicy"
    }
    for policy in look.world.policies:
        spec = specs.get(policy.key, {})
        if "egress" in spec and not spec["egress"] and not spec.get("policyTypes"):
            yield Hint(
                NAME,
                Severity.WARNING,
                str(policy.origin),
                policy.key,
                "`egress` is empty and policyTypes is not written, so the policy is for ingress "
                "only and denies no egress",
                "add policyTypes: [Ingress, Egress]",
            )
