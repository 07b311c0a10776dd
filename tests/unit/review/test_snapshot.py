"""Snapshots are small, stable and exact; a diff says what a change opens and closes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

import pytest

from netproof.errors import PolicyError
from netproof.model.review import Danger, DiffRecord, ReachChange
from netproof.policy.mirror import mirror_texts
from netproof.review.difference import compare_mirrors, compare_snapshots
from netproof.review.snapshot import read_snapshot, take, views, write_snapshot
from tests.unit.review.build import deny_all, mirror, policy, workload

WEB, API, DB = workload("shop/web", 80), workload("shop/api", 8080), workload("shop/db", 5432)
FAR = workload("far/job")
DENY = deny_all("shop")
NAMES = ("old", "new")
ANYONE = "any pod in any namespace"


def lets(name: str, to: str, source: str, port: str = "") -> str:
    """Return both policies that let one app of shop reach another, in one direction each."""
    ports = f", ports: [{port}]" if port else ""
    into = policy(
        f"shop/{name}-in",
        f"{{podSelector: {{matchLabels: {{app: {to}}}}}, policyTypes: [Ingress], ingress: [{{from: "
        f"[{{podSelector: {{matchLabels: {{app: {source}}}}}}}]{ports}}}]}}",
    )
    out = policy(
        f"shop/{name}-out",
        f"{{podSelector: {{matchLabels: {{app: {source}}}}}, policyTypes: [Egress], egress: [{{to: "
        f"[{{podSelector: {{matchLabels: {{app: {to}}}}}}}]{ports}}}]}}",
    )
    return f"{into}---\n{out}"


WEB_API = lets("web-api", "api", "web")
API_DB = lets("api-db", "db", "api", "{port: 5432}")
BASE = (WEB, API, DB, FAR, DENY, WEB_API, API_DB)


def into(app: str, rule: str, name: str = "shop/extra") -> str:
    """Return a policy for one app with one ingress rule."""
    chosen = f"podSelector: {{matchLabels: {{app: {app}}}}}"
    return policy(name, f"{{{chosen}, policyTypes: [Ingress], ingress: [{rule}]}}")


def out_of(app: str, rule: str) -> str:
    """Return a policy for one app with one egress rule."""
    chosen = f"podSelector: {{matchLabels: {{app: {app}}}}}"
    return policy("shop/extra", f"{{{chosen}, policyTypes: [Egress], egress: [{rule}]}}")


def text(*documents: str) -> str:
    """Return the snapshot of a bundle as text."""
    return write_snapshot(take(views(mirror(*documents))[0]))


def diff(old: tuple[str, ...], new: tuple[str, ...]) -> DiffRecord:
    """Return the difference between two bundles."""
    return compare_mirrors(mirror(*old), mirror(*new), NAMES)


def told(changes: Iterable[ReachChange]) -> set[str]:
    """Return changes as `source -> destination:port`."""
    return {f"{c.edge.source} -> {c.edge.destination}:{c.edge.port}" for c in changes}


def without(document: str) -> tuple[str, ...]:
    """Return the base bundle without one of its documents."""
    return tuple(one for one in BASE if one != document)


CHANGES = {
    "a rule for everyone": (
        (*BASE, into("api", "{}")),
        {f"{who} -> shop/api:8080/TCP" for who in ("outside", "far/job", ANYONE)},
        set(),
    ),
    "a policy dropped": (without(API_DB), set(), {"shop/api -> shop/db:5432/TCP"}),
    "another namespace let in": (
        (*BASE, into("db", "{from: [{namespaceSelector: {}}], ports: [{port: 5432}]}")),
        {"far/job -> shop/db:5432/TCP", f"{ANYONE} -> shop/db:5432/TCP"},
        set(),
    ),
    "a way out to DNS": (
        (
            *BASE,
            out_of(
                "web",
                "{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "
                "kube-system}}}], ports: [{port: 53, protocol: UDP}]}",
            ),
        ),
        {"shop/web -> dns:53/UDP", "shop/web -> any pod in namespace kube-system:53/UDP"},
        set(),
    ),
    "a way out to a block": (
        (
            *BASE,
            out_of("api", "{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}]}"),
        ),
        {"shop/api -> outside 203.0.113.0/24:443/TCP"},
        set(),
    ),
    "a narrower port": (
        (*without(WEB_API), lets("web-api", "api", "web", "{port: 81}")),
        set(),
        {"shop/web -> shop/api:8080/TCP"},
    ),
    "another source": (
        (*without(API_DB), lets("api-db", "db", "web", "{port: 5432}")),
        {"shop/web -> shop/db:5432/TCP"},
        {"shop/api -> shop/db:5432/TCP"},
    ),
    "another protocol": (
        (*without(API_DB), lets("api-db", "db", "api", "{port: 5432, protocol: UDP}")),
        {"shop/api -> shop/db:5432/UDP"},
        {"shop/api -> shop/db:5432/TCP"},
    ),
    "a workload more": (
        (*BASE, workload("far/server", 22)),
        {
            "outside -> far/server:22/TCP",
            f"{ANYONE} -> far/server:22/TCP",
            "far/job -> far/server:22/TCP",
            *(f"far/server -> dns:53/{p}" for p in ("TCP", "UDP")),
            *(
                f"far/server -> {whom}:{port}"
                for whom in ("outside", ANYONE)
                for port in ("80/TCP", "443/TCP", "5432/TCP", "any/TCP", "any/UDP")
            ),
        },
        set(),
    ),
    "only a comment": (("# nothing new\n" + BASE[0], *BASE[1:]), set(), set()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_opens_and_closes_exactly(name: str) -> None:
    """A change of a bundle opens and closes these flows and no others."""
    new, opened, closed = CHANGES[name]
    record = diff(BASE, new)

    assert (opened, closed) == (told(record.opened), told(record.closed))


def test_snapshot_is_small_and_reads_aloud() -> None:
    """A snapshot says who serves what, and for each port who reaches it."""
    assert """\
# netproof snapshot v2
# Who reaches whom by what the policies say; what is not listed is denied.
# `any pod` and `pods labelled` are not in the bundle, whose policies are not known.
# Written by `netproof snapshot`; compare with `netproof diff`.

far/job serves nothing
shop/api serves 8080/TCP
shop/db serves 5432/TCP
shop/web serves 80/TCP
outside is asked on any/TCP, any/UDP

any pod in any namespace on any/TCP
  from far/job

any pod in any namespace on any/UDP
  from far/job

dns on 53/TCP
  from far/job

dns on 53/UDP
  from far/job

outside on any/TCP
  from far/job

outside on any/UDP
  from far/job

shop/api on 8080/TCP
  from shop/web

shop/db on 5432/TCP
  from shop/api
""" == text(*BASE)


def test_snapshot_is_the_same_twice() -> None:
    """The same bundle gives the same bytes."""
    assert text(*BASE) == text(*BASE)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_order_of_files_changes_nothing(order: tuple[int, ...]) -> None:
    """Whatever order files come in, the snapshot is the same."""
    files = [("a", f"{WEB}---\n{DENY}"), ("b", f"{API}---\n{DB}---\n{API_DB}"), ("c", WEB_API)]
    expected = write_snapshot(take(views(mirror_texts(files))[0]))

    shuffled = mirror_texts([files[number] for number in order])

    assert expected == write_snapshot(take(views(shuffled)[0]))


def test_a_pods_address_changes_nothing() -> None:
    """A block that cuts the range of pods in two leaves open what it does to them."""
    block = into("db", "{from: [{ipBlock: {cidr: 10.244.0.0/17}}]}")

    assert "  perhaps from far/job" in text(DB, FAR, block)


def test_sources_are_folded() -> None:
    """Everybody is one line, a whole namespace is one line, and both read back."""
    pods = [workload(f"a/w{n}") for n in range(3)] + [workload(f"b/w{n}") for n in range(3)]
    folded = text(*pods, workload("a/x", 80))

    assert f"a/x on 80/TCP\n  from everyone\n  from {ANYONE}\n  from outside\n" in folded
    assert folded == write_snapshot(read_snapshot(folded, "x"))


def test_kept_snapshot_against_a_bundle() -> None:
    """A bundle can be compared with a snapshot that was kept of its earlier state."""
    kept = read_snapshot(text(*BASE), "kept")
    (view,) = views(mirror(*BASE, into("api", "{}")))

    record = compare_snapshots(kept, take(view), NAMES, view)

    who = ("outside", "far/job", ANYONE)
    assert {f"{one} -> shop/api:8080/TCP" for one in who} == told(record.changes)
    assert record.changes[0].causes


def test_block_that_a_kept_snapshot_does_not_know() -> None:
    """A block that the old snapshot does not tell apart is looked up at what is around it."""
    kept = read_snapshot(text(FAR), "kept")
    narrowed = policy(
        "far/p",
        "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, "
        "except: [203.0.113.0/24]}}]}]}",
    )
    (view,) = views(mirror(FAR, narrowed))

    record = compare_snapshots(kept, take(view), NAMES)

    assert set() == told(record.opened)
    assert {"outside 203.0.113.0/24"} == {change.edge.destination for change in record.closed}


def test_most_dangerous_first() -> None:
    """From outside and to databases comes before what stays within a namespace; closing is last."""
    new = (*without(WEB_API), into("api", "{}"), lets("web-web", "web", "api"))
    order = [change.danger for change in diff(BASE, new).changes]

    assert sorted(order, key=list(Danger).index) == order
    assert {Danger.HIGH, Danger.MEDIUM} <= set(order)


def test_opened_flow_names_the_rule() -> None:
    """What opens a flow is named with file and line."""
    record = diff(BASE, (*BASE, into("api", "{}")))

    assert any(
        "shop/extra ingress[0]" in cause.text and cause.place for cause in record.changes[0].causes
    )


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        pytest.param("# netproof snapshot v9\n", "s:1", id="version"),
        pytest.param("# netproof snapshot v1\nshop/web reaches all\n", "s:2", id="line"),
        pytest.param("# netproof snapshot v1\n  from shop/web\n", "s:2", id="source-of-nothing"),
    ],
)
def test_wrong_snapshot_is_refused_with_its_line(wrong: str, place: str) -> None:
    """A snapshot that cannot be read is refused where it stops making sense."""
    with pytest.raises(PolicyError) as caught:
        read_snapshot(wrong, "s")

    assert place == caught.value.place
