"""Random policies do on the cluster what they are expected to do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from netproof.fixtures.policies import Play
from netproof.front.plugin import rerun
from netproof.policy import Bundle
from netproof.run.scenario import After, Scenario
from netproof.run.worker import Worker
from netproof.suites.fuzz.hunt import ENDING, Hunt
from netproof.suites.generated.case import dump

pytestmark = pytest.mark.usefixtures("enforcing", "both_families")

WITHOUT_END = 10**9


def test_random_policies(play: Play, worker: Worker, request: pytest.FixtureRequest) -> None:
    """No random bundle leads to another matrix than the expected one; what does is shrunk."""
    option = request.config.option
    name = f"fuzz/seed-{option.np_fuzz_seed}"
    hunt = Hunt(worker)
    if option.np_fuzz_bundle is not None:
        bundle = hunt.read(option.np_fuzz_bundle.read_text(encoding="utf-8"))
        saved = str(option.np_fuzz_bundle)
        title = "A saved bundle again"
        scenario = _again(name, title, bundle, saved, hunt)
        play(scenario, options=_of_bundle(saved))
        return
    seeded = (
        "--fuzz-seed",
        str(option.np_fuzz_seed),
        "--fuzz-examples",
        str(option.np_fuzz_examples),
    )
    title = "The control: all flows are open"
    play(Scenario(f"{name}-before", title, Bundle(), "", hunt.all_flows), options=seeded)
    found = hunt.run(option.np_fuzz_seed, option.np_fuzz_examples or WITHOUT_END)
    if found is None:
        title = f"All flows are open again after {hunt.policies} random policies"
        play(Scenario(name, title, Bundle(), "", hunt.all_flows), options=seeded)
        return
    path = _save(dump(found), option.np_report_dir, request.node)
    title = f"The smallest of the random bundles that differ, after {hunt.policies} policies"
    again = _again(name, title, hunt.read(dump(found)), path, hunt)
    play(again, options=_of_bundle(path))
    pytest.fail(f"{path} differed and no longer does: run it again", pytrace=False)


def _again(name: str, title: str, bundle: Bundle, source: str, hunt: Hunt) -> Scenario:
    """Return a scenario that tries a bundle as a hunt does, and before a pod terminates too."""
    return Scenario(name, title, bundle, source, hunt.all_flows, then=[After(ENDING)])


def _of_bundle(path: str) -> tuple[str, str]:
    return "--fuzz-bundle", str(Path(path).resolve())


def _save(text: str, folder: Path, node: pytest.Item) -> str:
    """Write a reproducer, the bundle and the command that tries it again; return its path."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    path = folder / "fuzz" / f"{digest}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    command = rerun.command(node, _of_bundle(str(path)))
    note = "# `${IPv4 of production/web}` stands for that pod's address.\n"
    path.write_text(f"# Again: {command}\n{note}{text}", encoding="utf-8")
    return str(path)
