"""Rules for roles and bindings.

Source: pkg/apis/rbac/validation in kubernetes/kubernetes.
"""

from __future__ import annotations

from netlab.apiserver.objects import Obj
from netlab.apiserver.validation import fields, meta, names
from netlab.apiserver.validation.fields import Errors

GROUP = "rbac.authorization.k8s.io"


def role(obj: Obj) -> Errors:
    """Check the rules of a Role."""
    return _rules(obj, namespaced=True)


def cluster_role(obj: Obj) -> Errors:
    """Check the rules of a ClusterRole and whom it aggregates."""
    said = _rules(obj, namespaced=False)
    rule = obj.get("aggregationRule")
    if rule is None:
        return said
    selectors = rule.get("clusterRoleSelectors") or []
    path = "aggregationRule.clusterRoleSelectors"
    if not selectors:
        said.append(fields.required(path, "at least one clusterRoleSelector required"))
    for index, selector in enumerate(selectors):
        said += meta.label_selector(selector, f"{path}[{index}]")
    return said


def role_binding(obj: Obj) -> Errors:
    """Check what a RoleBinding binds."""
    return _role_ref(obj, ("Role", "ClusterRole")) + _subjects(obj, namespaced=True)


def cluster_role_binding(obj: Obj) -> Errors:
    """Check what a ClusterRoleBinding binds."""
    return _role_ref(obj, ("ClusterRole",)) + _subjects(obj, namespaced=False)


def binding_update(new: Obj, old: Obj) -> Errors:
    """Check that a binding stays one to the same role."""
    if new.get("roleRef") == old.get("roleRef"):
        return []
    return [fields.invalid("roleRef", new.get("roleRef"), "cannot change roleRef")]


def _rules(obj: Obj, *, namespaced: bool) -> Errors:
    said: Errors = []
    for index, rule in enumerate(obj.get("rules") or []):
        said += _rule(rule, f"rules[{index}]", namespaced=namespaced)
    return said


def _rule(rule: Obj, path: str, *, namespaced: bool) -> Errors:
    said: Errors = []
    if not rule.get("verbs"):
        said.append(fields.required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        why = ""
        if namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
        elif any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
            why = "rules cannot apply to both regular resources and non-resource URLs"
        if why:
            said.append(fields.invalid(f"{path}.nonResourceURLs", urls, why))
        return said
    for key, what in (("apiGroups", "api group"), ("resources", "resource")):
        if not rule.get(key):
            why = f"resource rules must supply at least one {what}"
            said.append(fields.required(f"{path}.{key}", why))
    return said


def _role_ref(obj: Obj, kinds: tuple[str, ...]) -> Errors:
    ref = obj.get("roleRef") or {}
    said: Errors = []
    if ref.get("apiGroup") != GROUP:
        said.append(fields.not_supported("roleRef.apiGroup", ref.get("apiGroup", ""), (GROUP,)))
    if ref.get("kind") not in kinds:
        said.append(fields.not_supported("roleRef.kind", ref.get("kind", ""), kinds))
    name = ref.get("name", "")
    if not name:
        return [*said, fields.required("roleRef.name")]
    return said + fields.all_invalid("roleRef.name", name, names.path_segment(name))


def _subjects(obj: Obj, *, namespaced: bool) -> Errors:
    said: Errors = []
    for index, subject in enumerate(obj.get("subjects") or []):
        said += _subject(subject, f"subjects[{index}]", namespaced=namespaced)
    return said


_SUBJECT_KINDS = ("ServiceAccount", "User", "Group")


def _subject(subject: Obj, path: str, *, namespaced: bool) -> Errors:
    kind, name = subject.get("kind", ""), subject.get("name", "")
    said: Errors = [] if name else [fields.required(f"{path}.name")]
    if kind not in _SUBJECT_KINDS:
        return [*said, fields.not_supported(f"{path}.kind", kind, _SUBJECT_KINDS)]
    group = "" if kind == "ServiceAccount" else GROUP
    if subject.get("apiGroup", "") != group:
        said.append(fields.not_supported(f"{path}.apiGroup", subject.get("apiGroup"), (group,)))
    if kind == "ServiceAccount":
        if name:
            said += fields.all_invalid(f"{path}.name", name, names.dns_subdomain(name))
        if not namespaced and not subject.get("namespace"):
            said.append(fields.required(f"{path}.namespace"))
    return said
