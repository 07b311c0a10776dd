"""Bundles, intents, snapshots and records of whatever bytes end in a value or in our own error."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given

from netproof.errors import NetproofError
from netproof.model import codec
from netproof.model.review import Snapshot
from netproof.policy.mirror import Mirror, mirror_texts
from netproof.report import sarif
from netproof.report.review import markdown, terminal
from netproof.report.writers import WRITERS
from netproof.review.case import case_of, check
from netproof.review.difference import compare_mirrors, compare_snapshots
from netproof.review.explanation import explain
from netproof.review.snapshot import read_snapshot, take, views, write_snapshot
from tests.attacks.hostile import harm
from tests.fuzz.mutating import A_ROUND, in_time, keep_trying, mutated
from tests.unit.report.sample import ALL_PASS, EVERYTHING

WORKLOADS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api}}
spec: {hostNetwork: false, containers: [{name: c, ports: [{containerPort: 53, protocol: UDP}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""
POLICIES = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [web, api]}]}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {}}]
      ports: [{port: http}, {port: 8080, endPort: 8090, protocol: UDP}]
    - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.244.0.0/24]}}, {ipBlock: {cidr: "::/0"}}]
  egress:
    - to: []
      ports: [{port: 53, protocol: UDP}]
"""
INTENTS = """\
namespace: shop
intents:
  - allow: api -> web:http
    reason: a
  - deny: "*" -> api
    except: [web -> api:53/UDP]
    reason: b
  - only: label app=web in namespace shop -> outside 203.0.113.0/24:443
    reason: c
  - deny: outside -> dns
    reason: d
"""
SEEDS = (
    f"{WORKLOADS}---\n{POLICIES}---\n{INTENTS}",
    f"{WORKLOADS}---\n{POLICIES}",
    POLICIES,
    '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", '  # noqa: ISC004
    '"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}]}}]}',
)


def _mirror(text: str) -> Mirror:
    return mirror_texts([("b.yaml", text)])


SNAPSHOTS = (
    write_snapshot(take(views(_mirror(SEEDS[0]))[0])),
    write_snapshot(take(views(_mirror(WORKLOADS))[0])),
    "# netproof snapshot v1\na/b serves 80/TCP\n\na/b on 80/TCP\n  from everyone\n",
)
RECORDS = (codec.dumps(ALL_PASS), codec.dumps(EVERYTHING))


def _or_our_error(call: Callable[[], None]) -> None:
    try:
        in_time(call)
    except NetproofError as error:
        assert len(str(error)) < 1_000_000  # noqa: PT017 - that there is a message is what is tried


def _check(text: str) -> None:
    mirror = _mirror(text)
    record = check(case_of(mirror, "b"), with_mutations=True)
    for told in (terminal.check(record), markdown.check(record), sarif.check_log(record)):
        assert [] == harm(told)
    assert [] == harm(codec.dumps(record))
    snapshot = take(views(mirror)[0])
    again = read_snapshot(write_snapshot(snapshot), "s")
    assert write_snapshot(snapshot) == write_snapshot(again)


@A_ROUND
@example("intents:\n" + "\n" * 10_000)
@example("a: &a {<<: *a}")
@example("spec: " + "9" * 10_000)
@example("apiVersion: v1\nkind: Pod\nmetadata: {name: 1e999}\n")
@example("\ud800")
@given(mutated(SEEDS))
def _bundle_round(text: str) -> None:
    _or_our_error(lambda: _check(text))


@A_ROUND
@given(mutated([INTENTS]))
def _intents_round(text: str) -> None:
    _or_our_error(lambda: _check(f"{WORKLOADS}---\n{text}"))


@A_ROUND
@example("api -> we\nb")
@given(mutated(["api -> web:http", "* -> dns", "outside 10.0.0.0/8 -> namespace shop:80/TCP"]))
def _statement_round(text: str) -> None:
    def told() -> None:
        assert [] == harm(terminal.explanations(explain(MIRROR, text)))

    _or_our_error(told)


MIRROR = _mirror(SEEDS[1])


def _compare(one: Snapshot, other: Snapshot) -> None:
    for told in (terminal.diff, markdown.diff):
        assert [] == harm(told(compare_snapshots(one, other, ("a", "b"), None)))
    assert [] == harm(write_snapshot(other))


@A_ROUND
@example("# netproof snapshot v1\na/b on any/TCP\n  from namespace \n")
@example("# netproof snapshot v1\nshop/web on 80/TCP\n  from outside 10.0.0.0{/8\n")
@example("# netproof snapshot v1\noutside is asked on 80/TCP\noutside on 5/UDP\n  from a/b\n")
@example("# netproof snapshot v1\noutside x is asked on 80/TCP\n")
@example("# netproof snapshot v1\noutside x on 80/TCP\n  from a/b\n")
@given(mutated(SNAPSHOTS))
def _snapshot_round(text: str) -> None:
    first = read_snapshot(SNAPSHOTS[0], "a")
    _or_our_error(lambda: _compare(first, read_snapshot(text, "b")))


@A_ROUND
@given(mutated(SEEDS[1:3]))
def _difference_round(text: str) -> None:
    def told() -> None:
        assert [] == harm(terminal.diff(compare_mirrors(MIRROR, _mirror(text), ("a", "b"))))

    _or_our_error(told)


def _reports(text: str) -> None:
    record = codec.loads(text)
    for writer in WRITERS.values():
        assert writer.render(record)


@A_ROUND
@example('{"schema": "netproof.run/v1"}')
@example("[" * 10_000)
@example('{"schema": ' + "9" * 5_000 + "}")
@given(mutated(RECORDS))
def _record_round(text: str) -> None:
    _or_our_error(lambda: _reports(text))


ROUNDS = {
    "bundle": _bundle_round,
    "intents": _intents_round,
    "statement": _statement_round,
    "snapshot": _snapshot_round,
    "difference": _difference_round,
    "record": _record_round,
}


@pytest.mark.parametrize("name", ROUNDS)
def test_whatever_comes(name: str) -> None:
    """No traceback, no hang, and nothing that steers a terminal."""
    keep_trying(ROUNDS[name])
