"""Write a file as netproof's comment on a pull request, in place of the one from before.

For action.yml; the standard library is enough. What GitHub refuses is told, and fails nothing: a
pull request of a fork has no right to comment, and the verdict is not in question.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

MARK = "<!-- netproof -->"
"""What `--report comment` ends with; nobody else's comment does."""

PAGES = 30
"""Of a hundred comments each: a pull request with more gets a new one."""


def main(file: str) -> None:
    """Find the comment that was written before and change it, else write one."""
    body = {"body": Path(file).read_text(encoding="utf-8")}
    repository, number = os.environ["GITHUB_REPOSITORY"], int(os.environ["PULL_REQUEST"])
    issues = f"/repos/{repository}/issues"
    try:
        before = _before(f"{issues}/{number}/comments")
        if before is None:
            _ask("POST", f"{issues}/{number}/comments", body)
        else:
            _ask("PATCH", f"{issues}/comments/{before}", body)
    except urllib.error.HTTPError as error:
        reason = "a fork's may not" if error.code in (401, 403) else error.reason
        print(f"::notice title=netproof::no comment on the pull request: {error.code}, {reason}")
    except OSError as error:
        print(f"::notice title=netproof::no comment on the pull request: {type(error).__name__}")


def _before(path: str) -> int | None:
    for page in range(1, PAGES + 1):
        comments = _ask("GET", f"{path}?per_page=100&page={page}")
        for one in comments:
            is_bots = (one["user"] or {}).get("type") == "Bot"  # null: the account is gone
            if is_bots and str(one["body"]).rstrip().endswith(MARK):
                return int(one["id"])
        if len(comments) < 100:
            break
    return None


def _ask(method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 - the address is the runner's own
        os.environ["GITHUB_API_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        return json.load(answer)


if __name__ == "__main__":
    main(sys.argv[1])
