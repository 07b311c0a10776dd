"""Services with real packets: who answers, and which address it sees."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.dataplane_bench import Bench, Flow
from tests.unit.netlab.dataplane.objects import endpoint_slice, namespace, policy, service

Obj = dict[str, Any]

WEB, WEB6, EMPTY, MIXED = "10.96.0.9", "fd00:10:96::9", "10.96.0.20", "10.96.0.30"
NODE_PORT, LOCAL_PORT = 30080, 30081


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Start a client and a server on one node and a pod on another, on the flat dataplane."""
    with Bench({"client": 0, "web": 0, "far": 1}) as made:
        made.plan("flat")
        made.apply(_objects(made))
        yield made


def _objects(bench: Bench) -> dict[str, list[Obj]]:
    ips = {name: bench.addresses[name] for name in bench.pods}
    near, far = "lab-node-0", "lab-node-1"
    return {
        "namespaces": [namespace("default")],
        "pods": [bench.pod(name) for name in bench.pods],
        "services": [
            service("web", ips=[WEB, WEB6], port=8000, node_port=NODE_PORT),
            service("udp", ips=["10.96.0.10", "fd00:10:96::a"], port=53, protocol="UDP"),
            service("empty", ips=[EMPTY]),
            service("mixed", ips=[MIXED], node_port=LOCAL_PORT, externalTrafficPolicy="Local"),
        ],
        "endpointslices": [
            endpoint_slice("web", ips={ips["web"][0]: near}),
            endpoint_slice("web", ips={ips["web"][1]: near}),
            endpoint_slice("udp", ips={ips["far"][0]: far}, protocol="UDP"),
            endpoint_slice("udp", ips={ips["far"][1]: far}, protocol="UDP"),
            endpoint_slice("mixed", ips={ips["web"][0]: near}),
        ],
    }


@pytest.mark.parametrize("source", ["client", "far", "lab-node-0", "lab-node-1"])
@pytest.mark.parametrize("ip", [WEB, WEB6])
def test_a_cluster_ip_answers_pods_and_nodes(bench: Bench, source: str, ip: str) -> None:
    """A ClusterIP of either family leads from pods and nodes to the pod behind it."""
    assert "web" == bench.who(source, ip, 8000)


def test_a_pod_behind_a_cluster_ip_sees_the_client(bench: Bench) -> None:
    """Translation changes the destination and not the source."""
    (seen,) = bench.probe([Flow("client", WEB, 8000)])
    assert f"web {bench.addresses['client'][0]}" == seen.result


@pytest.mark.parametrize("ip", ["10.96.0.10", "fd00:10:96::a"])
def test_udp_is_translated_like_tcp(bench: Bench, ip: str) -> None:
    """A UDP Service answers, as the cluster's DNS must."""
    assert "far" == bench.who("client", ip, 53, "UDP")


def test_a_pod_reaches_itself_by_its_service(bench: Bench) -> None:
    """A hairpin connection works and comes from the node, or the pod would answer itself."""
    (seen,) = bench.probe([Flow("web", WEB, 8000)])
    assert "web 172.30.0.10" == seen.result


def test_connections_spread_over_the_endpoints(bench: Bench) -> None:
    """A Service with two pods uses both."""
    objects = _objects(bench)
    ips = {bench.addresses["web"][0]: "lab-node-0", bench.addresses["far"][0]: "lab-node-1"}
    objects["endpointslices"] = [endpoint_slice("web", ips=ips)]
    bench.apply(objects)
    seen = bench.probe([Flow("client", WEB, 8000)] * 40)
    bench.apply(_objects(bench))
    assert {"web", "far"} == {one.who for one in seen}


@pytest.mark.parametrize("ip", [EMPTY, WEB])
def test_a_cluster_ip_with_nobody_behind_it_refuses(bench: Bench, ip: str) -> None:
    """A Service without endpoints, or a port that it does not have, is refused at once."""
    assert ["refused"] * 2 == [bench.who(source, ip, 80) for source in ("client", "lab-node-0")]


@pytest.mark.parametrize("source", ["outside", "client", "far", "lab-node-0", "lab-node-1"])
@pytest.mark.parametrize("node", ["lab-node-0", "lab-node-1"])
def test_a_node_port_answers_on_every_node(bench: Bench, source: str, node: str) -> None:
    """A NodePort leads from anywhere by any node to the pod, on whichever node that is."""
    ips = bench.addresses[node]
    assert ["web"] * 2 == [bench.who(source, ip, NODE_PORT) for ip in ips]


def test_a_node_port_hides_the_client(bench: Bench) -> None:
    """With externalTrafficPolicy Cluster the pod sees the node that took the connection."""
    (seen,) = bench.probe([Flow("outside", "172.30.0.11", NODE_PORT)])
    assert "web 172.30.0.11" == seen.result


def test_a_local_node_port_shows_the_client(bench: Bench) -> None:
    """With externalTrafficPolicy Local the pod sees the client itself."""
    (seen,) = bench.probe([Flow("outside", "172.30.0.10", LOCAL_PORT)])
    assert "web 203.0.113.10" == seen.result


def test_a_local_node_port_is_dropped_where_no_pod_is(bench: Bench) -> None:
    """With externalTrafficPolicy Local a node without such a pod answers nobody outside."""
    assert "dropped" == bench.who("outside", "172.30.0.11", LOCAL_PORT)


def test_clients_inside_reach_a_local_node_port_on_any_node(bench: Bench) -> None:
    """With externalTrafficPolicy Local pods and nodes still reach pods on other nodes."""
    sources = ("far", "lab-node-1")
    assert ["web"] * 2 == [bench.who(source, "172.30.0.11", LOCAL_PORT) for source in sources]


@pytest.mark.parametrize("ip", ["203.0.113.130", "fd00:203:113::8010"])
def test_pods_leave_the_cluster_as_their_node(bench: Bench, ip: str) -> None:
    """Outside sees the node's address in place of the pod's, which it could not answer."""
    (seen,) = bench.probe([Flow("far", ip, 80)])
    assert ("172.30.0.11", "fd00:172:30::11")[":" in ip] == seen.as_whom


def test_pods_reach_nodes_as_themselves(bench: Bench) -> None:
    """Inside the cluster nothing hides a pod."""
    (seen,) = bench.probe([Flow("client", "172.30.0.11", 80)])
    assert bench.addresses["client"][0] == seen.as_whom


def test_outside_does_not_reach_pods(bench: Bench) -> None:
    """There is no way from outside to a pod's address."""
    assert "refused" == bench.who("outside", bench.addresses["web"][0])


def test_policies_see_the_pod_behind_a_service(bench: Bench) -> None:
    """Policies judge the translated address and port: 80 of the pod, not 8000 of the Service."""
    rule = {"to": [{"podSelector": {}}], "ports": [{"port": 80}]}
    spec = {"policyTypes": ["Egress"], "egress": [rule]}
    try:
        bench.plan("enforcing")
        bench.apply({**_objects(bench), "policies": [policy("p", spec)]})
        seen = bench.probe([Flow("client", WEB, 8000), Flow("client", "172.30.0.11", 80)])
    finally:
        bench.plan("flat")
        bench.apply(_objects(bench))
    assert ["web", "dropped"] == [one.who for one in seen]
