"""A picture as SVG, and as a page that holds it and can be asked.

The script that draws runs here as it does in a browser: in QuickJS, which knows neither files nor
a network, with its time and memory bounded.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import quickjs
from jinja2 import Template

from netproof.errors import HarnessBug
from netproof.model.picture import EndShape, Picture
from netproof.report.picture.scripts import (
    DAGRE,
    asset,
    in_script,
    picture_script,
    picture_style,
)
from netproof.report.text import counted, printable
from netproof.report.webpage import template

MOST_SECONDS = 60
MOST_BYTES = 1024**3
"""What a picture may cost: that of 1,000 workloads takes a few seconds and 100 MB."""

_WITHOUT_BROWSER = "globalThis.structuredClone ??= (one) => JSON.parse(JSON.stringify(one));"
"""Of what browsers have and the language has not, dagre asks for this."""

Tree = list[Any]
"""`[tag, attributes, child, ...]`; a child is a tree or a text."""


def svg(picture: Picture) -> str:
    """Return the picture as an SVG document that stands alone."""
    root = _element(_asked(picture, "Picture.draw(model, wish)"))
    style = ET.Element("style")
    style.text = asset("picture.css")
    root.insert(1, style)
    return ET.tostring(root, encoding="unicode") + "\n"


def html(picture: Picture) -> str:
    """Return the picture as one page that needs nothing else."""
    shown = printable(picture)
    tree = _asked(picture, "Picture.draw(model, wish)")
    return _template().render(
        picture=shown,
        size=summary(shown),
        drawn=ET.tostring(_element(tree), encoding="unicode"),
        data=in_script({"picture": msgspec.to_builtins(shown), "css": asset("picture.css")}),
    )


def arrows(picture: Picture, *, folded: bool) -> list[dict[str, Any]]:
    """Return what is drawn between which ends: `from` and `to` are places, or names of namespaces.

    `folded` puts namespaces in the place of their workloads.
    """
    wish = "{...wish, folded: new Set(model.spaces)}" if folded else "wish"
    drawn: list[dict[str, Any]] = _asked(picture, f"Picture.scene(model, {wish}).arrows")
    return drawn


def summary(picture: Picture) -> str:
    """Say how large a picture is."""
    workloads = [end for end in picture.ends if end.shape is EndShape.WORKLOAD]
    spaces = len({end.space for end in workloads})
    return (
        f"{counted(len(workloads), 'workload')} in {counted(spaces, 'namespace')}, "
        f"{counted(len(picture.policies), 'policy')}"
    )


def _asked(picture: Picture, question: str) -> Any:
    """Return what an expression about the `model` of a picture is worth."""
    engine = quickjs.Context()
    engine.set_memory_limit(MOST_BYTES)
    engine.set_time_limit(MOST_SECONDS)
    engine.set("given", msgspec.json.encode(printable(picture)).decode())
    program = (_WITHOUT_BROWSER, asset(DAGRE), asset("picture.js"))
    asking = "const wish = {folded: Picture.folding(model)};"
    try:
        for script in program:
            engine.eval(script)
        engine.eval(f"const model = Picture.read(JSON.parse(given)); {asking}")
        return json.loads(engine.eval(f"JSON.stringify({question})"))
    except quickjs.JSException as error:
        raise HarnessBug(f"the picture could not be laid out: {error}") from error


def _element(tree: Tree) -> ET.Element:
    tag, attributes, *children = tree
    made = ET.Element(tag, {name: str(worth) for name, worth in attributes.items()})
    last: ET.Element | None = None
    for child in children:
        if not isinstance(child, str):
            last = _element(child)
            made.append(last)
        elif last is None:
            made.text = (made.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return made


def _template() -> Template:
    script = f"{picture_script()}\n{asset('graph.js')}"
    style = f"{asset('graph.css')}\n{picture_style()}"
    return template(__package__, "graph.html", script=script, style=style)
