"""A bundle and its intents are put together in one place, whatever they are named by."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netproof.errors import PolicyError, UsageError
from netproof.review.case import open_case
from tests.unit.review.build import deny_all, intents, workload

BUNDLE = "---\n".join([workload("shop/web", 80), workload("shop/api", 8080), deny_all("shop")])
INTENTS = intents("deny: web -> api")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to work in, with a bundle and an intents file apart from it."""
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "bundle.yaml").write_text(BUNDLE)
    (tmp_path / "more.yaml").write_text(INTENTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _git(*words: str) -> None:
    user = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *user, *words], check=True, capture_output=True)


@pytest.mark.usefixtures("folder")
def test_intents_of_a_further_file() -> None:
    """Intents may stand in a file of their own, and the case is named after its sources."""
    case = open_case(["bundle"], intents=["more.yaml"])

    assert ("bundle", ["deny: web -> api"]) == (case.name, [one.text for one in case.intents])


@pytest.mark.usefixtures("folder")
def test_intents_file_that_is_in_the_bundle_counts_once() -> None:
    """A file that is named as bundle and as intents is no second statement of them."""
    case = open_case(["bundle", "more.yaml"], intents=["more.yaml"])

    assert 1 == len(case.intents)


@pytest.mark.usefixtures("folder")
def test_intents_file_without_intents() -> None:
    """A file that is named for its intents and is a manifest is refused with its place."""
    with pytest.raises(PolicyError, match=r"bundle\.yaml:1: is no intents file"):
        open_case(["bundle"], intents=["bundle/bundle.yaml"])


@pytest.mark.usefixtures("folder")
def test_revision() -> None:
    """A bundle may be one of a revision of the repository here, in every front door."""
    for words in (("init", "-q"), ("add", "bundle"), ("commit", "-qm", "first")):
        _git(*words)
    case = open_case(["git:HEAD:bundle"], intents=["more.yaml"])

    assert "HEAD:bundle/bundle.yaml:1" == str(case.mirror.workloads[0].origin)


def test_standard_input() -> None:
    """`-` is what was piped in, and a mistake of the caller where nothing was."""
    case = open_case(["-"], stdin=BUNDLE.encode(), name="piped")

    assert "-:1" == str(case.mirror.workloads[0].origin)
    with pytest.raises(UsageError, match="nothing is piped"):
        open_case(["-"])
