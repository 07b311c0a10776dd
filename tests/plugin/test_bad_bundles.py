"""A bundle that cannot be ends its case with file and line, and no other case with it."""

from __future__ import annotations

import pytest

from tests.plugin.project import Ended, run

CASES = {
    "missing": None,
    "tabs": "kind: NetworkPolicy\n\tapiVersion: v1\n",
    "kind": "apiVersion: v1\nkind: Gadget\nmetadata: {name: a}\n",
    "empty-peer": """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: production}
spec:
  podSelector: {}
  ingress:
    - from:
        - {}
""",
    "elsewhere": """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: nowhere}
spec: {podSelector: {}}
""",
}
SAID = {
    "missing": "bundles/missing.yaml",
    "tabs": "bundles/tabs.yaml:2:",
    "kind": "bundles/kind.yaml:2: kind Gadget is not understood",
    "empty-peer": "bundles/empty-peer.yaml:8: NetworkPolicy production/a: spec.ingress[0].from[0]",
    "elsewhere": "bundles/elsewhere.yaml:1: NetworkPolicy nowhere/a: there is no namespace nowhere",
}
TESTS = """
import pytest

@pytest.mark.parametrize("name", {names})
def test_case(enforce, name):
    "A case with a bad bundle."
    enforce(name)

def test_good(enforce):
    "A case without a bundle."
    enforce()
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Run all bad bundles, and a good case after them, in one run."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "bundles").mkdir()
    for name, text in CASES.items():
        if text is not None:
            (folder / "bundles" / f"{name}.yaml").write_text(text)
    (folder / "test_it.py").write_text(TESTS.format(names=sorted(CASES)))
    return run(folder, "--np-cluster", "lab", "--np-report-dir", str(folder / "reports"))


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_bad_bundle_is_named_with_its_place(name: str, ended: Ended) -> None:
    """The message starts with file and line, and there is no traceback."""
    assert ended.says(SAID[name]), ended.output


def test_bad_bundles_fail_the_run_and_only_their_cases(ended: Ended) -> None:
    """The good case passes; the run's verdict is INCONCLUSIVE, for cases were not judged."""
    assert 1 == ended.code
    assert ended.says(f"{len(CASES)} failed, 1 passed", "INCONCLUSIVE"), ended.output
