"""The REST client: verbs on objects, which go in and come out as the plain dicts of the API's JSON.

Typed models would have to be taken apart again at once, and reading 100 of them costs more than the
call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netproof.cluster.api.answers import (
    ApiAnswer,
    Obj,
    read_items,
    read_object,
    read_plain,
    refused,
)
from netproof.cluster.api.transport import REQUEST_TIMEOUT_S, ApiRequest, Query, Transport
from netproof.cluster.api.waiting import TRANSPORT, wait_as_told
from netproof.cluster.backend import ClusterRef
from netproof.errors import ClusterError
from netproof.timelimit import within

__all__ = ["RESOURCES", "Client", "Obj", "is_not_found"]


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the objects of a kind live in the API."""

    group: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of one object, or of the collection."""
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.group}{within}/{self.plural}" + (f"/{name}" if name else "")


_RBAC = "/apis/rbac.authorization.k8s.io/v1"

RESOURCES: Mapping[str, Resource] = {
    "Namespace": Resource("/api/v1", "namespaces", namespaced=False),
    "Node": Resource("/api/v1", "nodes", namespaced=False),
    "Pod": Resource("/api/v1", "pods"),
    "Service": Resource("/api/v1", "services"),
    "Deployment": Resource("/apis/apps/v1", "deployments"),
    "ServiceAccount": Resource("/api/v1", "serviceaccounts"),
    "ClusterRole": Resource(_RBAC, "clusterroles", namespaced=False),
    "ClusterRoleBinding": Resource(_RBAC, "clusterrolebindings", namespaced=False),
    "Role": Resource(_RBAC, "roles"),
    "RoleBinding": Resource(_RBAC, "rolebindings"),
    "NetworkPolicy": Resource("/apis/networking.k8s.io/v1", "networkpolicies"),
}
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MERGE_PATCH = "application/merge-patch+json"


METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""The probe's program stands in each of its pods: 60 kB that nobody reads who only waits."""


class Client:
    """The API of one cluster, for any number of threads."""

    def __init__(self, ref: ClusterRef) -> None:
        """Log in; raise UsageError where the kubeconfig or its context cannot be used."""
        self.ref = ref
        self.transport = Transport(ref)

    def version(self) -> str:
        """Return the API server's gitVersion."""
        what = "asking for the version"
        answer = self._read("/version", what)
        version = read_plain(answer, what).get("gitVersion")
        if not isinstance(version, str):
            raise ClusterError(f"{what}: the answer has no gitVersion", answer.status)
        return version

    def create(self, obj: Obj) -> Obj:
        """Create an object as `kubectl create` does; raise ClusterError where it is refused."""
        path = RESOURCES[obj["kind"]].path(obj["metadata"].get("namespace", ""))
        what = f"creating {_where(obj)}"
        answer = self._send(ApiRequest("POST", path, body=obj), what)
        return read_object(answer, what, str(obj["kind"]))

    def replace(self, obj: Obj) -> Obj:
        """Put an object in the place of the one of its name, whatever version that has."""
        meta = obj["metadata"]
        path = RESOURCES[obj["kind"]].path(meta.get("namespace", ""), meta["name"])
        what = f"replacing {_where(obj)}"
        return read_object(self._send(ApiRequest("PUT", path, body=obj), what), what)

    def relabel(
        self, kind: str, name: str, namespace: str, labels: Mapping[str, str | None]
    ) -> None:
        """Set labels of an object, and take away those that are None (a JSON merge patch)."""
        body = {"metadata": {"labels": dict(labels)}}
        what = f"labelling {kind} {namespace}/{name}".replace(" /", " ")
        self.patch(RESOURCES[kind].path(namespace, name), body, what)

    def patch(self, path: str, body: Obj, what: str, *, content_type: str = MERGE_PATCH) -> Obj:
        """Patch an object or a subresource of it; raise ClusterError where it is refused."""
        request = ApiRequest("PATCH", path, body=body, content_type=content_type)
        answer = self._send(request, what)
        return read_object(answer, what)

    def delete(self, kind: str, name: str, namespace: str = "", *, grace_s: int = 0) -> bool:
        """Delete an object, a pod with a grace period; return False where there was none."""
        path = RESOURCES[kind].path(namespace, name)
        what = f"deleting {kind} {namespace}/{name}".replace(" /", " ")
        query = {"gracePeriodSeconds": str(grace_s)}
        answer = self._send(ApiRequest("DELETE", path, query), what)
        if answer.status == 404:
            return False
        read_plain(answer, what)
        return True

    def delete_all(self, kind: str, namespace: str, *, labels: str) -> None:
        """Delete all objects of a kind in a namespace that carry some labels, in one call."""
        what = f"deleting the {kind}s of {namespace}"
        path = RESOURCES[kind].path(namespace)
        query = {"labelSelector": labels}
        read_plain(self._send(ApiRequest("DELETE", path, query), what), what)

    def get(self, kind: str, name: str, namespace: str = "") -> Obj:
        """Return one object; raise ClusterError where there is none."""
        what = f"reading {kind} {namespace}/{name}".replace(" /", " ")
        return read_object(self._read(RESOURCES[kind].path(namespace, name), what), what, kind)

    def list(self, kind: str, namespace: str = "", *, labels: str = "") -> list[Obj]:
        """Return the objects of a kind, in one namespace or (without one) in all."""
        query = {"labelSelector": labels} if labels else {}
        what = f"listing {kind}s"
        return read_items(self._read(RESOURCES[kind].path(namespace), what, query), what, kind)

    def has_some(self, kind: str, namespace: str, *, fields: str) -> bool:
        """Tell whether any object of a namespace has some fields (a field selector).

        Of each no more than its metadata is asked for, and of many one is enough.
        """
        query = {"fieldSelector": fields, "limit": "1"}
        what = f"looking for {kind}s of {namespace} with {fields}"
        request = ApiRequest("GET", RESOURCES[kind].path(namespace), query, accept=METADATA_ONLY)
        return bool(read_plain(self._send_again(request, what), what).get("items"))

    def pages(self, path: str, what: str, most: int) -> Iterator[Obj]:
        """Yield a collection in pages of at most `most` objects, an object as it is.

        Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks.
        """
        following = ""
        while True:
            query = {"limit": str(most), **({"continue": following} if following else {})}
            page = read_plain(self._read(path, what, query), what)
            yield page
            following = str((page.get("metadata") or {}).get("continue") or "")
            if not following:
                return

    def text(self, path: str, what: str, query: Query = ()) -> str:
        """Return what is no object, such as a log; raise ClusterError where it is refused."""
        answer = self._send_again(ApiRequest("GET", path, query, accept="*/*"), what)
        if answer.status != 200:
            raise refused(answer, what)
        return answer.data.decode(errors="replace")

    def may(self, attributes: Mapping[str, str]) -> bool:
        """Ask whether this user may do something (a SelfSubjectAccessReview's attributes)."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": dict(attributes)},
        }
        what = "asking for the rights of this user"
        answer = self._send_again(ApiRequest("POST", _REVIEWS, body=body), what)
        status = read_plain(answer, what).get("status")
        return isinstance(status, dict) and status.get("allowed") is True

    def post(self, path: str, body: Obj, what: str) -> Obj:
        """Post to a subresource and return its answer; raise ClusterError where it is refused."""
        return read_plain(self._send(ApiRequest("POST", path, body=body), what), what)

    @property
    def gone(self) -> bool:
        """Tell whether the API server was given up; nothing is asked of it any more."""
        return self.transport.presence.gone

    def wait_back(self) -> None:
        """Wait until the API server answers again; raise ClusterGoneError where it does not."""
        # Something out of its store, which a version is not, that every command may ask.
        self.transport.presence.wait(lambda: self.list("Namespace", labels="netproof.dev/none"))

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def _send(self, request: ApiRequest, what: str) -> ApiAnswer:
        """Send a request, again where the API server wants to be asked later."""
        with within(REQUEST_TIMEOUT_S):
            return wait_as_told(lambda: self.transport.send(request, what=what))

    def _send_again(self, request: ApiRequest, what: str) -> ApiAnswer:
        """Send what may be repeated, again where no answer came."""
        with within(REQUEST_TIMEOUT_S):
            return TRANSPORT.copy()(self._send, request, what)

    def _read(self, path: str, what: str, query: Query = ()) -> ApiAnswer:
        return self._send_again(ApiRequest("GET", path, query), what)


def is_not_found(error: ClusterError) -> bool:
    """Tell whether the API server said that the object does not exist (404)."""
    return error.status == 404


def _where(obj: Obj) -> str:
    meta = obj["metadata"]
    namespace = meta.get("namespace")
    return f"{obj['kind']} {namespace + '/' if namespace else ''}{meta['name']}"
