"""`pytest --np-bundle BUNDLE`: one test for each intent and for each pair of mirrored workloads.

The process that owns the run probes each bundle once, whatever the number of test workers, and
hands them what it saw; a test looks its part up. So `-k`, `-n auto` and JUnit work as for any
test, and the cost does not grow with the workers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import pytest
from _pytest._code.code import TerminalRepr

from netproof.errors import NetproofError, UsageError
from netproof.front import options, places
from netproof.front.bundlereading import reading
from netproof.front.plugin import outcomes, rerun
from netproof.model import codec
from netproof.model.review import (
    Basis,
    BundleResult,
    IntentResult,
    Kept,
    PairResult,
    line_of,
)
from netproof.model.value import replace
from netproof.printing import one_line, several_lines
from netproof.report.intents import basis_line
from netproof.report.review import terminal
from netproof.review import probing
from netproof.review.case import Case, open_case
from netproof.review.judgement import judge_all
from netproof.run import bundle_run
from netproof.run.controller import Handout
from netproof.run.scenario import Wishes
from netproof.run.session import RunSession

CASES = pytest.StashKey[dict[str, Case]]()
ARGS = pytest.StashKey[list[str]]()
RESULTS = pytest.StashKey[dict[str, BundleResult]]()

_WORKER_INPUT = "netproof_bundles"
_EXPLAINED = "netproof_finding"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the bundles; without another word only they are tested."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.stash[ARGS] = config.args
        config.args = []
    try:
        if config.option.np_bundle_static and config.option.np_require_packets:
            raise UsageError("--bundle-static sends no packets, which --require-packets asks for")
        config.stash[CASES] = {name: _open(config, name) for name in config.option.np_bundle}
    except NetproofError as error:
        raise outcomes.refusal(config, str(error)) from error
    told = getattr(config, "workerinput", {}).get(_WORKER_INPUT)
    if told is not None:
        found = codec.unpack(tuple[BundleResult, ...], told)
        config.stash[RESULTS] = {result.bundle: result for result in found}


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give pytest back what was to be collected without bundles."""
    if ARGS in config.stash:
        config.args = config.stash[ARGS]


def _open(config: pytest.Config, name: str) -> Case:
    option = config.option
    intents = [str(path) for path in option.np_intents]
    chosen = options.values(option)
    cni = places.cni_facts(chosen) if option.np_bundle_static else None
    how = reading(chosen, chosen.bundle_namespace)
    return open_case([name], intents=intents, cni=cni, reading=how)


def read_all(config: pytest.Config, run: RunSession) -> None:
    """Judge each bundle by what its policies mean, for a run that sends no packets."""
    results = config.stash.setdefault(RESULTS, {})
    for name, case in config.stash.get(CASES, {}).items():
        read = _named(name, judge_all(case.reachability, case.intents))
        results[name] = BundleResult(name, read)
    run.read(intent for result in results.values() for intent in result.intents)


def _named(bundle: str, intents: Iterable[IntentResult]) -> tuple[IntentResult, ...]:
    """Return intents as those of a bundle; two may state the same."""
    return tuple(replace(intent, bundle=bundle) for intent in intents)


def probe_all(
    config: pytest.Config,
    run: RunSession,
    handout: Handout,
    wishes: Wishes,
    tell: Callable[[str], None],
) -> None:
    """Probe each bundle on the run's cluster and keep what was seen, for tests to look up."""
    for name, case in config.stash.get(CASES, {}).items():
        tell(f"packets: trying {name}")
        read = _named(name, judge_all(case.reachability, case.intents))
        probed = bundle_run.probe(case, read, handout, wishes.settings(handout.ref))
        run.take(probed, rerun.bundle(config, name))
        config.stash.setdefault(RESULTS, {})[name] = BundleResult(
            name,
            probed.intents,
            probing.pair_results(probed.scenario),
            handout.enforces,
            handout.unprobed,
            probed.scenario.record.known_gap,
        )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a test worker what was seen of the bundles (a hook of pytest-xdist)."""
    results = node.config.stash.get(RESULTS, {})
    node.workerinput[_WORKER_INPUT] = codec.pack(tuple(results.values()))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the tests of the bundles, before `-k` and the like choose among them."""
    for name, case in config.stash.get(CASES, {}).items():
        bundle = _Bundle.from_parent(session, name=name, case=case)
        items.extend(bundle.collect())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mark the reports of tests whose failure says something of the bundle."""
    made = yield
    if isinstance(item, _BundleTest) and call.excinfo is not None:
        setattr(made, _EXPLAINED, isinstance(call.excinfo.value, pytest.fail.Exception))
    return made


def explains(report: pytest.TestReport) -> bool:
    """Tell whether a failure is a finding about a bundle, which the run has on record.

    Anything else that a bundle's test fails with is an error of the harness.
    """
    return bool(getattr(report, _EXPLAINED, False))


class _Bundle(pytest.Collector):
    """All tests of one bundle."""

    def __init__(self, *, name: str, case: Case, **kwargs: Any) -> None:
        shown = one_line(name)
        super().__init__(name=shown, nodeid=shown, **kwargs)
        self.bundle, self.case = name, case

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each intent, and for each pair where packets are sent."""
        for intent in self.case.intents:
            yield _IntentTest.from_parent(self, name=intent.text, place=intent.place)
        if not self.config.option.np_bundle_static:
            for pair in probing.pair_names(self.case.reachability):
                yield _PairTest.from_parent(self, name=pair, place=self.bundle)


class _BundleTest(pytest.Item):
    """A test that looks up what was seen of its part of the bundle."""

    parent: _Bundle

    def __init__(self, *, name: str, place: str, **kwargs: Any) -> None:
        super().__init__(name=one_line(name), **kwargs)
        self.part = name
        file, line = line_of(one_line(place))
        self._place = file, None if line is None else line - 1

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Name the line that stated what is tested.

        The last part is not the end of the node id: pytest would replace dots in it.
        """
        return (*self._place, f"{self.parent.name}: {self.name}")

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any
    ) -> str | TerminalRepr:
        """Say what was found without a traceback; a fault of the harness comes with its own."""
        if isinstance(excinfo.value, pytest.fail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def result(self) -> BundleResult:
        """Return what the run showed of the bundle."""
        name = self.parent.bundle
        result = self.config.stash.get(RESULTS, {}).get(name)
        return result or BundleResult(
            name, judge_all(self.parent.case.reachability, self.parent.case.intents)
        )


class _IntentTest(_BundleTest):
    """One intent, by what the policies mean and by what packets did."""

    def runtest(self) -> None:
        """Fail with the reason of the intent and what broke it; skip where no packet was sent."""
        found = next(one for one in self.result().intents if one.intent == self.part)
        if self.result().enforces is False and found.static.kept is Kept.KEPT:
            outcomes.skip(outcomes.UNENFORCED)
        required = self.config.option.np_require_packets and found.basis is not Basis.PACKETS
        if not found.kept.holds or required:
            outcomes.fail(terminal.intent(found))
        if found.kept is Kept.UNTRIED:
            outcomes.skip(basis_line(found))


class _PairTest(_BundleTest):
    """All flows of one pair, by whether the cluster does what the policies say."""

    def runtest(self) -> None:
        """Fail with every flow that differs; skip what the cluster has no end for."""
        result = self.result()
        if result.enforces is False:
            outcomes.skip(outcomes.UNENFORCED)
        found = _pair(result, self.part)
        if found is None:
            why = result.unprobed if probing.NODES in self.part.split(" -> ") else ""
            outcomes.skip(f"no packet: {why or 'the cluster lacks one of these ends'}")
        if found.findings and result.known_gap:
            outcomes.xfail(result.known_gap)
        if found.findings:
            outcomes.fail(several_lines("\n".join(map(one_line, found.findings))))


def _pair(result: BundleResult, name: str) -> PairResult | None:
    return next((pair for pair in result.pairs if pair.name == name), None)
