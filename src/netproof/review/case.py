"""A bundle with its intents: opened from what people name, and all that is to be said of it.

The one place where sources and intents files become one bundle, for every front door.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import netproof
from netproof.model.check import CheckRecord
from netproof.model.known_gap import CniFacts
from netproof.model.review import Note
from netproof.model.value import replace
from netproof.policy.intentdocuments import read_intents_text
from netproof.policy.mirror import Mirror, mirror_texts
from netproof.policy.overrulers import of_cni
from netproof.policy.rendering import PLAINLY, ReadingOptions, read_bundle
from netproof.policy.sources import is_named, read_texts
from netproof.review.hints.context import HintContext
from netproof.review.hints.table import find_all
from netproof.review.intents import (
    Intent,
    reachability_of,
    read_intents,
)
from netproof.review.judgement import judge_all
from netproof.review.mutation import mutate
from netproof.review.reachability import Reachability
from netproof.verdict import RunJudgement, judge_reading


@dataclass(frozen=True, slots=True)
class Case:
    """A bundle with its intents, and who reaches whom in it."""

    name: str
    intents: tuple[Intent, ...]
    reachability: Reachability

    @property
    def mirror(self) -> Mirror:
        """The mirror, with pods that also serve the ports that only intents name."""
        return self.reachability.mirror


def read_mirror(
    sources: Sequence[str],
    *,
    intents: Sequence[str] = (),
    stdin: bytes | None = None,
    also: Iterable[tuple[str, str]] = (),
    reading: ReadingOptions = PLAINLY,
) -> Mirror:
    """Return the mirror of a bundle from paths, `-` and `git:REVISION:PATH`.

    `intents` are further sources, which must hold intents only; one that is in the bundle too
    counts once. `also` are further texts by name, `reading` is how kustomizations and charts are
    rendered, and where objects go that name no namespace. Raises UsageError or PolicyError for what
    cannot be read.
    """
    notes: list[Note] = []
    texts = [*read_bundle(sources, reading, stdin, notes), *also]
    known = {name for name, _ in texts}
    for name, text in read_texts(intents, stdin, notes):
        read_intents_text(text, name)
        if name not in known:
            texts.append((name, text))
    named = [*sources, *intents]
    return mirror_texts(
        texts,
        default_namespace=reading.namespace,
        notes=notes,
        found=lambda name: not is_named(name, named),
    )


def open_case(
    sources: Sequence[str],
    *,
    name: str = "",
    intents: Sequence[str] = (),
    stdin: bytes | None = None,
    cni: CniFacts | None = None,
    also: Iterable[tuple[str, str]] = (),
    reading: ReadingOptions = PLAINLY,
) -> Case:
    """Open a bundle with its intents from what people name; raise as `read_mirror` does.

    `cni` is what is declared of the CNI that it is meant for, where no packets will tell.
    """
    mirror = read_mirror(
        sources,
        intents=intents,
        stdin=stdin,
        also=also,
        reading=reading,
    )
    if cni is not None:
        known = of_cni(mirror.bundle.policies, cni)
        mirror = replace(mirror, overrulers=(*mirror.overrulers, *known))
    return case_of(mirror, name or " ".join(sources))


def case_of(mirror: Mirror, name: str) -> Case:
    """Read the intents of a mirrored bundle; raise PolicyError for one that makes no sense."""
    intents = read_intents(mirror.intents)
    return Case(name, intents, reachability_of(mirror, intents))


def check(case: Case, *, cni: str = "", with_mutations: bool = False) -> CheckRecord:
    """Judge the intents by what the policies mean, and look for mistakes that people make."""
    reach = case.reachability
    return CheckRecord(
        bundle=case.name,
        netproof=netproof.__version__,
        workloads=len(reach.workloads),
        policies=len(reach.policies),
        flows=len(reach.grid),
        seconds=0.0,
        notes=reach.mirror.notes,
        hints=find_all(HintContext(reach, cni)),
        intents=judge_all(reach, case.intents),
        mutations=mutate(reach, case.intents) if with_mutations else None,
    )


def by_reading(checked: CheckRecord) -> CheckRecord:
    """Return a check with the verdict on what the policies mean; no packet was sent."""
    return concluded(checked, judge_reading(checked.intents))


def concluded(checked: CheckRecord, judgement: RunJudgement | None) -> CheckRecord:
    """Return a check with the verdict on it; as it is where there was nothing to judge."""
    if judgement is None:
        return checked
    return replace(
        checked,
        intents=judgement.intents,
        verdict=judgement.verdict,
        exit_code=judgement.exit_code,
        exit_reason=judgement.sentence,
    )
