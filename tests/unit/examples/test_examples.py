"""The example bundles: two promises are broken, with file and line, and all others hold."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from examples.demo import BROKEN, EXAMPLES
from netproof.model.check import CheckRecord
from netproof.model.review import Kept
from netproof.policy.mirror import mirror_texts
from netproof.policy.sources import read_texts
from netproof.review.case import case_of, check
from netproof.review.intents import SCHEMA_FILE

FOLDER = Path(__file__).parents[3] / "examples"


def checked(name: str, *more: str) -> CheckRecord:
    """Check an example, with the files of missing intents that are named."""
    paths = [FOLDER / name, *(FOLDER / "more-intents" / one for one in more)]
    texts = [(str(Path(f).relative_to(FOLDER)), text) for f, text in read_texts(paths, None)]
    return check(case_of(mirror_texts(texts), name), with_mutations=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_broken_promises(name: str) -> None:
    """Exactly the two promises that the articles' policies do not keep are broken."""
    broken = {
        (name, result.intent) for result in checked(name).intents if result.kept is not Kept.KEPT
    }

    assert {one for one in BROKEN if one[0] == name} == broken


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("production-networking", "production-networking/policies.yaml:24"),
        ("zero-trust", "zero-trust/policies.yaml:20"),
    ],
)
def test_culprit_has_file_and_line(name: str, place: str) -> None:
    """Each broken promise names the line of the rule that was meant to keep it."""
    causes = [c for result in checked(name).broken for f in result.static.broken for c in f.causes]

    assert place in {cause.place for cause in causes}


@pytest.mark.parametrize(
    ("name", "hint", "line"),
    [("production-networking", "rule-for-itself", 24), ("zero-trust", "own-namespace-only", 20)],
)
def test_mistake_is_found_without_intents(name: str, hint: str, line: int) -> None:
    """Both mistakes are found as hints, too."""
    found = {(one.name, one.place) for one in checked(name).hints}

    assert (hint, f"{name}/policies.yaml:{line}") in found


@pytest.mark.parametrize("name", EXAMPLES)
def test_schema_takes_the_intents(name: str) -> None:
    """The examples' intents fit the published schema."""
    schema = json.loads(SCHEMA_FILE.read_text())

    jsonschema.validate(yaml.safe_load((FOLDER / name / "intents.yaml").read_text()), schema)


@pytest.mark.parametrize(
    ("name", "unnoticed"),
    [
        ("production-networking", ["widen production/allow-service-a ingress[0]: from everyone"]),
        ("zero-trust", ["widen secure-ns/allow-web-ingress ingress[0]: from everyone"]),
        ("default-allow", []),
        ("ingress-controllers", []),
    ],
)
def test_unnoticed_mutations(name: str, unnoticed: list[str]) -> None:
    """What the promises of the texts would not notice is known."""
    mutations = checked(name).mutations or ()

    assert unnoticed == [one.text for one in mutations if one.flows and not one.noticed_by]


@pytest.mark.parametrize("name", ["production-networking", "zero-trust"])
def test_missing_intents_notice_the_rest(name: str) -> None:
    """With the missing intents added, no mutation goes unnoticed."""
    mutations = checked(name, f"{name}.yaml").mutations or ()

    assert [] == [one.text for one in mutations if one.flows and not one.noticed_by]
