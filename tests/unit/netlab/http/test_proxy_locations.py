"""Where the API server's proxy goes."""

from typing import Any

import pytest

from netlab.http.proxy import pod_location, service_locations, split_name
from netlab.objects.apierrors import ApiError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", ("http", "web", "")),
        ("web:80", ("http", "web", "80")),
        ("web:http", ("http", "web", "http")),
        ("https:web:", ("https", "web", "")),
        ("https:web:443", ("https", "web", "443")),
        (":web:80", ("http", "web", "80")),
    ],
)
def test_names(text: str, expected: tuple[str, str, str]) -> None:
    """A scheme may come before the name and a port after it."""
    assert expected == split_name(text, "service")


@pytest.mark.parametrize("text", ["", ":80", "ftp:web:21", "a:b:c:d"])
def test_what_is_no_name(text: str) -> None:
    """It is a bad request that says which."""
    with pytest.raises(ApiError, match="invalid pod request"):
        split_name(text, "pod")


def pod(*ports: int, ip: str = "10.244.0.2") -> dict[str, Any]:
    container = {"name": "c", "ports": [{"containerPort": port} for port in ports]}
    status = {"podIP": ip} if ip else {}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container]}, "status": status}


@pytest.mark.parametrize(
    ("ports", "scheme", "port", "expected"),
    [
        ((8080, 9090), "http", "", "10.244.0.2:8080"),
        ((8080,), "http", "81", "10.244.0.2:81"),
        ((), "http", "", "10.244.0.2:80"),
        ((), "https", "", "10.244.0.2:443"),
    ],
)
def test_a_pods_port(ports: tuple[int, ...], scheme: str, port: str, expected: str) -> None:
    """The one that is asked for, or its first, or the scheme's."""
    assert expected == pod_location(pod(*ports), scheme, port).address


@pytest.mark.parametrize(("ip", "port"), [("", "80"), ("10.244.0.2", "web"), ("10.244.0.2", "0")])
def test_a_pod_that_cannot_be_reached(ip: str, port: str) -> None:
    """Without an address, or by what is no port."""
    with pytest.raises(ApiError) as caught:
        pod_location(pod(80, ip=ip), "http", port)
    assert 400 == caught.value.code


SERVICE = {
    "metadata": {"name": "web"},
    "spec": {
        "ipFamilies": ["IPv6", "IPv4"],
        "ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}],
    },
}


def piece(service: str, *ends: tuple[str, bool]) -> dict[str, Any]:
    endpoints = [{"addresses": [ip], "conditions": {"ready": ready}} for ip, ready in ends]
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "ports": [{"name": "http", "port": 8080}, {"name": "admin", "port": 9090}],
        "endpoints": endpoints,
    }


SLICES = [
    piece("web", ("10.244.0.2", True)),
    piece("web", ("fd00::2", True), ("fd00::3", False), ("fd00::4", True)),
    piece("other", ("fd00::9", True)),
]


@pytest.mark.parametrize(
    ("port", "number"), [("http", 8080), ("80", 8080), ("81", 9090), ("admin", 9090)]
)
def test_a_services_endpoints(port: str, number: int) -> None:
    """Those that are ready, of its first family, at the port behind its own."""
    found = [place.address for place in service_locations(SERVICE, SLICES, "http", port)]
    assert [f"[fd00::2]:{number}", f"[fd00::4]:{number}"] == found


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("8080", 'no service port 8080 found for service "web"'),
        ("nosuch", 'no endpoints available for service "web"'),
        ("", 'no endpoints available for service "web"'),
    ],
)
def test_a_service_without_an_endpoint(port: str, said: str) -> None:
    """It is unavailable."""
    with pytest.raises(ApiError) as caught:
        service_locations(SERVICE, SLICES, "http", port)
    assert (503, said) == (caught.value.code, caught.value.message)
