"""A first intents file: what it says holds, all of it, and it says it in few lines."""

from __future__ import annotations

from random import Random

import pytest
import yaml

from netproof.model.review import Kept
from netproof.policy.intentdocuments import read_intents_text
from netproof.policy.limits import MAX_INTENTS
from netproof.policy.mirror import Mirror, mirror_texts
from netproof.review import draft as drafting
from netproof.review.case import case_of, check
from netproof.review.draft import Draft, draft, strangers, write_draft
from netproof.review.intents import read_intents, wanted_sources
from netproof.review.reachability import Reachability
from netproof.review.sides import Block
from tests.unit.review import large
from tests.unit.review.build import FILE, deny_all, intents, mirror, policy, service, workload

SPACES, NAMES = ("a", "b", "c"), ("one", "two", "three")
PORTS: tuple[int | str, ...] = (80, 5432, "53/UDP")
BLOCKS = (
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.1.0/24",
    "203.0.113.0/24",
    "2001:db8::/32",
)
OVERRULER = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: other, namespace: a}
spec: {endpointSelector: {}, ingress: [{}]}
"""


def bundle(seed: int) -> str:
    """Return a random bundle: workloads that share names, ports and namespaces, and policies."""
    random = Random(seed)
    parts = [
        workload(f"{space}/{name}", *random.sample(PORTS, random.randint(0, len(PORTS))))
        for space in SPACES
        for name in NAMES[: random.randint(1, 3)]
    ]
    if random.random() < 0.3:
        at = random.randrange(len(parts))
        spec = parts[at].replace("spec: {containers", "spec: {hostNetwork: true, containers")
        parts[at] = spec
    parts += [deny_all(space) for space in SPACES if random.random() < 0.4]
    parts += [_policy(random, number) for number in range(random.randint(0, 6))]
    if random.random() < 0.3:
        entrance = service("b/front", "one", "{port: 80}").replace(
            "spec: {", "spec: {type: LoadBalancer, "
        )
        parts.append(entrance)
    if random.random() < 0.2:
        parts.append(OVERRULER)
    return "---\n".join(parts)


def _policy(random: Random, number: int) -> str:
    chosen = random.choice(["{}", f"{{matchLabels: {{app: {random.choice(NAMES)}}}}}"])
    ways = random.sample(["ingress", "egress"], random.randint(1, 2))
    rules = ", ".join(f"{way}: [{_rule(random, way)}]" for way in ways)
    types = ", ".join(way.title() for way in ways)
    spec = f"{{podSelector: {chosen}, policyTypes: [{types}], {rules}}}"
    return policy(f"{random.choice(SPACES)}/p{number}", spec)


def _rule(random: Random, way: str) -> str:
    peers = ", ".join(_peer(random) for _ in range(random.randint(0, 2)))
    port = random.choice(["", "{port: 80}", "{port: 5432}", "{port: 53, protocol: UDP}"])
    parts = [f"{'from' if way == 'ingress' else 'to'}: [{peers}]" if peers else ""]
    parts.append(f"ports: [{port}]" if port else "")
    return f"{{{', '.join(filter(None, parts))}}}"


def _peer(random: Random) -> str:
    if random.random() < 0.4:
        outer = random.choice(BLOCKS)
        inner = {"0.0.0.0/0": "10.0.0.0/8", "10.0.0.0/8": "10.1.0.0/16"}.get(outer, "")
        without = f", except: [{inner}]" if inner and random.random() < 0.5 else ""
        return f'{{ipBlock: {{cidr: "{outer}"{without}}}}}'
    pods = random.choice(["{}", f"{{matchLabels: {{app: {random.choice(NAMES)}}}}}"])
    space = f"{{matchLabels: {{kubernetes.io/metadata.name: {random.choice(SPACES)}}}}}"
    spaces = random.choice(["", ", namespaceSelector: {}", f", namespaceSelector: {space}"])
    return f"{{podSelector: {pods}{spaces}}}"


def read(text: str, *more: tuple[str, str]) -> Mirror:
    """Return the mirror of a bundle that is one file, with further ones."""
    return mirror_texts([(FILE, text), *more])


def unstated(reach: Reachability, written: str) -> int:
    """Return of how many flows a file says nothing."""
    said = [0] * len(reach.grid.targets)
    for intent in read_intents(read_intents_text(written, "written")):
        for members in wanted_sources(intent, reach):
            said = [one | more for one, more in zip(said, members, strict=True)]
    return len(reach.grid) - sum(one.bit_count() for one in said)


@pytest.mark.parametrize("seed", range(40))
def test_a_draft_is_kept_in_full_and_says_all(seed: int) -> None:
    """Of any bundle: `netproof check --static` finds each intent kept, and no flow is passed over.

    What is left unsaid are the flows that nobody can say anything of.
    """
    text = bundle(seed)
    drafted = draft(read(text))
    written = write_draft(drafted)
    case = case_of(read(text, ("intents.yaml", written)), "random")
    found = check(case).intents
    assert {Kept.KEPT} == {one.static.kept for one in found}
    assert len(drafted.intents) == len(found)
    left = unstated(case.reachability, written)
    assert ([f"{left:,} flow" in told for told in drafted.left] or [left == 0]) == [True]


@pytest.mark.parametrize("seed", range(40, 46))
def test_a_draft_that_does_not_hold_is_not_written(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in putting flows into words, what is written was judged."""
    monkeypatch.setattr(
        drafting._Drafting, "_answers", property(lambda self: (self._grid.present,) * 2)
    )
    text = bundle(seed)
    written = write_draft(draft(read(text)))
    if "\n  - " in written:
        case = case_of(read(text, ("intents.yaml", written)), "random")
        assert {Kept.KEPT} == {one.static.kept for one in check(case).intents}


@pytest.fixture(scope="module")
def sixty() -> Draft:
    """Return a draft for sixty workloads with 120 policies."""
    return draft(read(large.text()))


def test_sixty_workloads_take_few_lines(sixty: Draft) -> None:
    """One intent for each way that is open, one for each namespace that is shut."""
    ways, shut = large.SPACES * large.PER_SPACE, large.SPACES
    assert len(sixty.intents) <= ways + shut + 3


def test_what_holds_of_a_namespace_is_said_once() -> None:
    """Sixty workloads without policies, and with one namespace shut."""
    pods = [workload(f"s{n % 6}/w{n}", 80, 443) for n in range(60)]
    assert 4 == len(draft(mirror(*pods)).intents)
    drafted = draft(mirror(*pods, deny_all("s1")))
    assert len(drafted.intents) <= 30
    assert "deny: * -> namespace s1" in [one.text for one in drafted.intents]


def test_the_most_dangerous_comes_first() -> None:
    """The world, then what may leave, then other namespaces and databases, then what is shut."""
    free = "{podSelector: {matchLabels: {app: web}}, ingress: [{}]}"
    db = "{podSelector: {matchLabels: {app: zdb}}, ingress: [{from: [{namespaceSelector: {}}]}]}"
    drafted = draft(
        mirror(
            *(workload("shop/web", 80), workload("shop/zdb", 5432), workload("shop/own", 80)),
            *(workload("ops/cron"), deny_all("shop"), policy("shop/w", free)),
            policy("shop/d", db),
        )
    )
    assert [
        "allow: outside -> shop/web",
        "allow: ops/cron -> outside",
        "allow: ops/cron -> shop/zdb",
        "allow: ops/cron -> shop/web",
        "allow: ops/cron -> dns",
        "deny: * -> namespace shop",
        "deny: namespace shop -> dns",
        "deny: namespace shop -> outside",
        "deny: outside -> namespace shop",
    ] == [one.text for one in drafted.intents]
    database = drafted.intents[2].reason
    assert "to be confirmed: pods of other namespaces reach it (data or control)" == database


def test_every_line_is_to_be_confirmed(sixty: Draft) -> None:
    """Nobody meant any of it yet, and a file that says so cannot pass for a decision."""
    written = yaml.safe_load(write_draft(sixty))
    assert all(one["reason"].startswith("to be confirmed: ") for one in written["intents"])


def test_pods_that_are_not_in_the_bundle_are_named_beside() -> None:
    """No statement can name them; who opens a bundle to all of a cluster learns of it here."""
    shown = strangers(mirror(workload("shop/web", 80), workload("shop/db", 5432), deny_all("ops")))
    assert ("any pod in any namespace -> namespace shop",) == shown
    written = write_draft(draft(mirror(workload("shop/web", 80))), unnamed=shown)
    assert "  # - any pod in any namespace -> namespace shop\n" in written


def test_what_is_stated_already_is_left() -> None:
    """A bundle with intents of its own takes the rest beside them; none is stated twice."""
    text = "---\n".join([workload("shop/web", 80), workload("shop/api", 80)])
    own = intents("allow: shop/web -> shop/api:8080", "allow: * -> dns")
    with_own = read(text, ("own.yaml", own))
    drafted = draft(with_own, read_intents(with_own.intents))
    texts = [one.text for one in drafted.intents]
    assert "allow: * -> dns" not in texts
    both = read(text, ("own.yaml", own), ("intents.yaml", write_draft(drafted)))
    assert all(one.static.kept is Kept.KEPT for one in check(case_of(both, "both")).intents)


def test_more_than_can_be_judged_is_cut_from_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shut stays, the least dangerous of the rest goes, and how many is said."""
    monkeypatch.setattr(drafting, "MAX_INTENTS", 20)
    drafted = draft(read(large.text()))
    assert 20 == len(drafted.intents)
    assert "55 intents more, which are too many to read" in drafted.left
    assert MAX_INTENTS > 20


@pytest.mark.parametrize("members", range(1, 32))
def test_hosts_outside_are_named_by_blocks(members: int) -> None:
    """Any set of them, by blocks with blocks taken out: each just once, and no other."""
    narrow = Block("c", 4, 4), Block("d", 8, 8)
    wide = Block("b", 2, 14, narrow), Block("e", 16, 16)
    means = {block.side: block.all_of_it for block in (*narrow, *wide)} | {"all": 31}
    named = [
        means[side] & ~sum(means[one] for one in without)
        for side, without in Block("all", 1, 31, wide).stated(members)
    ]
    assert members == sum(named)
