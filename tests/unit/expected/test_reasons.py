"""Each answer comes with a sentence a person would say, and with the rules that made it."""

from __future__ import annotations

from netproof.expected import expect
from netproof.model.flow import Direction, Expected, Path, Reason
from netproof.model.value import replace
from netproof.model.workload import Protocol
from netproof.policy import load_text
from tests.unit.expected.world import WORLD, flow

TEXT = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchLabels: {app: api}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: db}}}]
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 8080}]
"""
POLICIES = load_text(TEXT, "shop.yaml").policies


def reasons(line: str) -> tuple[Reason, ...]:
    return expect(flow(line), WORLD, POLICIES).reasons


def test_egress_comes_first() -> None:
    """A flow between pods has a reason for the way out and one for the way in."""
    directions = [reason.direction for reason in reasons("shop/web -> shop/api:8080")]
    assert [Direction.EGRESS, Direction.INGRESS] == directions


def test_open_side() -> None:
    """Where no policy isolates, that is the reason."""
    expected = Reason(
        Direction.EGRESS,
        Expected.ALLOWED,
        "no policy isolates shop/web for egress, so it may go anywhere",
    )
    assert expected == reasons("shop/web -> shop/api:8080")[0]


def test_allowed_side_names_the_rule_with_its_place() -> None:
    """Where a rule lets a flow pass, it is named with file and line."""
    expected = Reason(
        Direction.INGRESS,
        Expected.ALLOWED,
        "shop/api ingress[1] lets shop/web in on 8080/TCP",
        ("shop/deny", "shop/api"),
        ("shop/api ingress[1] at shop.yaml:13",),
    )
    assert expected == reasons("shop/web -> shop/api:8080")[1]


def test_denied_side_names_the_policies_that_isolate() -> None:
    """Where no rule lets a flow pass, the policies that isolate are named."""
    expected = Reason(
        Direction.INGRESS,
        Expected.DENIED,
        "shop/deny and shop/api isolate shop/api for ingress and none of their rules lets "
        "shop/web in on 9000/TCP",
        ("shop/deny", "shop/api"),
    )
    assert expected == reasons("shop/web -> shop/api:9000")[1]


def test_one_policy_is_spoken_of_as_one() -> None:
    """The sentence is right for a single policy too."""
    expected = (
        "shop/deny isolates shop/db for ingress and none of its rules lets internet in on 5432/TCP"
    )
    assert expected == reasons("internet -> shop/db:5432")[0].text


def test_undefined_side_says_why() -> None:
    """Where the API leaves it open, the reason says what it leaves open."""
    expected = (
        "shop/deny and shop/api isolate shop/api for ingress, but traffic between a pod and its "
        "own node is not for policies to deny"
    )
    assert expected == reasons("node-a -> shop/api:8080")[0].text


def test_backends_that_differ_are_listed() -> None:
    """A Service with backends that differ says which backend does what, egress side first."""
    found = reasons("shop/web -> service shop/back:80 by cluster-ip")
    expected = "the backends of service shop/back differ: shop/api allowed, shop/db denied"
    assert expected in [reason.text for reason in found]
    assert found[0].direction is Direction.EGRESS


def test_backends_that_agree_give_each_reason_once() -> None:
    """What two backends have in common is said once."""
    found = reasons("stage/job -> service shop/back:80 by cluster-ip")
    assert len(found) == len(set(found)) == 3


def test_service_without_backends() -> None:
    """A Service that nobody stands behind denies without any policy."""
    (reason,) = reasons("shop/web -> service shop/none:80 by cluster-ip")
    expected = "Service shop/none has no backend for 80/TCP, so what is sent there is rejected"
    assert expected == reason.text


def test_of_icmp_nothing_is_said() -> None:
    """With policies and without, whoever the ends are, and whatever may pass otherwise."""
    tcp = flow("shop/web -> shop/api:8080")
    echo = replace(tcp, port=0, protocol=Protocol.ICMP)
    for policies in (POLICIES, ()):
        found = expect(echo, WORLD, policies)
        assert Expected.UNDEFINED is found.expected
        assert "leaves open what becomes of ICMP" in found.reasons[0].text


def test_large_datagrams_are_what_small_ones_are() -> None:
    """How many packets a datagram takes is no matter of policies."""
    small = flow("shop/web -> shop/api:8080/UDP")
    large = replace(small, path=Path.FRAGMENTS)
    assert expect(small, WORLD, POLICIES) == expect(large, WORLD, POLICIES)
