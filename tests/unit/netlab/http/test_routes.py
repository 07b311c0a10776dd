"""Methods and paths."""

import pytest

from netlab.http.routes import DiscoveryPath, ResourcePath, route
from netlab.objects.apierrors import ApiError

NETPOL = "/apis/networking.k8s.io/v1"


@pytest.mark.parametrize(
    ("method", "path", "query", "found"),
    [
        ("GET", "/api/v1/namespaces", {}, ("list", "namespaces", None, None, None)),
        ("GET", "/api/v1/namespaces/a", {}, ("get", "namespaces", None, "a", None)),
        ("GET", "/api/v1/namespaces/a/status", {}, ("get", "namespaces", None, "a", "status")),
        ("GET", "/api/v1/namespaces/a/pods", {}, ("list", "pods", "a", None, None)),
        ("GET", "/api/v1/pods", {}, ("list", "pods", None, None, None)),
        ("GET", "/api/v1/pods", {"watch": "1"}, ("watch", "pods", None, None, None)),
        ("GET", "/api/v1/pods", {"watch": "false"}, ("list", "pods", None, None, None)),
        ("POST", "/api/v1/namespaces/a/pods", {}, ("create", "pods", "a", None, None)),
        ("PUT", "/api/v1/namespaces/a/pods/p", {}, ("update", "pods", "a", "p", None)),
        ("PUT", "/api/v1/namespaces/a/pods/p/status", {}, ("update", "pods", "a", "p", "status")),
        ("GET", "/api/v1/namespaces/a/pods/p/log", {}, ("get", "pods", "a", "p", "log")),
        ("GET", "/api/v1/namespaces/a/pods/p/exec", {}, ("get", "pods", "a", "p", "exec")),
        ("POST", "/api/v1/namespaces/a/pods/p/exec", {}, ("create", "pods", "a", "p", "exec")),
        ("POST", "/api/v1/namespaces/a/pods/p/attach", {}, ("create", "pods", "a", "p", "attach")),
        (
            "PUT",
            "/api/v1/namespaces/a/pods/p:1/proxy/x/y",
            {},
            ("update", "pods", "a", "p:1", "proxy"),
        ),
        (
            "HEAD",
            "/api/v1/namespaces/a/services/http:s:w/proxy/",
            {},
            ("get", "services", "a", "http:s:w", "proxy"),
        ),
        ("DELETE", "/api/v1/nodes/n/proxy/x", {}, ("delete", "nodes", None, "n", "proxy")),
        (
            "PATCH",
            "/api/v1/namespaces/a/pods/p/ephemeralcontainers",
            {},
            ("patch", "pods", "a", "p", "ephemeralcontainers"),
        ),
        (
            "POST",
            "/api/v1/namespaces/a/serviceaccounts/s/token",
            {},
            ("create", "serviceaccounts", "a", "s", "token"),
        ),
        ("DELETE", "/api/v1/namespaces/a/pods", {}, ("deletecollection", "pods", "a", None, None)),
        (
            "PATCH",
            f"{NETPOL}/namespaces/a/networkpolicies/p",
            {},
            ("patch", "networkpolicies", "a", "p", None),
        ),
        (
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {},
            ("create", "selfsubjectaccessreviews", None, None, None),
        ),
    ],
)
def test_resource_paths(
    method: str, path: str, query: dict[str, str], found: tuple[str | None, ...]
) -> None:
    """Each method and path is one verb on one resource."""
    where = route(method, path, query)
    assert isinstance(where, ResourcePath)
    plural = where.resource.plural
    assert (where.verb, plural, where.namespace, where.name, where.subresource) == found


@pytest.mark.parametrize(
    "path", ["/", "/version", "/api", "/apis/networking.k8s.io", "/openapi/v3"]
)
def test_everything_else_is_discovery(path: str) -> None:
    """Other paths are looked up among the documents."""
    assert isinstance(route("GET", path, {}), DiscoveryPath)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/widgets", 404),
        ("GET", "/api/v1/networkpolicies", 404),
        ("GET", f"{NETPOL}/pods", 404),
        ("GET", "/api/v1/pods/p", 404),
        ("GET", "/api/v1/namespaces/a/nodes", 404),
        ("GET", "/api/v1/namespaces/a/pods/p/nosuch", 404),
        ("GET", "/api/v1/namespaces/a/pods/p/status/x", 404),
        ("POST", "/apis/apps/v1/deployments", 404),
        ("POST", "/api/v1/pods", 405),
        ("POST", "/api/v1/namespaces/a/pods/p", 405),
        ("PUT", "/api/v1/namespaces/a/pods", 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("DELETE", "/api/v1/namespaces/a/pods/p/log", 405),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 405),
        ("GET", "/api/v1/namespaces/a/serviceaccounts/s/token", 405),
        ("DELETE", "/api/v1/namespaces/a/pods/p/portforward", 405),
        ("TRACE", "/api/v1/pods", 405),
    ],
)
def test_paths_that_lead_nowhere(method: str, path: str, code: int) -> None:
    """Unknown resources are 404, verbs that a resource has not are 405."""
    with pytest.raises(ApiError) as caught:
        route(method, path, {})
    assert caught.value.code == code
