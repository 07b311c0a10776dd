"""The scripts and styles that pages with a picture carry, and their data."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

DAGRE = "dagre.min.js"
LICENCE = "dagre.LICENSE.txt"

PICTURE_STYLES = ("picture.css", "explorer.css")


def asset(name: str) -> str:
    """Return a file of this room."""
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def picture_script() -> str:
    """Return what draws a picture in a page and lets it be asked, dagre with its licence first.

    A string of dagre's holds a control character, which is the same as its escape.
    """
    licence = f"/*! dagre 3.1.3\n{asset(LICENCE)}*/"
    dagre = asset(DAGRE).replace("\x01", "\\x01")
    return "\n".join((licence, dagre, *map(asset, ("picture.js", "explorer.js", "tables.js"))))


def picture_style() -> str:
    """Return the style of a picture in a page."""
    return "\n".join(map(asset, PICTURE_STYLES))


def in_script(data: Any) -> str:
    """Return data as JSON that no text in it ends the element of."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
