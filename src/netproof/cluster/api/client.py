"""The only module that holds the official Kubernetes client.

Objects go in and come out as the plain dicts of the API's JSON: the client's typed models would
have to be taken apart again at once, and reading 100 of them costs more than the call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import kubernetes.client
import kubernetes.config
import urllib3
import yaml
from kubernetes.client.exceptions import ApiException

from netproof.cluster.api.remedies import with_remedy
from netproof.cluster.api.waiting import TRANSPORT
from netproof.cluster.backend import ClusterRef
from netproof.errors import ClusterError, UsageError

Obj = dict[str, Any]

REQUEST_TIMEOUT_S = 30.0
"""An API server that needs longer for one object is not going to answer."""


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
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}
_MERGE = {**_JSON, "Content-Type": "application/merge-patch+json"}


class Client:
    """The API of one cluster, for one thread at a time."""

    def __init__(self, ref: ClusterRef) -> None:
        """Read the kubeconfig; raise UsageError where it or its context cannot be used."""
        self.ref = ref
        self.api = _api_client(ref)

    def version(self) -> str:
        """Return the API server's gitVersion."""
        info = self._read("/version", "asking for the version")
        return str(info["gitVersion"])

    def create(self, obj: Obj) -> Obj:
        """Create an object as `kubectl create` does; raise ClusterError where it is refused."""
        path = RESOURCES[obj["kind"]].path(obj["metadata"].get("namespace", ""))
        with _translated(f"creating {_where(obj)}"):
            return self._call("POST", path, body=obj)

    def replace(self, obj: Obj) -> Obj:
        """Put an object in the place of the one of its name, whatever version that has."""
        meta = obj["metadata"]
        path = RESOURCES[obj["kind"]].path(meta.get("namespace", ""), meta["name"])
        with _translated(f"replacing {_where(obj)}"):
            return self._call("PUT", path, body=obj)

    def relabel(
        self, kind: str, name: str, namespace: str, labels: Mapping[str, str | None]
    ) -> None:
        """Set labels of an object, and take away those that are None (a JSON merge patch)."""
        path = RESOURCES[kind].path(namespace, name)
        with _translated(f"labelling {kind} {namespace}/{name}".replace(" /", " ")):
            self._call("PATCH", path, body={"metadata": {"labels": dict(labels)}})

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """Delete an object; return False where there was none."""
        path = RESOURCES[kind].path(namespace, name)
        try:
            with _translated(f"deleting {kind} {namespace}/{name}".replace(" /", " ")):
                self._call("DELETE", path, query={"gracePeriodSeconds": "0"})
        except ClusterError as error:
            if is_not_found(error):
                return False
            raise
        return True

    def delete_all(self, kind: str, namespace: str, *, labels: str) -> None:
        """Delete all objects of a kind in a namespace that carry some labels, in one call."""
        with _translated(f"deleting the {kind}s of {namespace}"):
            path = RESOURCES[kind].path(namespace)
            self._call("DELETE", path, query={"labelSelector": labels})

    def get(self, kind: str, name: str, namespace: str = "") -> Obj:
        """Return one object; raise ClusterError where there is none."""
        what = f"reading {kind} {namespace}/{name}".replace(" /", " ")
        return self._read(RESOURCES[kind].path(namespace, name), what)

    def list(self, kind: str, namespace: str = "", *, labels: str = "") -> list[Obj]:
        """Return the objects of a kind, in one namespace or (without one) in all."""
        query = {"labelSelector": labels} if labels else {}
        found = self._read(RESOURCES[kind].path(namespace), f"listing {kind}s", query)
        return list(found["items"])

    def may(self, attributes: Mapping[str, str]) -> bool:
        """Ask whether this user may do something (a SelfSubjectAccessReview's attributes)."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": dict(attributes)},
        }
        with _translated("asking for the rights of this user"):
            review: Obj = TRANSPORT.copy()(self._call, "POST", _REVIEWS, body=body)
        return bool(review.get("status", {}).get("allowed"))

    def post(self, path: str, body: Obj, what: str) -> Obj:
        """Post to a subresource and return its answer; raise ClusterError where it is refused."""
        with _translated(what):
            return self._call("POST", path, body=body)

    def close(self) -> None:
        """Close the connections."""
        self.api.rest_client.pool_manager.clear()

    def _read(self, path: str, what: str, query: Mapping[str, str] | None = None) -> Obj:
        with _translated(what):
            found: Obj = TRANSPORT.copy()(self._call, "GET", path, query=query)
            return found

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Obj | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Obj:
        """Make one call as the generated methods do, but with plain JSON at both ends."""
        request = self.api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=dict(_MERGE if method == "PATCH" else _JSON),
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self.api.call_api(*request, _request_timeout=REQUEST_TIMEOUT_S)
        data = response.read()
        if not 200 <= response.status <= 299:
            raise ApiException.from_response(http_resp=response, body=data.decode(), data=None)
        loaded: Obj = json.loads(data)
        return loaded


def is_not_found(error: ClusterError) -> bool:
    """Tell whether the API server said that the object does not exist (404)."""
    return error.status == 404


def _where(obj: Obj) -> str:
    meta = obj["metadata"]
    namespace = meta.get("namespace")
    return f"{obj['kind']} {namespace + '/' if namespace else ''}{meta['name']}"


_UNREADABLE = (
    kubernetes.config.ConfigException,
    yaml.YAMLError,
    OSError,
    AttributeError,
    TypeError,
    ValueError,
)
"""What the official client raises for a kubeconfig: it takes the file's shape for granted."""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _api_client(ref: ClusterRef) -> Any:
    configuration = kubernetes.client.Configuration()
    # The reads are retried in one place, TRANSPORT; twice would multiply.
    configuration.retries = urllib3.Retry(0)
    try:
        kubernetes.config.load_kube_config(
            config_file=ref.kubeconfig or None,
            context=ref.context or None,
            client_configuration=configuration,
        )
    except _UNREADABLE as error:
        raise UsageError(
            f"the kubeconfig {ref.kubeconfig or '(default)'} cannot be used"
            f"{f' with context {ref.context}' if ref.context else ''}: {_one_line(error)}; "
            "`kubectl config get-contexts` lists what there is"
        ) from error
    return kubernetes.client.ApiClient(configuration)


def context_name(kubeconfig: str) -> str:
    """Return the name of the current context, "" where a kubeconfig has none."""
    try:
        _, active = kubernetes.config.list_kube_config_contexts(config_file=kubeconfig or None)
    except _UNREADABLE:
        return ""
    return str(active["name"])


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        status = int(error.status or 0)
        raise ClusterError(with_remedy(f"{what}: {reason(error)}"), status) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ClusterError(
            f"{what}: the API server cannot be reached: {short(error)}; "
            "check that the cluster runs and that the kubeconfig names it"
        ) from error


def reason(error: ApiException) -> str:
    """Return what the API server said, without headers and JSON around it."""
    try:
        return f"{json.loads(error.body)['message']} ({error.status})"
    except (TypeError, ValueError, KeyError):
        return f"{error.reason} ({error.status})"


def short(error: BaseException) -> str:
    """Return an error's innermost words; urllib3 wraps them in the pool and the URL."""
    cause = getattr(error, "reason", None)
    return short(cause) if isinstance(cause, BaseException) else str(error)
