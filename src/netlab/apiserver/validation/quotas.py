"""Rules for ResourceQuota: limits that count objects are whole numbers."""

from __future__ import annotations

from netlab.apiserver.objects import Obj, at
from netlab.apiserver.quota import hard
from netlab.apiserver.validation import fields
from netlab.apiserver.validation.fields import Errors


def resource_quota(obj: Obj) -> Errors:
    """Check the limits of a quota."""
    said: Errors = []
    for key, value in hard(obj).items():
        if not value.isdigit():
            path, why = f"spec.hard[{key}]", "must be a whole number, not negative"
            said.append(fields.invalid(path, value, why))
    if at(obj, "spec", "scopes") or at(obj, "spec", "scopeSelector"):
        said.append(fields.forbidden("spec.scopes", "the lab's quotas have no scopes"))
    return said
