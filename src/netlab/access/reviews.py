"""Questions about rights: access reviews, and who one is; pure.

Each function takes who asks, the review's spec and its namespace, and returns its status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netlab.access.attributes import Attributes
from netlab.access.authorization import Authorizer
from netlab.access.users import User
from netlab.objects import apierrors
from netlab.objects.obj import Obj

ReviewFunction = Callable[[Authorizer, User, Obj, str], Obj]


def _self_access(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    del namespace
    return _decision(authorizer, user, spec)


def _access(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    del user, namespace
    if not spec.get("user") and not spec.get("groups"):
        raise apierrors.bad_request("spec.user: at least one of user or group must be specified")
    subject = User(
        spec.get("user", ""), tuple(spec.get("groups") or ()), str(spec.get("uid") or "")
    )
    return _decision(authorizer, subject, spec)


def _local_access(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    asked = (spec.get("resourceAttributes") or {}).get("namespace", "")
    if asked != namespace:
        raise apierrors.bad_request(
            f"spec.resourceAttributes.namespace must match namespace: {namespace}"
        )
    return _access(authorizer, user, spec, namespace)


def _self_rules(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    del namespace
    if not spec.get("namespace"):
        raise apierrors.bad_request("no namespace on request")
    rules, missing = authorizer.rules(user, spec["namespace"])
    error_fields = {"evaluationError": missing} if missing else {}
    return {
        "resourceRules": [rule for rule in rules if rule.get("resources")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": bool(missing),
        **error_fields,
    }


def _self_review(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    del authorizer, spec, namespace
    info: Obj = {"username": user.name, "groups": list(user.groups)}
    info |= {"uid": user.uid} if user.uid else {}
    extra: dict[str, list[str]] = {}
    for key, value in user.extra:
        extra.setdefault(key, []).append(value)
    return {"userInfo": info | ({"extra": extra} if extra else {})}


REVIEWS: Mapping[str, ReviewFunction] = {
    "localsubjectaccessreviews": _local_access,
    "selfsubjectaccessreviews": _self_access,
    "selfsubjectreviews": _self_review,
    "selfsubjectrulesreviews": _self_rules,
    "subjectaccessreviews": _access,
}
"""The kinds that are questions, with those who answer them."""


def _decision(authorizer: Authorizer, user: User, spec: Obj) -> Obj:
    decision = authorizer.decide(user, _reviewed_attributes(spec))
    reason_fields = {"reason": decision.reason} if decision.reason else {}
    return {"allowed": decision.allowed, **reason_fields}


def _reviewed_attributes(spec: Obj) -> Attributes:
    resource, plain = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(resource) == bool(plain):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise apierrors.bad_request(why)
    if plain:
        return Attributes(verb=str(plain.get("verb", "")), path=str(plain.get("path", "")))
    keys = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(**{key: str((resource or {}).get(key) or "") for key in keys})
