"""The two gates: who may send a request, and what its writer may give away.

Nobody gives away rights that they do not have: roles and bindings are checked against their
writer. Source: pkg/registry/rbac/{role,rolebinding,...}/policybased in kubernetes/kubernetes.
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
from netlab.objects.obj import Obj
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


class EscalationGuard:
    """Checks what is to be written of RBAC."""

    def __init__(self, store: Store, authorizer: Authorizer) -> None:
        """Look roles up in a store and rights at an authorizer."""
        self._store = store
        self._authorizer = authorizer

    def check(self, user: User, resource: ServedKind, obj: Obj) -> None:
        """Raise ApiError (Forbidden) where an object gives rights that its writer has not.

        Others than roles and bindings give none. The verbs `escalate` on roles and `bind` on what
        is bound lift the rule.
        """
        if resource.group != RBAC_GROUP or MASTERS in user.groups:
            return
        namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
        lifted, rules = self._given(resource, obj, namespace)
        old = self._store.find(resource.plural, namespace or None, name)
        if old is not None and _granting_fields(old) == _granting_fields(obj):
            return
        if self._authorizer.decide(user, lifted).allowed:
            return
        own, _ = self._authorizer.rules(user, namespace)
        lacking = [part for rule in rules for part in _lacking_rights(rule, own)]
        if lacking:
            groups = " ".join(f'"{group}"' for group in user.groups)
            listed = "\n".join(_described_right(part) for part in lacking)
            why = (
                f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions '
                f"not currently held:\n{listed}"
            )
            raise apierrors.forbidden(resource, name, why)

    def _given(
        self, resource: ServedKind, obj: Obj, namespace: str
    ) -> tuple[Attributes, Sequence[Obj]]:
        """Return the right that lifts the rule, and the rules that an object gives."""
        if resource.plural in _ROLES:
            rules = _EVERYTHING if obj.get("aggregationRule") else obj.get("rules") or ()
            return _right("escalate", resource.plural, obj["metadata"]["name"], namespace), rules
        ref = obj["roleRef"]
        plural = "roles" if ref["kind"] == "Role" else "clusterroles"
        inside = namespace if plural == "roles" else None
        right = _right("bind", plural, ref["name"], namespace)
        return right, self._store.get(plural, inside, ref["name"]).get("rules") or ()


def _right(verb: str, plural: str, name: str, namespace: str) -> Attributes:
    return Attributes(verb=verb, group=RBAC_GROUP, resource=plural, name=name, namespace=namespace)


def _granting_fields(obj: Obj) -> tuple[object, ...]:
    return tuple(obj.get(key) for key in ("rules", "aggregationRule", "roleRef", "subjects"))


def _lacking_rights(rule: Obj, own: Sequence[Obj]) -> Iterator[Attributes]:
    """Yield the single rights in a rule that are in none of one's own."""
    for part in _single_rights(rule):
        if not any(is_covered(own_rule, part) for own_rule in own):
            yield part


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
