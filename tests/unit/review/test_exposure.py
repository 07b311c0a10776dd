"""Pods that are not in a bundle: who of them may get in and be reached, by what rules ask."""

from __future__ import annotations

import pytest

from netproof.errors import PolicyError
from netproof.model.review import Danger, DiffRecord
from netproof.policy import limits
from netproof.policy.strangers import Strangers, read_strangers
from netproof.review.difference import compare_mirrors, compare_snapshots
from netproof.review.snapshot import read_snapshot, take, views, write_snapshot
from tests.unit.review.build import deny_all, mirror, policy, workload

API, WEB = workload("shop/api", 8080), workload("shop/web", 80)
DENY = deny_all("shop")
BASE = (API, WEB, DENY)
ANYONE = "any pod in any namespace"
TO_API = "-> shop/api:8080/TCP"
SCRAPER = "{namespaceSelector: {}, podSelector: {matchLabels: {role: scraper}}}"
MONITORING = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}"


def into_api(peers: str, ports: str = "[]", name: str = "shop/in") -> str:
    """Return a policy that lets some peers in to the API."""
    return policy(
        name,
        "{podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress], "
        f"ingress: [{{from: [{peers}], ports: {ports}}}]}}",
    )


def out_of_api(peers: str, ports: str = "[]") -> str:
    """Return a policy that lets the API go to some peers."""
    return policy(
        "shop/out",
        "{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], "
        f"egress: [{{to: [{peers}], ports: {ports}}}]}}",
    )


def shot(*documents: str) -> str:
    """Return the snapshot of a bundle as text."""
    return write_snapshot(take(views(mirror(*documents))[0]))


def reached(text: str, end: str) -> list[str]:
    """Return the lines below an end of a snapshot."""
    _, found, rest = text.partition(f"\n{end}\n")
    return rest.partition("\n\n")[0].splitlines() if found else []


def diff(old: tuple[str, ...], new: tuple[str, ...]) -> DiffRecord:
    """Return the difference between two bundles."""
    return compare_mirrors(mirror(*old), mirror(*new), ("old", "new"))


def edges(record: DiffRecord) -> tuple[list[str], list[str]]:
    """Return what opens and what closes for strangers, as `source -> destination:port`."""
    opened, closed = (
        [
            f"{one.edge.source} -> {one.edge.destination}:{one.edge.port}"
            for one in changes
            if read_strangers(one.edge.source) or read_strangers(one.edge.destination)
        ]
        for changes in (record.opened, record.closed)
    )
    return opened, closed


WHO = {
    "labels anywhere": (SCRAPER, "pods labelled role=scraper in any namespace"),
    "a namespace": (MONITORING, "any pod in namespace monitoring"),
    "own namespace": (
        "{podSelector: {matchLabels: {role: scraper}}}",
        "pods labelled role=scraper in namespace shop",
    ),
    "labels of namespaces": (
        "{namespaceSelector: {matchExpressions: [{key: team, operator: In, values: [b, a]}]}}",
        "any pod in namespaces labelled team in (a, b)",
    ),
    "everyone": ("{namespaceSelector: {}}", ANYONE),
    "all addresses": ("{ipBlock: {cidr: 0.0.0.0/0}}", ANYONE),
    "other requirements": (
        (
            "{namespaceSelector: {}, podSelector: {matchExpressions: [{key: a, operator: Exists}, "
            "{key: b, operator: DoesNotExist}, {key: c, operator: NotIn, values: [x]}]}}"
        ),
        "pods labelled a, !b, c notin (x) in any namespace",
    ),
}


@pytest.mark.parametrize("name", WHO)
def test_who_may_get_in_is_named_by_the_selector(name: str) -> None:
    """Pods that the bundle does not hold are said by what the rule asks of them."""
    peers, words = WHO[name]

    assert f"  from {words}" in reached(shot(*BASE, into_api(peers)), "shop/api on 8080/TCP")


@pytest.mark.parametrize("name", WHO)
def test_who_may_be_reached_is_named_by_the_selector(name: str) -> None:
    """Egress to pods that the bundle does not hold is said alike, by the port."""
    peers, words = WHO[name]
    told = shot(*BASE, out_of_api(peers, "[{port: 9090}]"))

    assert ["  from shop/api"] == reached(told, f"{words} on 9090/TCP")
    assert [] == reached(told, f"{words} on any/TCP")


@pytest.mark.parametrize("name", WHO)
def test_words_of_strangers_read_back(name: str) -> None:
    """What a snapshot says of them means the same when it is read."""
    words = WHO[name][1]

    assert words == str(read_strangers(words))


def test_nobody_is_named_where_all_is_denied() -> None:
    """A bundle that denies everything is open to no pod, in it or not."""
    assert "any pod in" not in shot(*BASE)


def test_a_workload_without_policies_is_open_to_anyone() -> None:
    """Nothing isolates it, so pods of any namespace may come, and it may go to any."""
    told = shot(API)

    assert f"  from {ANYONE}" in reached(told, "shop/api on 8080/TCP")
    assert ["  from shop/api"] == reached(told, f"{ANYONE} on any/TCP")


def test_workloads_that_a_rule_means_are_no_strangers() -> None:
    """A rule for the web of its own namespace means the web that is there."""
    told = shot(*BASE, into_api("{podSelector: {matchLabels: {app: web}}}"))

    assert "pods labelled app" not in told


def test_a_label_that_is_given_to_whoever_may_come_in_is_for_strangers_too() -> None:
    """A workload that has it is not all that the rule means: hubs make such pods."""
    web = workload("shop/web", 80, access="given")
    told = shot(API, web, DENY, into_api("{podSelector: {matchLabels: {access: given}}}"))

    assert ["  from pods labelled access=given in namespace shop"] == [
        line for line in reached(told, "shop/api on 8080/TCP") if "web" not in line
    ]


def test_a_block_that_cuts_the_range_of_pods_leaves_it_open() -> None:
    """Which addresses strangers get is not known."""
    told = shot(*BASE, into_api("{ipBlock: {cidr: 10.244.0.0/17}}"))

    assert f"  perhaps from {ANYONE}" in reached(told, "shop/api on 8080/TCP")


def test_a_port_by_its_name_stands_for_itself() -> None:
    """Which number it has is the stranger's to say."""
    told = shot(*BASE, out_of_api(MONITORING, "[{port: metrics}]"))

    assert ["  from shop/api"] == reached(told, "any pod in namespace monitoring on metrics/TCP")
    assert [] == reached(told, "any pod in namespace monitoring on any/TCP")


def test_strangers_among_others_are_not_named_again() -> None:
    """Whoever lets anyone in lets scrapers in."""
    told = shot(*BASE, into_api(SCRAPER), into_api("{namespaceSelector: {}}", name="shop/all"))

    assert [f"  from {ANYONE}"] == [
        line for line in reached(told, "shop/api on 8080/TCP") if "any namespace" in line
    ]


def test_diff_opens_to_strangers_with_the_rule_that_does() -> None:
    """The most dangerous kind, unless they are in the workload's own namespace."""
    record = diff(BASE, (*BASE, into_api(SCRAPER)))

    assert ([f"pods labelled role=scraper in any namespace {TO_API}"], []) == edges(record)
    (change,) = record.opened
    assert (Danger.HIGH, "from pods that are not in the bundle") == (change.danger, change.why)
    assert ["shop/in ingress[0] lets from pods labelled role=scraper in any namespace"] == [
        cause.text for cause in change.causes
    ]
    assert change.causes[0].place.startswith("bundle.yaml:")
    near = diff(BASE, (*BASE, into_api("{podSelector: {matchLabels: {role: scraper}}}")))
    assert [Danger.MEDIUM] == [change.danger for change in near.opened]


def test_diff_closes_to_strangers() -> None:
    """The other way round."""
    record = diff((*BASE, out_of_api(MONITORING)), BASE)

    assert [] == edges(record)[0]
    assert {"any pod in namespace monitoring"} == {one.edge.destination for one in record.closed}


def test_a_wider_selector_closes_nothing() -> None:
    """Who was let in still is; only the wider set of pods is new."""
    narrow = "{namespaceSelector: {}, podSelector: {matchLabels: {role: a}}}"
    wide = (
        "{namespaceSelector: {}, podSelector: {matchExpressions: "
        "[{key: role, operator: In, values: [a, b]}]}}"
    )

    opened = [f"pods labelled role in (a, b) in any namespace {TO_API}"]
    assert (opened, []) == edges(diff((*BASE, into_api(narrow)), (*BASE, into_api(wide))))


def test_a_change_for_all_is_not_said_of_each() -> None:
    """Scrapers are among anyone, and named by another rule only."""
    other = out_of_api(SCRAPER)
    record = diff((*BASE, other), (*BASE, other, into_api("{namespaceSelector: {}}")))

    assert ([f"{ANYONE} {TO_API}"], []) == edges(record)


KEPT = {
    "nothing": (),
    "narrow": (into_api(SCRAPER),),
    "both": (into_api(SCRAPER), into_api("{namespaceSelector: {}}", name="shop/all")),
    "out": (out_of_api(f"{SCRAPER}, {MONITORING}", "[{port: 53, protocol: UDP}, {port: x}]"),),
    "perhaps": (into_api("{ipBlock: {cidr: 10.244.0.0/17}}"), into_api(SCRAPER, name="shop/b")),
}


@pytest.mark.parametrize("new", KEPT)
@pytest.mark.parametrize("old", KEPT)
def test_kept_snapshots_say_what_bundles_say(old: str, new: str) -> None:
    """Written down and read again, a state compares as it does itself."""
    before, after = (*BASE, *KEPT[old]), (*BASE, *KEPT[new])
    was, now = (read_snapshot(shot(*one), "kept") for one in (before, after))

    assert edges(diff(before, after)) == edges(compare_snapshots(was, now, ("old", "new")))
    assert [shot(*before), shot(*after)] == [write_snapshot(was), write_snapshot(now)]


def test_a_snapshot_of_before_says_nothing_of_strangers() -> None:
    """It is read, what it lacks is said, and nothing is made of it."""
    lines = shot(*BASE).splitlines()
    earlier = "\n".join(["# netproof snapshot v1", *lines[1:]])
    (view,) = views(mirror(*BASE, into_api(SCRAPER)))

    record = compare_snapshots(read_snapshot(earlier, "s"), take(view), ("s", "new"), view)

    assert () == record.changes
    assert len(record.unknown) == 1
    assert record.unknown[0].startswith("s was taken by an earlier netproof")


COVERS = {
    "anyone": ("any pod in any namespace", "pods labelled a=b in namespace x", True),
    "another namespace": ("any pod in namespace y", "any pod in namespace x", False),
    "one of several": (
        "pods labelled a in any namespace",
        "pods labelled a=b in namespace x",
        True,
    ),
    "more than one": (
        "pods labelled a=b in any namespace",
        "pods labelled a in any namespace",
        False,
    ),
    "none of others": (
        "pods labelled a notin (c) in any namespace",
        "pods labelled !a in any namespace",
        True,
    ),
    "fewer excluded": (
        "pods labelled a notin (c, d) in any namespace",
        "pods labelled a notin (c) in any namespace",
        False,
    ),
    "excluded value": (
        "pods labelled a notin (c) in any namespace",
        "pods labelled a in (b, c) in any namespace",
        False,
    ),
}


@pytest.mark.parametrize("name", COVERS)
def test_whether_all_of_some_are_among_others(name: str) -> None:
    """By what is written: each requirement has to follow from one of theirs."""
    wide, narrow, expected = COVERS[name]
    one, other = read_strangers(wide), read_strangers(narrow)

    assert isinstance(one, Strangers)
    assert isinstance(other, Strangers)
    assert expected is one.covers(other)


def test_too_many_kinds_of_strangers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is held against each."""
    text = shot(*BASE, into_api(f"{SCRAPER}, {MONITORING}"))
    monkeypatch.setattr("netproof.review.snapshot.MAX_STRANGERS", 1)

    with pytest.raises(PolicyError, match=r"bundle\.yaml:\d+: has more than 1 kinds of pods"):
        views(mirror(*BASE, into_api(f"{SCRAPER}, {MONITORING}")))
    with pytest.raises(PolicyError, match=r"s:\d+: has more than 1 kinds of pods"):
        read_snapshot(text, "s")
    assert limits.MAX_STRANGERS >= 1_000
