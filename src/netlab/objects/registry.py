"""What a write goes through before it is stored: decoding, admission, defaults, validation.

The verbs of the API without HTTP; whoever writes objects inside the lab as a client would may call
them too. Raises ApiError; one that is raised has changed nothing.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netlab.objects import apierrors, kindrules
from netlab.objects.admission import admit_namespace, admit_one_more
from netlab.objects.applying import server_side_apply
from netlab.objects.corerules import ephemeral_update_rules
from netlab.objects.decoding import DecodedObject, decode_object
from netlab.objects.defaults import apply_defaults, carry_over, prepare_new
from netlab.objects.kinds import ServedKind
from netlab.objects.limits import MAX_OBJECT, MAX_STORED, check_value, written_size
from netlab.objects.obj import Obj, clone, has_ended
from netlab.objects.servicekind import ServiceAllocator
from netlab.objects.store import Store, now

# No vowels and nothing that looks like another sign: suffixes spell no words.
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


Admission = Callable[[Obj, Obj | None], None]
"""Looks at an object that is complete and valid, and at the one that it replaces; may raise."""


def admit_all(new: Obj, old: Obj | None) -> None:
    """Let every write through."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """The query parameters of a write (`strictness` is fieldValidation), and who admits it."""

    dry_run: bool = False
    manager: str = ""
    strictness: str = "Warn"
    admit: Admission = admit_all


@dataclass(frozen=True, slots=True)
class WriteResult:
    """An object as stored (or as it would be), the unknown fields it lost, whether it is new."""

    object: Obj
    unknown: tuple[str, ...] = ()
    created: bool = False


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """The body of a deletion; grace is in seconds, None is the object's own."""

    grace_s: int | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False


PERMANENT = frozenset({"default", "kube-system", "kube-public"})
"""Namespaces that cannot be deleted (NamespaceLifecycle admission)."""

DEFAULTED = WriteOptions()
PLAIN_DELETE = DeleteOptions()


def random_suffix() -> str:
    """Return the five signs that generateName adds."""
    return "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(5))


class Registry:
    """The verbs that change objects."""

    def __init__(self, store: Store, *, suffix: Callable[[], str] = random_suffix) -> None:
        """Write to a store; `suffix` makes the ends of generated names."""
        self.store = store
        self._suffix = suffix
        self._allocator = ServiceAllocator(lambda: store.list("services"))

    def create(
        self,
        resource: ServedKind,
        namespace: str | None,
        body: Any,
        options: WriteOptions = DEFAULTED,
    ) -> WriteResult:
        """Create an object."""
        decoded = decode_object(resource, body, namespace, strictness=options.strictness)
        return self._create(resource, decoded, options)

    def update(
        self,
        resource: ServedKind,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        options: WriteOptions = DEFAULTED,
        subresource: str | None = None,
    ) -> WriteResult:
        """Replace an object, or the part of it that a subresource is."""
        old = self.store.get(resource.plural, namespace, name)
        decoded = decode_object(resource, body, namespace, strictness=options.strictness)
        _set_name(decoded.object, name)
        return self._replace(resource, old, decoded, options, subresource)

    def patch(
        self,
        resource: ServedKind,
        namespace: str | None,
        name: str,
        change: Callable[[Obj], Obj],
        *,
        options: WriteOptions = DEFAULTED,
        subresource: str | None = None,
    ) -> WriteResult:
        """Replace an object by what `change` makes of it."""
        old = self.store.get(resource.plural, namespace, name)
        changed = change(old)
        check_value(changed, "the patched object")
        return self.update(
            resource, namespace, name, changed, options=options, subresource=subresource
        )

    def apply(
        self,
        resource: ServedKind,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        options: WriteOptions = DEFAULTED,
        subresource: str | None = None,
    ) -> WriteResult:
        """Server-side apply: create the object or merge into it what the manager wants."""
        decoded = decode_object(resource, body, namespace, strictness=options.strictness)
        applied = decoded.object
        _set_name(applied, name)
        live = self.store.find(resource.plural, namespace, name)
        if live is None and subresource:
            raise apierrors.not_found(resource, name)
        time = now()
        merged = server_side_apply(resource.plural, live or {}, applied, options.manager, time=time)
        changed = DecodedObject(merged, decoded.unknown)
        if live is not None:
            return self._replace(resource, live, changed, options, subresource)
        managed = merged["metadata"]["managedFields"]
        return self._create(resource, changed, options, managed=managed)

    def delete(
        self,
        resource: ServedKind,
        namespace: str | None,
        name: str,
        options: DeleteOptions = PLAIN_DELETE,
    ) -> Obj:
        """Delete an object, or mark it where somebody has to end its life first.

        Returns its last state; it is gone unless that has a deletionTimestamp that others act on.
        """
        obj = self.store.get(resource.plural, namespace, name)
        self._check_preconditions(resource, obj, options)
        if options.dry_run:
            return obj
        grace_s = _grace_left(resource, obj, options)
        if grace_s is None and not obj["metadata"].get("finalizers"):
            return self.store.delete(resource.plural, namespace, name)
        if resource.plural == "namespaces":
            self._terminate(resource, obj)
        return self.store.mark_deleted(resource.plural, namespace, name, grace_s=grace_s or 0)

    def _create(
        self,
        resource: ServedKind,
        decoded: DecodedObject,
        options: WriteOptions,
        *,
        managed: Any = None,
    ) -> WriteResult:
        obj = decoded.object
        meta = obj["metadata"]
        if meta.get("generateName") and not meta.get("name"):
            meta["name"] = meta["generateName"][:58] + self._suffix()
        if resource.namespaced:
            admit_namespace(self.store, resource, obj)
        prepare_new(resource, obj)
        if managed:
            meta["managedFields"] = managed
        apply_defaults(resource, obj)
        self._check(resource, obj, kindrules.creation_errors(resource, obj))
        if resource.namespaced:
            admit_one_more(self.store, resource, obj)
        if resource.plural == "services":
            self._allocator.allocate(obj)
        self._check_size(obj)
        options.admit(obj, None)
        if options.dry_run:
            return WriteResult(self._pretend(resource, obj), decoded.unknown, created=True)
        return WriteResult(self.store.create(resource.plural, obj), decoded.unknown, created=True)

    def _replace(
        self,
        resource: ServedKind,
        old: Obj,
        decoded: DecodedObject,
        options: WriteOptions,
        subresource: str | None,
    ) -> WriteResult:
        new = decoded.object
        version = new["metadata"].get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise apierrors.conflict(resource, old["metadata"]["name"], apierrors.STALE)
        if subresource == "status":
            new = {**old, "status": new.get("status", {})}
        elif subresource == "ephemeralcontainers":
            new = self._with_ephemeral(resource, new, old)
        else:
            carry_over(resource, new, old)
            apply_defaults(resource, new)
            self._check(resource, new, kindrules.update_errors(resource, new, old))
            if resource.plural == "services":
                self._allocator.allocate(new)
        self._check_size(new)
        options.admit(new, old)
        if options.dry_run:
            return WriteResult(new, decoded.unknown)
        stored = self.store.update(resource.plural, new)
        return WriteResult(self._finish_deletion(resource, stored), decoded.unknown)

    def _with_ephemeral(self, resource: ServedKind, change: Obj, old: Obj) -> Obj:
        """Return a pod with other ephemeral containers, the one thing this way changes."""
        listed = (change.get("spec") or {}).get("ephemeralContainers") or []
        new: Obj = {**clone(old), "spec": {**clone(old["spec"]), "ephemeralContainers": listed}}
        apply_defaults(resource, new)
        self._check(resource, new, ephemeral_update_rules(new, old))
        return new

    def _finish_deletion(self, resource: ServedKind, obj: Obj) -> Obj:
        """Delete an object that waited only for its last finalizer to go."""
        meta = obj["metadata"]
        waits = meta.get("finalizers") or resource.plural in {"pods", "namespaces"}
        if not meta.get("deletionTimestamp") or waits:
            return obj
        return self.store.delete(resource.plural, meta.get("namespace"), meta["name"])

    def _terminate(self, resource: ServedKind, namespace: Obj) -> None:
        name = namespace["metadata"]["name"]
        if name in PERMANENT:
            raise apierrors.forbidden(resource, name, "this namespace may not be deleted")
        status = {**namespace.get("status", {}), "phase": "Terminating"}
        # Before the mark: with the mark, the namespace may be gone at once.
        self.store.update("namespaces", {**namespace, "status": status}, subresource="status")

    def _pretend(self, resource: ServedKind, obj: Obj) -> Obj:
        meta = obj["metadata"]
        if self.store.find(resource.plural, meta.get("namespace"), meta["name"]):
            raise apierrors.already_exists(resource, meta["name"])
        return {**obj, "metadata": {**meta, "uid": str(uuid.uuid4()), "creationTimestamp": now()}}

    def _check(self, resource: ServedKind, obj: Obj, wrong: list[apierrors.StatusCause]) -> None:
        if wrong:
            meta = obj["metadata"]
            name = meta.get("name") or meta.get("generateName") or ""
            raise apierrors.invalid(resource, name, wrong)

    def _check_size(self, obj: Obj) -> None:
        size = written_size(obj)
        if size > MAX_OBJECT:
            why = "the object would take more than is stored of one"
            raise apierrors.too_large(MAX_OBJECT, why)
        if self.store.size + size > MAX_STORED:
            why = f"the lab's store is full: it takes {MAX_STORED} bytes"
            raise apierrors.ApiError(507, "InsufficientStorage", why)

    def _check_preconditions(self, resource: ServedKind, obj: Obj, options: DeleteOptions) -> None:
        meta = obj["metadata"]
        conditions = (
            ("UID", options.uid, meta["uid"]),
            ("ResourceVersion", options.resource_version, meta["resourceVersion"]),
        )
        for what, condition, value in conditions:
            if condition is not None and condition != value:
                why = (
                    f"Precondition failed: {what} in precondition: {condition}, "
                    f"{what} in object meta: {value}"
                )
                raise apierrors.conflict(resource, meta["name"], why)


def _set_name(obj: Obj, name: str) -> None:
    """Give an object the name in its URL; raise ApiError where it has another."""
    own_name = obj["metadata"].get("name") or name
    if own_name != name:
        why = f"the name of the object ({own_name}) does not match the name on the URL ({name})"
        raise apierrors.bad_request(why)
    obj["metadata"]["name"] = name


def _grace_left(resource: ServedKind, obj: Obj, options: DeleteOptions) -> int | None:
    """Return the seconds an object has left after a deletion, None where it goes at once."""
    if resource.plural == "namespaces":
        return 0  # its contents go first; the namespace controller ends it
    if resource.plural != "pods":
        return None
    spec = obj.get("spec") or {}
    own = spec.get("terminationGracePeriodSeconds", 30)
    own = obj["metadata"].get("deletionGracePeriodSeconds", own)  # one that ends: unless told less
    grace_s: int = own if options.grace_s is None else options.grace_s
    grace_s = 1 if grace_s < 0 else grace_s  # podStrategy.CheckGracefulDelete
    # Nothing runs where no node has it, or where it has ended.
    is_over = not spec.get("nodeName") or has_ended(obj)
    return None if is_over or grace_s == 0 else grace_s
