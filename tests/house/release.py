"""Hold the tag of a release against everything that states its version.

`python -m tests.house.release v1.2.3` says what is wrong, a line each, and fails if anything is.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from tests.house.project import ROOT, project


def objections(tag: str, declared: dict[str, Any], changelog: str) -> tuple[str, ...]:
    """Return why a tag may not be released."""
    version = declared["version"]
    return tuple(
        objection
        for holds, objection in (
            (tag == f"v{version}", f"the tag is {tag}, pyproject.toml says {version}"),
            (_newest(changelog) == version, f"the changelog's newest section is not {version}"),
            (not _unreleased(changelog), "the changelog still has entries under Unreleased"),
            ("urls" in declared, "pyproject.toml names no address: add [project.urls]"),
        )
        if not holds
    )


def _sections(changelog: str) -> dict[str, str]:
    """Return the text under each heading, in the order of the page."""
    parts = re.split(r"^## +(\S+).*$", changelog, flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _newest(changelog: str) -> str | None:
    """Return the first heading that is a version and has something to tell."""
    return next(
        (name for name, text in _sections(changelog).items() if name[0].isdigit() and text), None
    )


def _unreleased(changelog: str) -> str:
    return _sections(changelog).get("Unreleased", "")


def main(tag: str) -> int:
    """Print the objections to a tag of this repository."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    reasons = objections(tag, project(), changelog)
    print(*reasons, sep="\n")
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
