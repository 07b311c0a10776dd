"""The two gates: who may send a request, and what its writer may give away.

Nobody gives away rights that they do not have: roles and bindings are checked against their
writer. Sources in kubernetes/kubernetes: pkg/registry/rbac/{clusterrole,...}/policybased and
escalation_check.go; k8s.io/component-helpers auth/rbac/validation/policy_comparator.go; for
creations by patch k8s.io/apiserver pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netlab.access import authentication
from netlab.access.attributes import Attributes, is_covered, refusal
from netlab.access.authentication import Authenticator
from netlab.access.authorization import Authorizer
from netlab.access.users import MASTERS, RequestHeaders, User
from netlab.objects import apierrors
from netlab.objects.kinds import RBAC_GROUP, STREAMS, ServedKind
from netlab.objects.obj import Obj, at
from netlab.objects.store import Store


class AccessGate:
    """Authentication, impersonation and authorization in one."""

    def __init__(
        self, authenticator: Authenticator, authorizer: Authorizer, *, get_opens_streams: bool
    ) -> None:
        """Know who may what.

        `get_opens_streams` leaves out the second check of `admit`, as servers before 1.35 do.
        """
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._get_opens_streams = get_opens_streams

    def identify(self, headers: RequestHeaders) -> User:
        """Return as whom a request acts; raise ApiError (Unauthorized, Forbidden)."""
        user = self._authenticator.authenticate(headers)
        impersonation = authentication.impersonation_of(headers)
        if impersonation is None:
            return user
        for right in impersonation.rights():
            self.check(user, right)
        return impersonation.granted()

    def admit(self, user: User, asked: Attributes) -> None:
        """Raise ApiError (Forbidden) where a user may not do what a request asks.

        A WebSocket is opened by GET, which is the verb `get`, although what follows is as much a
        creation as the POST of older clients: streams need `create` in any case.
        """
        self.check(user, asked)
        if asked.subresource in STREAMS and not self._get_opens_streams:
            self.check(user, replace(asked, verb="create"))

    def check(self, user: User, asked: Attributes) -> None:
        """Raise ApiError (Forbidden) where a user may not do one thing."""
        decision = self._authorizer.decide(user, asked)
        if not decision.allowed:
            raise refusal(user, asked, decision.reason)


_ROLES = frozenset({"clusterroles", "roles"})
_EVERYTHING: Sequence[Obj] = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)

_COLLECTORS = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")
"""Metadata that the garbage collector writes: a change of nothing else gives nobody anything."""

MAX_COMPARISONS = 1_000_000
"""Single rights times own rules; the API server has no limit and takes minutes for a large role."""

_LISTED = 50
"""Lacking rights that a refusal names."""


class EscalationGuard:
    """Checks what is to be written: a creation by patch, and everything of RBAC."""

    def __init__(self, store: Store, authorizer: Authorizer) -> None:
        """Look roles up in a store and rights at an authorizer."""
        self._store = store
        self._authorizer = authorizer

    def check(
        self, user: User, asked: Attributes, resource: ServedKind, new: Obj, old: Obj | None
    ) -> None:
        """Raise ApiError (Forbidden) where a write gives rights that its writer has not.

        `asked` is the request, `old` what is replaced. Of RBAC the whole new object is looked at,
        whatever part of it changes: a label alone makes a role part of another. The verbs
        `escalate` on roles and `bind` on what is bound lift the rule.
        """
        if old is None and asked.verb == "patch":
            self._check_creation(user, replace(asked, verb="create"))
        if resource.group != RBAC_GROUP or MASTERS in user.groups:
            return
        if old is not None and _without_collectors(new) == _without_collectors(old):
            return
        if resource.plural in _ROLES:
            if not self._authorizer.decide(user, replace(asked, verb="escalate")).allowed:
                self._check_role(user, resource, new, old)
        else:
            self._check_binding(user, resource, new)

    def _check_creation(self, user: User, creation: Attributes) -> None:
        decision = self._authorizer.decide(user, creation)
        if not decision.allowed:
            raise refusal(user, creation, decision.reason)

    def _check_role(self, user: User, resource: ServedKind, new: Obj, old: Obj | None) -> None:
        self._check_rules(user, resource, new, new.get("rules") or ())
        if not any(at(role, *_SELECTORS) for role in (new, old)):
            return
        own, _ = self._authorizer.rules(user, "")
        if any(_lacking_rights(_EVERYTHING, own)):
            why = "must have cluster-admin privileges to use the aggregationRule"
            raise apierrors.forbidden(resource, new["metadata"]["name"], why)

    def _check_binding(self, user: User, resource: ServedKind, new: Obj) -> None:
        ref, namespace = new["roleRef"], new["metadata"].get("namespace", "")
        plural = "roles" if ref["kind"] == "Role" else "clusterroles"
        right = Attributes("bind", RBAC_GROUP, plural, namespace=namespace, name=ref["name"])
        if self._authorizer.decide(user, right).allowed:
            return
        role = self._store.get(plural, namespace if plural == "roles" else None, ref["name"])
        self._check_rules(user, resource, new, role.get("rules") or ())

    def _check_rules(
        self, user: User, resource: ServedKind, new: Obj, rules: Sequence[Obj]
    ) -> None:
        """Raise ApiError (Forbidden) where a user lacks something that rules allow."""
        meta = new["metadata"]
        own, unread = self._authorizer.rules(user, meta.get("namespace", ""))
        if sum(map(_rights_in, rules)) * len(own) > MAX_COMPARISONS:
            why = "too many single rights to compare with those of its writer: write smaller roles"
            raise apierrors.forbidden(resource, meta["name"], why)
        lacking = list(_lacking_rights(rules, own))
        if not lacking:
            return
        groups = " ".join(f'"{group}"' for group in user.groups)
        listed = "\n".join(_described_right(part) for part in lacking[:_LISTED])
        why = (
            f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions '
            f"not currently held:\n{listed}"
        )
        if len(lacking) > _LISTED:
            why += f"\nand {len(lacking) - _LISTED} more"
        if unread:
            why += f"; resolution errors: [{unread}]"
        raise apierrors.forbidden(resource, meta["name"], why)


_SELECTORS = ("aggregationRule", "clusterRoleSelectors")


def _without_collectors(obj: Obj) -> Obj:
    meta = {key: value for key, value in obj["metadata"].items() if key not in _COLLECTORS}
    return {**obj, "metadata": meta}


def _lacking_rights(rules: Sequence[Obj], own: Sequence[Obj]) -> Iterator[Attributes]:
    """Yield the single rights in rules that are in none of one's own."""
    for rule in rules:
        for part in _single_rights(rule):
            if not any(is_covered(own_rule, part) for own_rule in own):
                yield part


def _rights_in(rule: Obj) -> int:
    """Return how many single rights a rule has."""
    verbs, urls, groups, resources, names = (
        len(rule.get(key) or ())
        for key in ("verbs", "nonResourceURLs", "apiGroups", "resources", "resourceNames")
    )
    return verbs * (urls + groups * resources * max(1, names))


def _single_rights(rule: Obj) -> Iterator[Attributes]:
    for verb in rule.get("verbs") or ():
        for url in rule.get("nonResourceURLs") or ():
            yield Attributes(verb=verb, path=url)
        for group in rule.get("apiGroups") or ():
            for whole in rule.get("resources") or ():
                resource, _, subresource = whole.partition("/")
                for name in rule.get("resourceNames") or ("",):
                    yield Attributes(verb, group, resource, subresource, name=name)


def _described_right(part: Attributes) -> str:
    if part.path:
        return f'{{NonResourceURLs:["{part.path}"], Verbs:["{part.verb}"]}}'
    named = f'ResourceNames:["{part.name}"], ' if part.name else ""
    return (
        f'{{APIGroups:["{part.group}"], Resources:["{part.whole_resource}"], '
        f'{named}Verbs:["{part.verb}"]}}'
    )
