"""A picture in the languages of other tools: DOT of Graphviz, and Mermaid.

They lay it out themselves. Names come from others, so that nodes are called by numbers of ours, and
what others wrote stands in labels only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netproof.model.picture import EndShape, Picture, PictureEnd
from netproof.printing import Printable, several_lines
from netproof.report.picture.drawing import arrows, summary
from netproof.report.text import dot_text, mermaid_text, printable

Arrows = list[dict[str, Any]]

MERMAID_ARROWS = 500
"""More than these Mermaid refuses to draw (maxEdges), and so namespaces are folded."""

_TITLES = {
    EndShape.OUTSIDE: "outside the cluster",
    EndShape.NODE: "nodes",
    EndShape.DNS: "cluster DNS",
    EndShape.STRANGERS: "not in the bundle",
}


def dot(picture: Picture) -> Printable:
    """Return the picture in DOT: clusters are namespaces, arrows what rules let pass.

    An arrow of a whole namespace is one of a workload in it, clipped at the cluster (`compound`).
    Source: https://graphviz.org/doc/info/lang.html.
    """
    shown = printable(picture)
    drawn = arrows(picture, folded=False)
    groups = _dot_groups(shown, drawn)
    return _joined((*_dot_head(shown), *groups, *_dot_arrows(shown, drawn), "}"))


def _dot_head(picture: Picture) -> Iterator[str]:
    yield "digraph netproof {"
    yield f"  label={dot_text(f'{picture.title}: {summary(picture)}')};"
    yield "  rankdir=LR; compound=true; newrank=true;"
    yield '  node [shape=box, style=rounded, fontname="monospace"];'
    yield '  edge [color="#1a7040", fontname="monospace", fontsize=10];'


def _dot_groups(picture: Picture, drawn: Arrows) -> Iterator[str]:
    looping = _looping(picture, drawn)
    for number, (title, ends) in enumerate(_groups(picture, drawn)):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={dot_text(title)};"
        if title in looping:
            yield f"    e{number} [label={dot_text(f'all of {title}')}, shape=plain];"
        for at in ends:
            dashed = ", style=dashed" if picture.ends[at].shape is EndShape.STRANGERS else ""
            yield f"    n{at} [label={dot_text(_label(picture.ends[at]))}{dashed}];"
        yield "  }"


def _dot_arrows(picture: Picture, drawn: Arrows) -> Iterator[str]:
    groups = {title: (number, ends) for number, (title, ends) in enumerate(_groups(picture, drawn))}
    for arrow in drawn:
        words = [f"label={dot_text(_ports(arrow))}"] if _ports(arrow) else []
        ends = []
        for at, side in enumerate(("ltail", "lhead")):
            end = _ends(arrow)[at]
            if isinstance(end, int):
                ends.append(f"n{end}")
            elif _loops(picture, arrow):
                ends.append(f"e{groups[end][0]}")
            else:
                number, inside = groups[end]
                ends.append(f"n{inside[-at]}")
                words.append(f"{side}=cluster_{number}")
        yield f"  {ends[0]} -> {ends[1]} [{', '.join(words)}];"


def mermaid(picture: Picture) -> Printable:
    """Return the picture as a flowchart of Mermaid: subgraphs are namespaces.

    Source: https://mermaid.js.org/syntax/flowchart.html.
    """
    shown = printable(picture)
    drawn = arrows(picture, folded=False)
    if len(drawn) > MERMAID_ARROWS:
        drawn = arrows(picture, folded=True)
    groups = _mermaid_groups(shown, drawn)
    return _joined(("flowchart LR", *groups, *_mermaid_arrows(shown, drawn)))


def _mermaid_groups(picture: Picture, drawn: Arrows) -> Iterator[str]:
    looping = _looping(picture, drawn)
    for number, (title, ends) in enumerate(_groups(picture, drawn)):
        yield f"  subgraph g{number}[{mermaid_text(title)}]"
        if title in looping:
            yield f"    e{number}[{mermaid_text(f'all of {title}')}]"
        yield from (f"    n{at}[{mermaid_text(_label(picture.ends[at]))}]" for at in ends)
        yield "  end"


def _mermaid_arrows(picture: Picture, drawn: Arrows) -> Iterator[str]:
    groups = {title: number for number, (title, _) in enumerate(_groups(picture, drawn))}
    for arrow in drawn:
        word = "e" if _loops(picture, arrow) else "g"
        ends = (arrow["from"], arrow["to"])
        here, there = (
            f"n{end}" if isinstance(end, int) else f"{word}{groups[end]}" for end in ends
        )
        ports = _ports(arrow)
        yield f"  {here} -->{f'|{mermaid_text(ports)}|' if ports else ''} {there}"


def _looping(picture: Picture, drawn: Arrows) -> set[str]:
    """Return the namespaces that an arrow of all of them stays in."""
    return {
        end
        for arrow in drawn
        for end in _ends(arrow)
        if isinstance(end, str) and _loops(picture, arrow)
    }


def _loops(picture: Picture, arrow: dict[str, Any]) -> bool:
    """Tell whether an arrow of a whole namespace stays in it: neither language draws that.

    It then begins or ends at a node of its own that stands for all.
    """
    ends = _ends(arrow)
    here, there = (end if isinstance(end, str) else picture.ends[end].space for end in ends)
    return here == there and any(isinstance(end, str) for end in ends)


def _groups(picture: Picture, drawn: Arrows) -> list[tuple[str, list[int]]]:
    """Return the ends by namespace, then those of each kind that are in none.

    Pods that are not in the bundle are there where an arrow has to do with them.
    """
    met = {end for arrow in drawn for one in arrow.get("stands", [arrow]) for end in _ends(one)}
    found: dict[str, list[int]] = {}
    for at, end in enumerate(picture.ends):
        if end.shape is EndShape.STRANGERS and at not in met:
            continue
        found.setdefault(end.space or _TITLES.get(end.shape, ""), []).append(at)
    return list(found.items())


def _ends(arrow: dict[str, Any]) -> tuple[int | str, int | str]:
    return arrow["from"], arrow["to"]


def _label(end: PictureEnd) -> str:
    name = end.name.removeprefix(f"{end.space}/").removesuffix(f" in namespace {end.space}")
    if end.shape is not EndShape.WORKLOAD:
        return name
    sides = (("in", end.ingress), ("out", end.egress))
    free = [word for word, policies in sides if not policies]
    return f"{name} (open {' and '.join(free)})" if free else name


def _ports(arrow: dict[str, Any]) -> str:
    return "" if arrow["all"] else ", ".join(arrow["ports"])


def _joined(lines: tuple[str, ...]) -> Printable:
    return several_lines("\n".join(lines) + "\n")
