"""The hook of mkdocs (mkdocs.yml): what the pages of docs/ link to outside of docs/ comes along.

On the code host a page links to whatever the repository holds. The site has a copy of each such
file under `project/`: Markdown as a page, with its own links followed in turn, anything else as a
page that quotes it. mkdocs then checks all links and anchors, in strict mode. Nothing that the
site shows is fetched from elsewhere; a build in which something is, fails.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = "docs/"
OUTSIDE = "project/"
"""Where the site keeps what is not under docs/."""

LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}

_FENCE = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)((?:#[^)\s]*)?)\)")
_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")

_LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
_ONLY_SAID = {"canonical", "alternate", "next", "prev", "author"}
"""Kinds of `<link>` by which nothing is loaded."""


class _Loads(HTMLParser):
    """Keeps what a page loads from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        there = dict(attrs)
        address = there.get(_LOADING.get(tag, "")) or ""
        if re.match("(?:[a-z]+:)?//", address) and there.get("rel") not in _ONLY_SAID:
            self.foreign.append(address)


def repository_path(uri: str) -> str:
    """Return which file of the repository a page of the site is made of."""
    return uri.removeprefix(OUTSIDE) if uri.startswith(OUTSIDE) else DOCS + uri


def uri_of(path: str) -> str:
    """Return which page of the site shows a file of the repository."""
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return OUTSIDE + (path if path.endswith(".md") else f"{path}.md")


def links(text: str, path: str) -> Iterator[str]:
    """Yield the files of the repository that a page links to, as paths from its root."""
    for link in _LINK.finditer(_FENCE.sub("", text)):
        yield _target(path, link[1])


def _target(path: str, link: str) -> str:
    """Return what a link leads to; a folder is told of by its README."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    readme = posixpath.join(target, "README.md")
    return readme if (ROOT / readme).is_file() else target


def rewritten(text: str, uri: str) -> str:
    """Return a page with links that lead within the site, and tables as Python-Markdown reads them.

    GitHub splits a row before it reads code, so that a bar in code is escaped there;
    Python-Markdown reads the code first and would show the backslash.
    """

    def site_link(link: re.Match[str]) -> str:
        there = uri_of(_target(repository_path(uri), link[1]))
        return f"]({posixpath.relpath(there, posixpath.dirname(uri) or '.')}{link[2]})"

    def row(line: re.Match[str]) -> str:
        return _CODE.sub(lambda code: code[0].replace("\\|", "|"), line[0])

    def prose(part: str) -> str:
        return _ROW.sub(row, _LINK.sub(site_link, part))

    fences = [*_FENCE.finditer(text)]
    starts = [0, *(fence.end() for fence in fences)]
    ends = [*(fence.start() for fence in fences), len(text)]
    quoted = [*(fence[0] for fence in fences), ""]
    return "".join(
        prose(text[start:end]) + fence
        for start, end, fence in zip(starts, ends, quoted, strict=True)
    )


def reached(paths: Mapping[str, str]) -> dict[str, str]:
    """Return the pages, by their place in the site, that files outside docs/ make.

    `paths` are the pages of docs/ (and what the navigation names besides) with their text.
    """
    made: dict[str, str] = {}
    left = dict(paths)
    while left:
        path, text = left.popitem()
        for target in links(text, path):
            if target.startswith(DOCS) or uri_of(target) in made or not (ROOT / target).is_file():
                continue
            made[uri_of(target)] = _content(target)
            if target.endswith(".md"):
                left[target] = made[uri_of(target)]
    return made


def _content(path: str) -> str:
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    language = LANGUAGES.get(posixpath.splitext(path)[1], "text")
    return f"# {path}\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"


def foreign(page: str) -> list[str]:
    """Return what a page would load from elsewhere."""
    return _Loads(page).foreign


def named(nav: Any) -> Iterator[str]:
    """Yield the pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        nav = list(nav.values())
    if isinstance(nav, list):
        for part in nav:
            yield from named(part)


def on_files(files: Any, config: Any) -> Any:
    """Add what pages and the navigation lead to, once mkdocs knows the files of docs/."""
    from mkdocs.structure.files import File, InclusionLevel

    texts = {repository_path(f.src_uri): f.content_string for f in files.documentation_pages()}
    named_outside = (uri for uri in named(config.nav) if uri.startswith(OUTSIDE))
    seeds = {path: _content(path) for path in map(repository_path, named_outside)}
    made = {uri_of(path): text for path, text in seeds.items()} | reached(texts | seeds)
    for uri, text in sorted(made.items()):
        file = File.generated(config, uri, content=text, inclusion=InclusionLevel.NOT_IN_NAV)
        files.append(file)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite a page before mkdocs renders it and checks its links."""
    return rewritten(markdown, page.file.src_uri)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse a page with parts from elsewhere."""
    from mkdocs.exceptions import PluginError

    if outside := foreign(output):
        raise PluginError(f"{page.file.src_uri} loads {', '.join(outside)}")
    return output
