"""A picture holds what the evaluator says of every flow, and by whose word."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from netproof.expected import Evaluator
from netproof.model import flows
from netproof.model.flow import Direction, Expected
from netproof.model.picture import EndShape, Picture, PictureSide
from netproof.model.value import replace
from netproof.model.workload import Host, HostKind, Port, Topology
from netproof.policy.mirror import Mirror
from netproof.review.case import read_mirror
from netproof.review.judgement import probed_reachability
from netproof.review.picture import probed_picture, read_picture
from netproof.review.snapshot import views
from tests.unit.review.build import deny_all, mirror, policy, workload
from tests.unit.review.test_snapshot import BASE, FAR, into, out_of

EXAMPLES = sorted(path for path in Path("examples").iterdir() if (path / "policies.yaml").is_file())


def sides(picture: Picture, source: str, end: str, port: str) -> list[PictureSide]:
    """Return what the sides of a flow say, none where there is no such flow."""
    names = [one.name for one in picture.ends]
    for target in picture.targets:
        if (names[target.end], target.port) == (end, port):
            cells = [
                decision
                for count, decision in zip(target.cells[::2], target.cells[1::2], strict=True)
                for _ in range(count)
            ]
            decision = cells[names.index(source)]
            return [picture.sides[at] for at in picture.decisions[decision - 1]] if decision else []
    return []


def answer(picture: Picture, source: str, end: str, port: str) -> Expected:
    """Return the answer that a picture gives for a flow."""
    said = {side.answer for side in sides(picture, source, end, port)}
    return next(
        one for one in (Expected.DENIED, Expected.UNDEFINED, Expected.ALLOWED) if one in said
    )


def drawn(*documents: str) -> Picture:
    """Return the picture of a bundle."""
    return read_picture(mirror(*documents), "a bundle")


def test_a_flow_has_its_policies_and_rules_with_places() -> None:
    """On both sides, the egress side first."""
    picture = drawn(*BASE)
    out, inward = sides(picture, "shop/web", "shop/api", "8080/TCP")
    assert (Direction.EGRESS, Direction.INGRESS) == (out.direction, inward.direction)
    (rule,) = (picture.rules[at] for at in inward.rules)
    assert "shop/web-api-in ingress[0]" == rule.name
    assert "from pods with app=web of namespace shop on any port" == rule.text
    assert rule.place.rpartition(":")[2].isdecimal()
    assert {"shop/deny", "shop/web-api-in"} == {picture.policies[at].name for at in inward.policies}


def test_an_end_says_which_policies_isolate_it() -> None:
    """And a policy which ends it selects, for which directions."""
    picture = drawn(*BASE)
    names = [one.name for one in picture.ends]
    api, far = (picture.ends[names.index(name)] for name in ("shop/api", "far/job"))
    assert ((), ()) == (far.ingress, far.egress)
    deny = next(n for n, one in enumerate(picture.policies) if one.name == "shop/deny")
    assert deny in api.ingress
    assert deny in api.egress
    assert {"shop/api", "shop/db", "shop/web"} == {
        names[at] for at in picture.policies[deny].selects
    }
    assert tuple(Direction) == picture.policies[deny].directions


def test_pods_that_are_not_in_the_bundle_are_ends_where_rules_name_them() -> None:
    """By the namespace that they are in; of their own policies nothing is known."""
    rule = "{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}]}"
    picture = drawn(*BASE, into("web", rule))
    (end,) = (one for one in picture.ends if one.name == "any pod in namespace ingress")
    assert (EndShape.STRANGERS, "ingress") == (end.shape, end.space)
    (side,) = sides(picture, end.name, "shop/web", "80/TCP")
    assert Expected.ALLOWED is side.answer
    assert Expected.DENIED is answer(picture, "any pod in any namespace", "shop/web", "80/TCP")


def test_a_port_outside_that_goes_as_any_other_is_not_told_again() -> None:
    """One that a rule names is."""
    plain = drawn(FAR)
    ports = {one.port for one in plain.targets if plain.ends[one.end].name in ("outside", "nodes")}
    assert {"any/TCP", "any/UDP"} == ports
    named = drawn(*BASE, out_of("web", "{ports: [{port: 443}]}"))
    assert Expected.ALLOWED is answer(named, "shop/web", "outside", "443/TCP")
    assert Expected.DENIED is answer(named, "shop/web", "outside", "any/TCP")


def test_nodes_and_the_api_server_stand_around_a_bundle() -> None:
    """One of the nodes is a pod's own, which NetworkPolicy leaves open."""
    picture = drawn(*BASE)
    assert Expected.ALLOWED is answer(picture, "far/job", "nodes", "any/TCP")
    assert Expected.UNDEFINED is answer(picture, "nodes", "shop/db", "5432/TCP")
    assert EndShape.NODE in {one.shape for one in picture.ends if one.name == "apiserver"}


def test_what_may_decide_otherwise_is_remarked() -> None:
    """A policy of another kind is not read."""
    other = policy("shop/x", "{endpointSelector: {}, ingressDeny: [{}]}")
    other = other.replace("networking.k8s.io/v1", "cilium.io/v2")
    other = other.replace("NetworkPolicy", "CiliumNetworkPolicy")
    (remark,) = drawn(*BASE, other).remarks
    assert "CiliumNetworkPolicy" in remark
    assert remark.endswith("may decide otherwise than the NetworkPolicies")


def test_a_probed_bundle_has_the_flows_that_packets_were_sent_for() -> None:
    """Between its real ends; both families are one port where they go alike."""
    bundle = mirror(*BASE, out_of("web", "{to: [{ipBlock: {cidr: 203.0.113.0/24}}]}"))
    pods = tuple(
        replace(pod, ips=(f"10.244.0.{n}", f"fd00:10:244::{n}"))
        for n, pod in enumerate(bundle.bundle.pods, 2)
    )
    world = Host(HostKind.OUTSIDE, "world", ("203.0.113.9", "2001:db8::9"), (Port(443),))
    node = Host(HostKind.NODE, "node-1", ("192.0.2.1",), (Port(10250),))
    topology = Topology(bundle.bundle.namespaces, pods, bundle.bundle.services, (world, node))
    sent = (*flows.pod_flows(topology), *flows.outside_flows(topology), *flows.node_flows(topology))
    picture = probed_picture(probed_reachability(bundle, topology, sent), "probed")
    names = [one.name for one in picture.ends]
    assert {"world", "node-1"} < set(names)
    assert ["8080/TCP"] == [one.port for one in picture.targets if names[one.end] == "shop/api"]
    assert Expected.ALLOWED is answer(picture, "shop/web", "shop/api", "8080/TCP")
    assert Expected.ALLOWED is answer(picture, "shop/web", "world", "443/TCP IPv4")
    assert Expected.DENIED is answer(picture, "shop/web", "world", "443/TCP IPv6")


BLOCK = "{to: [{ipBlock: {cidr: 10.244.0.0/17}}]}"
BUNDLES: dict[str, Callable[[], Mirror]] = {
    **{path.name: partial(read_mirror, [str(path)]) for path in EXAMPLES},
    "a block of pods": lambda: mirror(*BASE, out_of("web", BLOCK)),
    "shut": lambda: mirror(workload("shop/web", 80), workload("shop/db", 5432), deny_all("shop")),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_every_answer_is_that_of_the_evaluator(name: str) -> None:
    """Also where NetworkPolicy leaves it undefined."""
    bundle = BUNDLES[name]()
    (view,) = views(bundle)
    picture, evaluator = read_picture(bundle, ""), Evaluator(view.reach.index)
    asked = 0
    for flow in view.reach.flows:
        end = "dns" if flow.destination.name == "kube-system/kube-dns" else flow.destination.name
        port = f"{flow.port}/{flow.protocol}"
        if sides(picture, flow.source.name, end, port):
            said = answer(picture, flow.source.name, end, port)
            assert said is evaluator.expect(flow).expected, flow
            asked += 1
    assert asked
