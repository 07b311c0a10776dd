"""Files of whatever bytes end in a value or in our own error, and steer no terminal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from netproof.cluster.profiles import reading, versions
from netproof.cluster.profiles.profile import Profile
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
from tests.fuzz.mutating import mutated
from tests.fuzz.rounds import attack_for
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
        call()
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


def test_bundles() -> None:
    """Workloads, policies and intents, judged, reported and written as a snapshot."""
    known = (
        "intents:\n" + "\n" * 10_000,
        "a: &a {<<: *a}",
        "spec: " + "9" * 10_000,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: 1e999}\n",
        "\ud800",
    )
    attack_for(mutated(SEEDS), lambda text: _or_our_error(lambda: _check(text)), known=known)


def test_intents() -> None:
    """Intents beside workloads."""

    def attack(text: str) -> None:
        _or_our_error(lambda: _check(f"{WORKLOADS}---\n{text}"))

    attack_for(mutated([INTENTS]), attack)


MIRROR = _mirror(SEEDS[1])


def test_statements() -> None:
    """What `netproof explain` is asked."""

    def told(text: str) -> None:
        assert [] == harm(terminal.explanations(explain(MIRROR, text)))

    asked = ["api -> web:http", "* -> dns", "outside 10.0.0.0/8 -> namespace shop:80/TCP"]
    attack_for(
        mutated(asked), lambda text: _or_our_error(lambda: told(text)), known=["api -> we\nb"]
    )


def _compare(one: Snapshot, other: Snapshot) -> None:
    for told in (terminal.diff, markdown.diff):
        assert [] == harm(told(compare_snapshots(one, other, ("a", "b"), None)))
    assert [] == harm(write_snapshot(other))


HEAD = "# netproof snapshot v1\n"
NEWER = "# netproof snapshot v2\n"


def test_comparison_of_snapshots() -> None:
    """Snapshots that somebody edited."""
    first = read_snapshot(SNAPSHOTS[0], "a")
    known = (
        f"{HEAD}a/b on any/TCP\n  from namespace \n",
        f"{HEAD}shop/web on 80/TCP\n  from outside 10.0.0.0{{/8\n",
        f"{HEAD}outside is asked on 80/TCP\noutside on 5/UDP\n  from a/b\n",
        f"{HEAD}outside x is asked on 80/TCP\n",
        f"{HEAD}outside x on 80/TCP\n  from a/b\n",
        f"{NEWER}pods labelled a in (b, c), !d in any namespace on x/TCP\n  from a/b\n",
        f"{NEWER}a/b on 1/TCP\n  from pods labelled in (, in ( in namespaces labelled =, (\n",
        f"{NEWER}a/b on 1/TCP\n  from pods labelled {', ' * 100_000} in any namespace\n",
    )

    def attack(text: str) -> None:
        _or_our_error(lambda: _compare(first, read_snapshot(text, "b")))

    attack_for(mutated(SNAPSHOTS), attack, known=known)


def test_comparison_of_bundles() -> None:
    """Another version of a bundle."""

    def told(text: str) -> None:
        assert [] == harm(terminal.diff(compare_mirrors(MIRROR, _mirror(text), ("a", "b"))))

    attack_for(mutated(SEEDS[1:3]), lambda text: _or_our_error(lambda: told(text)))


def _reports(text: str) -> None:
    record = codec.loads(text)
    for writer in WRITERS.values():
        assert writer.render(record)


def test_records() -> None:
    """Records from which all reports are made."""
    known = ('{"schema": "netproof.run/v1"}', "[" * 10_000, '{"schema": ' + "9" * 5_000 + "}")
    attack_for(mutated(RECORDS), lambda text: _or_our_error(lambda: _reports(text)), known=known)


def test_profiles(tmp_path: Path) -> None:
    """What is declared of a CNI: every profile there is, with something else in it."""
    seeds = [file.read_text("utf-8") for file in reading.folder().glob(f"*/{reading.FILE}")]
    file = tmp_path / reading.FILE

    def chosen(text: str) -> None:
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        profile = reading.read(file)
        for version in (profile.version, "latest", "v1.2.3-rc.1", text[:20]):
            _or_our_error(partial(_of_version, profile, version))

    attack_for(mutated(seeds), lambda text: _or_our_error(lambda: chosen(text)))


def _of_version(profile: Profile, version: str) -> None:
    for artifact in versions.choose(profile, version).artifacts:
        assert artifact.url
