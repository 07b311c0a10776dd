"""A bundle as a picture shows it: ends, the ports they are reached at, and who decides.

Nothing here knows a place on paper. What is said of many flows alike is told once: the sides of
flows are a list, a decision is the places of those of one flow, and targets have the places of
decisions.
"""

from __future__ import annotations

from enum import StrEnum

from netproof.model.flow import Direction, Expected
from netproof.model.value import Value


class EndShape(StrEnum):
    """What an end of a picture is. Strangers are pods that are not in the bundle."""

    WORKLOAD = "workload"
    STRANGERS = "strangers"
    SERVICE = "service"
    DNS = "dns"
    NODE = "node"
    OUTSIDE = "outside"


class PictureEnd(Value):
    """Whatever arrows begin and end at; `space` is its namespace, "" where it is in none.

    `ingress` and `egress` are the places of the policies that isolate it, in `Picture.policies`.
    """

    name: str
    shape: EndShape
    space: str = ""
    ingress: tuple[int, ...] = ()
    egress: tuple[int, ...] = ()


class PicturePolicy(Value):
    """A policy: where it is written, which ends it selects (their places), and for what."""

    name: str
    place: str
    selects: tuple[int, ...]
    directions: tuple[Direction, ...]


class PictureRule(Value):
    """A rule of a policy (its place): what it is called, where it stands, whom it lets pass."""

    policy: int
    name: str
    place: str
    text: str


class PictureSide(Value):
    """What one side of a flow says: the policies that isolate there, the rules that let it pass.

    Both by their places. `text` says why it is undefined, "" where it is not.
    """

    direction: Direction
    answer: Expected
    policies: tuple[int, ...] = ()
    rules: tuple[int, ...] = ()
    text: str = ""


class PictureTarget(Value):
    """A port of an end (its place), and what is decided for each source.

    `cells` are pairs of numbers: for how many ends in a row, in the order of `Picture.ends`, which
    decision holds. 0 is no flow, 1 the first of `Picture.decisions`.
    """

    end: int
    port: str
    cells: tuple[int, ...]


class Picture(Value):
    """Who reaches whom in a bundle, at which port, and by whose word.

    A decision is denied where one of its sides is, else undefined where one is. It has one side
    where nothing is known of the other end's policies, as of strangers. `remarks` say what may
    decide otherwise than the policies.
    """

    title: str
    ends: tuple[PictureEnd, ...]
    targets: tuple[PictureTarget, ...]
    sides: tuple[PictureSide, ...]
    decisions: tuple[tuple[int, ...], ...]
    policies: tuple[PicturePolicy, ...] = ()
    rules: tuple[PictureRule, ...] = ()
    remarks: tuple[str, ...] = ()
