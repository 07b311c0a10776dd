"""HTML documents that need nothing else: a template with a style and a script inside.

Templates escape whatever they are given. A browser knows what it may run by its hash, and runs
nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


@cache
def template(package: str, name: str, *, script: str, style: str) -> Template:
    """Return a template of a room, which is given `script`, `style` and their `policy`."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["css"] = lambda verdict: str(verdict).lower().replace(" ", "-")
    environment.globals["script"], environment.globals["style"] = script, style
    environment.globals["policy"] = content_policy([script], [style])
    return environment.get_template(name)


@cache
def beside_templates(package: str, name: str) -> str:
    """Return a file that lies beside the templates of a room: a style, a script."""
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")


def content_policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Return the Content-Security-Policy of a page that runs these and loads nothing."""
    by_hash = (" ".join(map(_hash, each)) for each in (scripts, styles))
    script, style = by_hash
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy calls an inline script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
