"""The cluster's DNS, held against dnspython: messages both ways and the names that exist."""

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from netlab.controllers.dns import ClusterDns
from netlab.objects.registry import Registry
from netlab.objects.store import Store


def obj(kind: str, name: str, namespace: str, **rest: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **rest}


@pytest.fixture
def names() -> ClusterDns:
    """Return the DNS of a cluster with two services, a headless one among them, and a pod."""
    store = Store()
    store.create("namespaces", {"metadata": {"name": "shop"}})
    ips = ["10.96.1.1", "fd00:10:96::1:1"]
    store.create("services", obj("Service", "web", "shop", spec={"clusterIPs": ips}))
    store.create("services", obj("Service", "db", "shop", spec={"clusterIPs": ["None"]}))
    endpoints = [
        {"addresses": [f"10.244.0.{n}"], "conditions": {"ready": n != 3}} for n in range(2, 60)
    ]
    slice_ = obj("EndpointSlice", "db-1", "shop", endpoints=endpoints, addressType="IPv4")
    slice_["metadata"]["labels"] = {"kubernetes.io/service-name": "db"}
    store.create("endpointslices", slice_)
    store.create("pods", obj("Pod", "p", "shop", status={"podIPs": [{"ip": "10.244.0.2"}]}))
    return ClusterDns(store, Registry(store))


def ask(names: ClusterDns, name: str, kind: str = "A", *, udp: bool = True) -> dns.message.Message:
    """Ask as a client does, and read the answer with dnspython."""
    query = dns.message.make_query(name, kind)
    data = names.answer(query.to_wire(), udp=udp)
    assert data is not None
    response = dns.message.from_wire(data)
    assert query.is_response(response)
    return response


def addresses(response: dns.message.Message) -> list[str]:
    return [record.address for answer in response.answer for record in answer]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("web.shop.svc.cluster.local.", "A", ["10.96.1.1"]),
        ("web.shop.svc.cluster.local.", "AAAA", ["fd00:10:96::1:1"]),
        ("WEB.Shop.svc.cluster.local.", "A", ["10.96.1.1"]),
        ("10-244-0-2.shop.pod.cluster.local.", "A", ["10.244.0.2"]),
        ("outside.example.", "A", ["203.0.113.10"]),
        ("outside.example.", "AAAA", ["fd00:203:113::10"]),
    ],
)
def test_names_have_addresses(names: ClusterDns, name: str, kind: str, expected: list[str]) -> None:
    """Services, pods and the outside host resolve, in both families."""
    assert addresses(ask(names, name, kind)) == expected


@pytest.mark.parametrize(
    "name",
    [
        "nope.shop.svc.cluster.local.",
        "web.nope.svc.cluster.local.",
        "outside.example.shop.svc.cluster.local.",
        "example.com.",
        "a.b.c.web.shop.svc.cluster.local.",
    ],
)
def test_other_names_do_not_exist(names: ClusterDns, name: str) -> None:
    """NXDOMAIN, so that a resolver goes on with its search list at once."""
    assert ask(names, name).rcode() == dns.rcode.NXDOMAIN


def test_a_name_without_an_address_of_the_family_exists(names: ClusterDns) -> None:
    """No error and no answer: the name is there, in the other family."""
    response = ask(names, "db.shop.svc.cluster.local.", "AAAA")
    assert (response.rcode(), response.answer) == (dns.rcode.NOERROR, [])


def test_a_headless_service_has_its_ready_pods(names: ClusterDns) -> None:
    """The addresses are those of the endpoints, without the unready one."""
    found = addresses(ask(names, "db.shop.svc.cluster.local.", udp=False))
    assert (len(found), "10.244.0.3" in found) == (57, False)


def test_a_long_answer_is_truncated_over_udp(names: ClusterDns) -> None:
    """A plain UDP client is told to ask again over TCP."""
    response = ask(names, "db.shop.svc.cluster.local.")
    assert response.flags & dns.flags.TC


def test_a_client_with_edns_gets_the_long_answer(names: ClusterDns) -> None:
    """Who says that it takes 4096 bytes gets them."""
    query = dns.message.make_query("db.shop.svc.cluster.local.", "A", use_edns=0, payload=4096)
    data = names.answer(query.to_wire(), udp=True)
    assert data is not None
    assert len(addresses(dns.message.from_wire(data))) == 57


@pytest.mark.parametrize("data", [b"", b"\0" * 5, b"\0" * 12, b"\xff" * 40])
def test_garbage_is_not_answered(names: ClusterDns, data: bytes) -> None:
    """What is no query gets no reply."""
    assert names.answer(data, udp=True) is None


def test_another_opcode_is_refused(names: ClusterDns) -> None:
    """An update is answered with "not implemented"."""
    query = dns.message.make_query("web.shop.svc.cluster.local.", "A")
    query.set_opcode(dns.opcode.NOTIFY)
    data = names.answer(query.to_wire(), udp=True)
    assert data is not None
    assert dns.message.from_wire(data).rcode() == dns.rcode.NOTIMP


def test_a_fault_in_looking_up_is_answered(
    names: ClusterDns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A client is told that the server failed instead of waiting for its time-out."""

    def fail(*_: object) -> None:
        raise RuntimeError("injected fault")

    monkeypatch.setattr(names, "_look_up", fail)
    assert dns.rcode.SERVFAIL == ask(names, "web.shop.svc.cluster.local").rcode()
    assert "injected fault" in caplog.text
