"""Questions about rights: access reviews, and who one is; pure.

Each function takes who asks, the review's spec and its namespace, and returns its status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netlab.apiserver import errors
from netlab.apiserver.access.attributes import Attributes
from netlab.apiserver.access.identity import User
from netlab.apiserver.access.rbac import Authorizer
from netlab.apiserver.objects import Obj

Answer = Callable[[Authorizer, User, Obj, str], Obj]


def _self_access(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    del namespace
    return _decision(authorizer, user, spec)


def _access(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    del user, namespace
    if not spec.get("user") and not spec.get("groups"):
        raise errors.bad_request("spec.user: at least one of user or group must be specified")
    subject = User(
        spec.get("user", ""), tuple(spec.get("groups") or ()), str(spec.get("uid") or "")
    )
    return _decision(authorizer, subject, spec)


def _local_access(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    asked = (spec.get("resourceAttributes") or {}).get("namespace", "")
    if asked != namespace:
        raise errors.bad_request(
            f"spec.resourceAttributes.namespace must match namespace: {namespace}"
        )
    return _access(authorizer, user, spec, namespace)


def _self_rules(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    del namespace
    if not spec.get("namespace"):
        raise errors.bad_request("no namespace on request")
    rules, missing = authorizer.rules(user, spec["namespace"])
    said = {"evaluationError": missing} if missing else {}
    return {
        "resourceRules": [rule for rule in rules if rule.get("resources")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": bool(missing),
        **said,
    }


def _who(authorizer: Authorizer, user: User, spec: Obj, namespace: str) -> Obj:
    del authorizer, spec, namespace
    info: Obj = {"username": user.name, "groups": list(user.groups)}
    return {"userInfo": info | ({"uid": user.uid} if user.uid else {})}


ANSWERS: Mapping[str, Answer] = {
    "localsubjectaccessreviews": _local_access,
    "selfsubjectaccessreviews": _self_access,
    "selfsubjectreviews": _who,
    "selfsubjectrulesreviews": _self_rules,
    "subjectaccessreviews": _access,
}
"""The kinds that are questions, with those who answer them."""


def _decision(authorizer: Authorizer, user: User, spec: Obj) -> Obj:
    decision = authorizer.decide(user, _asked(spec))
    said = {"reason": decision.reason} if decision.reason else {}
    return {"allowed": decision.allowed, **said}


def _asked(spec: Obj) -> Attributes:
    resource, plain = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(resource) == bool(plain):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise errors.bad_request(why)
    if plain:
        return Attributes(verb=str(plain.get("verb", "")), path=str(plain.get("path", "")))
    keys = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(**{key: str((resource or {}).get(key) or "") for key in keys})
