"""A first intents file for a bundle: what its policies mean now, for people to confirm.

Each intent holds today, and together they say of every flow what the policies say: what is allowed
one by one, the most dangerous first, and what is denied by "nobody but those". What the API or
something else in the bundle leaves open is not stated. Nothing here was meant by anybody yet, so
each reason says that it is to be confirmed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import accumulate

from netproof.expected import as_set, positions
from netproof.model.flow import EndpointKind, Expected
from netproof.model.review import Kept
from netproof.policy.intentdocuments import read_intents_text
from netproof.policy.limits import MAX_INTENTS, MAX_JUDGED
from netproof.policy.mirror import Mirror
from netproof.printing import Printable, counted, one_line, several_lines
from netproof.review.difference import GUARDED
from netproof.review.doubts import Doubts
from netproof.review.intents import Intent, IntentStance, reachability_of, read_intents
from netproof.review.judgement import judge_all
from netproof.review.reachability import Reachability
from netproof.review.sides import EVERYBODY, Block, Sides, outside_of, port_text
from netproof.review.snapshot import shrunk, take, views

UNCONFIRMED = "to be confirmed"
"""How the reasons of drafted intents begin."""

ALLOW, DENY = IntentStance.ALLOW, IntentStance.DENY


class DraftSection(Enum):
    """What an open way may cost, the worst first: a heading, and the reason that is given."""

    FROM_OUTSIDE = "From outside the cluster", "hosts outside reach it"
    TO_OUTSIDE = "To outside the cluster", "data may leave this way"
    ACROSS = "Across namespaces", "pods of other namespaces reach it"
    WITHIN = "Within a namespace", "pods of its namespace reach it"
    NAMES = "The cluster's DNS", "it looks up names"
    SHUT = "What is shut", "nobody gets through"


@dataclass(frozen=True, slots=True)
class DraftedIntent:
    """An intent that holds; `guarded` tells that one of its ports mostly is data or control."""

    stance: IntentStance
    statement: str
    excepts: tuple[str, ...]
    danger: DraftSection
    guarded: bool = False

    @property
    def text(self) -> str:
        """The intent as `Intent.text` has it."""
        return f"{self.stance}: {self.statement}"

    @property
    def reason(self) -> str:
        """What a person is asked to confirm."""
        _, why = self.danger.value
        if self.stance is DENY:
            why = "nobody else gets through" if self.excepts else "nobody gets through"
        port = " (data or control)" if self.guarded else ""
        return f"{UNCONFIRMED}: {why}{port}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a first intents file says; `left` is what of the flows it does not say."""

    intents: tuple[DraftedIntent, ...]
    left: tuple[str, ...] = ()


def draft(mirror: Mirror, stated: Sequence[Intent] = ()) -> Draft:
    """Draft intents of a bundle beside those that it states already."""
    reach = reachability_of(mirror, stated)
    known = {intent.text for intent in stated}
    drafting = _Drafting(reach)
    made = [one for one in drafting.intents() if one.text not in known]
    made.sort(key=_order)
    kept = _kept(mirror, stated, _within_limits(made, reach, MAX_INTENTS - len(stated)))
    left = []
    if drafting.open_flows:
        left.append(
            f"{counted(drafting.open_flows, 'flow')} that the API or something else in the bundle "
            "leaves open: `netproof explain` says why"
        )
    if len(kept) < len(made):
        left.append(f"{counted(len(made) - len(kept), 'intent')} more, which are too many to read")
    return Draft(kept, tuple(left))


def _order(one: DraftedIntent) -> tuple[object, ...]:
    source = one.statement.partition(" ")[0]
    wide = source in (EVERYBODY, "outside", "namespace")
    section = list(DraftSection).index(one.danger)
    return section, not one.guarded, one.stance is DENY, not wide, one.statement


def _within_limits(
    made: Sequence[DraftedIntent], reach: Reachability, most: int
) -> list[DraftedIntent]:
    """Return the first that can be judged, those that say what is shut before all others."""
    room = MAX_JUDGED // max(1, len(reach.grid.targets))
    first = [*(one for one in made if one.danger is DraftSection.SHUT), *made]
    each = list(dict.fromkeys(first))[: max(0, most)]
    sums = accumulate(1 + len(one.excepts) for one in each)
    taken = {one for one, so_far in zip(each, sums, strict=True) if so_far <= room}
    return [one for one in made if one in taken]


def _kept(
    mirror: Mirror, stated: Sequence[Intent], made: Sequence[DraftedIntent]
) -> tuple[DraftedIntent, ...]:
    """Return those that `netproof check` finds kept: a draft that does not hold is no use."""
    if not made:
        return ()
    intents = read_intents(read_intents_text(write_draft(Draft(tuple(made))), "draft"))
    every = (*stated, *intents)
    found = judge_all(reachability_of(mirror, every), intents)
    held = {one.intent for one in found if one.static.kept is Kept.KEPT}
    return tuple(one for one in made if one.text in held)


class _Drafting:
    """Puts the answers for all flows of a bundle into statements."""

    def __init__(self, reach: Reachability) -> None:
        self._reach = reach
        self._grid = reach.grid
        self._sides = Sides(reach)
        self._outside = outside_of(reach)

    def intents(self) -> Iterator[DraftedIntent]:
        """Yield them in no order."""
        yield from self._between_pods()
        yield from self._from_outside()
        for kind, block, danger in (
            (EndpointKind.OUTSIDE, self._outside, DraftSection.TO_OUTSIDE),
            (EndpointKind.SERVICE, Block("dns", 1, 1), DraftSection.NAMES),
        ):
            yield from self._out(block, self._abroad(kind), danger)

    @property
    def open_flows(self) -> int:
        """How many flows nobody can say anything of."""
        allowed, denied = self._answers
        said = sum((a | d).bit_count() for a, d in zip(allowed, denied, strict=True))
        return len(self._grid) - said

    @cached_property
    def _answers(self) -> tuple[list[int], list[int]]:
        """For each target the sources that surely reach it, and those that surely do not."""
        grid, doubts = self._grid, Doubts(self._reach)
        allowed = [*grid.allowed]
        open_ends = zip(grid.present, grid.allowed, grid.undefined, strict=True)
        denied = [here & ~free & ~open_end for here, free, open_end in open_ends]
        for source, target in self._reach.in_order(doubts.possible):
            flow, bit = grid.flow(source, target), 1 << source
            routed = flow.source.kind is EndpointKind.OUTSIDE
            answer = None if doubts.of(flow, routed=routed) else doubts.answer(flow)
            allowed[target] &= ~bit
            denied[target] &= ~bit
            allowed[target] |= bit if answer is Expected.ALLOWED else 0
            denied[target] |= bit if answer is Expected.DENIED else 0
        return allowed, denied

    def _between_pods(self) -> Iterator[DraftedIntent]:
        allowed, denied = self._answers
        stated: _Stated = {}
        passed: dict[str, dict[str, list[int]]] = {}
        closed: dict[str, list[int]] = {}
        for target, pod in self._sides.owners.items():
            own = 1 << pod
            others = self._sides.everybody & ~own
            free, shut = allowed[target] & others, denied[target] & others
            space = self._sides.pods[pod].namespace
            through = passed.setdefault(space, {})
            named, named_shut = self._sides.folded(free, own), self._sides.folded(shut, own)
            if 1 + len(named_shut) < len(named):
                without = self._sides.folded(others & ~free, own)
                stated.setdefault((ALLOW, EVERYBODY, without), []).append(target)
                for source in named_shut:
                    stated.setdefault((DENY, source, ()), []).append(target)
                through.setdefault(EVERYBODY, []).append(target)
                continue
            for source in named:
                stated.setdefault((ALLOW, source, ()), []).append(target)
            for source in self._sides.folded(others & ~shut, own):
                through.setdefault(source, []).append(target)
            if shut:
                closed.setdefault(space, []).append(target)
        yield from self._in(stated)
        for space, targets in closed.items():
            yield from self._nobody_else(space, targets, passed[space])

    def _nobody_else(
        self, space: str, closed: Sequence[int], passed: Mapping[str, Sequence[int]]
    ) -> Iterator[DraftedIntent]:
        """Deny what nobody is let into a namespace by, to all of it unless one name is enough."""
        meant = self._sides.ports(closed, EVERYBODY)
        if len(meant) == 1:
            passed = {source: [t for t in there if t in closed] for source, there in passed.items()}
        else:
            pods = self._sides.spaces[space]
            every = [target for target, pod in self._sides.owners.items() if pods >> pod & 1]
            meant = self._sides.ports(every, EVERYBODY)
        excepts = tuple(
            f"{source} -> {there}"
            for source, targets in passed.items()
            if targets
            for there in self._sides.ports(targets, source)
        )
        yield DraftedIntent(DENY, f"{EVERYBODY} -> {meant[0]}", excepts, DraftSection.SHUT)

    def _from_outside(self) -> Iterator[DraftedIntent]:
        allowed, denied = self._answers
        stated: _Stated = {}
        block, let_in, shut = self._outside, list[int](), list[int]()
        for target in self._sides.owners:
            free, closed = (side[target] & block.all_of_it for side in (allowed, denied))
            if not block.all_of_it & ~closed:
                shut.append(target)
                continue
            let_in.append(target)
            for stance, members in ((ALLOW, free), (DENY, closed)):
                for side, without in block.stated(members):
                    stated.setdefault((stance, side, without), []).append(target)
        yield from self._in(stated)
        if not shut:
            return
        meant = self._sides.ports(shut, block.side)
        excepts: tuple[str, ...] = ()
        if len(meant) > 1 and let_in:
            passed = self._sides.ports(let_in, block.side)
            excepts = tuple(f"{block.side} -> {there}" for there in passed)
            meant = self._sides.ports(self._sides.owners, block.side)
        for there in meant:
            yield DraftedIntent(DENY, f"{block.side} -> {there}", excepts, DraftSection.SHUT)

    def _in(self, stated: _Stated) -> Iterator[DraftedIntent]:
        """Yield what is stated of ports of workloads."""
        for (stance, source, without), targets in stated.items():
            for there in self._sides.ports(targets, source):
                excepts = tuple(f"{one} -> {there}" for one in without)
                guarded = stance is ALLOW and self._is_guarded(there, targets)
                danger = self._danger(source, there)
                yield DraftedIntent(stance, f"{source} -> {there}", excepts, danger, guarded)

    def _is_guarded(self, there: str, targets: Iterable[int]) -> bool:
        side, _, port = there.partition(":")
        meant = [self._grid.targets[at] for at in targets]
        numbers = (
            str(one.port)
            for one in meant
            if side
            in (EVERYBODY, one.destination.name, f"namespace {_space(one.destination.name)}")
        )
        return not GUARDED.isdisjoint([port.partition("/")[0]] if port else numbers)

    def _danger(self, source: str, there: str) -> DraftSection:
        if source.startswith(self._outside.side):
            return DraftSection.FROM_OUTSIDE
        spaces = {_space(source), _space(there)}
        within = len(self._sides.spaces) == 1 or (len(spaces) == 1 and EVERYBODY not in spaces)
        return DraftSection.WITHIN if within else DraftSection.ACROSS

    def _abroad(self, kind: EndpointKind) -> dict[str, dict[int, int]]:
        """Return by port the targets at ends that are no pods, by the places of these."""
        places = {end: at for at, end in enumerate(self._grid.sources)}
        found: dict[str, dict[int, int]] = {}
        for at, one in enumerate(self._grid.targets):
            if one.destination.kind is kind:
                found.setdefault(port_text(one), {})[places.get(one.destination, 0)] = at
        return found

    def _out(
        self, block: Block, ports: Mapping[str, Mapping[int, int]], danger: DraftSection
    ) -> Iterator[DraftedIntent]:
        """Yield what pods may send to ends that are no pods."""
        stated: dict[tuple[IntentStance, str, tuple[str, ...]], int] = {}
        passed: dict[str, int] = {}
        shut = 0
        for pod in positions(self._sides.everybody):
            for suffix, free, closed in self._by_port(pod, ports):
                if not block.all_of_it & ~closed:
                    shut |= 1 << pod
                    continue
                passed[block.side + suffix] = passed.get(block.side + suffix, 0) | 1 << pod
                for stance, members in ((ALLOW, free), (DENY, closed)):
                    for side, without in block.stated(members):
                        key = stance, side + suffix, tuple(one + suffix for one in without)
                        stated[key] = stated.get(key, 0) | 1 << pod
        for (stance, there, without), pods in stated.items():
            for source in self._sides.folded(pods):
                excepts = tuple(f"{source} -> {one}" for one in without)
                yield DraftedIntent(stance, f"{source} -> {there}", excepts, danger)
        yield from self._nothing_else(block, shut, passed)

    def _nothing_else(
        self, block: Block, shut: int, passed: Mapping[str, int]
    ) -> Iterator[DraftedIntent]:
        meant = self._sides.folded(shut)
        if len(meant) > 1:
            shut = self._sides.everybody
            meant = self._sides.folded(shut)
        excepts = tuple(
            f"{source} -> {there}"
            for there, pods in passed.items()
            for source in self._sides.folded(pods & shut)
        )
        for source in meant:
            yield DraftedIntent(DENY, f"{source} -> {block.side}", excepts, DraftSection.SHUT)

    def _by_port(
        self, pod: int, ports: Mapping[str, Mapping[int, int]]
    ) -> Iterator[tuple[str, int, int]]:
        """Yield ports, as what stands behind an end, with the ends that are open and shut there.

        Where all ports go alike none is named.
        """
        found = {
            port: (self._ends(0, pod, targets), self._ends(1, pod, targets))
            for port, targets in ports.items()
        }
        if len(set(found.values())) == 1:
            yield "", *next(iter(found.values()))
        else:
            for port, (free, shut) in found.items():
                yield f":{port}", free, shut

    def _ends(self, answer: int, pod: int, targets: Mapping[int, int]) -> int:
        answers = self._answers[answer]
        return as_set(place for place, at in targets.items() if answers[at] >> pod & 1)


_Stated = dict[tuple[IntentStance, str, tuple[str, ...]], list[int]]
"""Ports of workloads by what is stated of them: from whom, and from whom of these not."""


def _space(side: str) -> str:
    """Return the namespace that a side lies in, `*` for all of them."""
    name = side.removeprefix("namespace ")
    return name.partition("/" if name == side else ":")[0]


def strangers(mirror: Mirror) -> tuple[str, ...]:
    """Return who may get in that is not in the bundle; no statement can name such pods."""
    (view,) = views(mirror)
    sides, snapshot = Sides(view.reach), shrunk(take(view))
    ports = {view.end(view.reach.grid.targets[at]): at for at in sides.owners}
    found: dict[str, list[int]] = {}
    for end, by in snapshot.reached.items():
        if end in ports:
            for source in positions(by.allowed):
                found.setdefault(snapshot.sources[source], []).append(ports[end])
    return tuple(
        f"{name} -> {there}"
        for name in snapshot.strangers or ()
        for there in sides.ports(found.get(name, ()), name)
    )


MAX_STRANGERS_SHOWN = 30
"""Lines about pods that are not in the bundle; `netproof snapshot` has all."""

_HEAD = """\
# What the policies of this bundle mean now, the most dangerous first, written by
# `netproof init`. Each intent holds, and none was meant by anybody yet: give your
# reason in place of "to be confirmed", or change the line, and `netproof check`
# says which policy to mend.
"""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9 ./>_-]*(:[a-z0-9./:_-]+)*(/[A-Z]+)?")
"""Words that YAML reads as they are."""


def write_draft(drafted: Draft, *, namespace: str = "", unnamed: Sequence[str] = ()) -> Printable:
    """Return an intents file; `unnamed` are the ways of pods that are not in the bundle."""
    lines = [f"namespace: {_quoted(namespace)}"] if namespace else []
    lines.append("intents:")
    for danger in DraftSection:
        title, _ = danger.value
        if danger is DraftSection.ACROSS:
            lines += _comment("Pods that are not in the bundle, which no statement names", unnamed)
        those = [one for one in drafted.intents if one.danger is danger]
        lines += _comment(title) if those else []
        for one in those:
            lines.append(f"  - {one.stance}: {_quoted(one.statement)}")
            lines += ["    except:"] if one.excepts else []
            lines += [f"      - {_quoted(text)}" for text in one.excepts]
            lines.append(f"    reason: {_quoted(one.reason)}")
    lines += _comment("Not stated", drafted.left) if drafted.left else []
    return several_lines(_HEAD + "\n".join(lines) + "\n")


def _comment(title: str, listed: Sequence[str] | None = None) -> list[str]:
    if listed is None:
        return ["", f"  # {title}"]
    shown = [*listed[:MAX_STRANGERS_SHOWN]]
    if len(listed) > len(shown):
        shown.append(f"and {len(listed) - len(shown)} more: netproof snapshot")
    return ["", f"  # {title}:", *(f"  # - {one_line(text)}" for text in shown)] if shown else []


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
