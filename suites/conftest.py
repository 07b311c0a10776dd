"""Suites run on the embedded lab unless another cluster is named."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("netproof fuzz", "netproof: random policies (suites/fuzz)")
    group.addoption("--fuzz-examples", type=int, default=20, help="bundles to try; 0: without end")
    group.addoption("--fuzz-seed", type=int, default=1, help="what the random bundles begin with")
    group.addoption("--fuzz-bundle", type=Path, help="a saved bundle to try again")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the lab the default cluster of a run that names the suites."""
    if config.option.cluster is None:
        config.option.cluster = "lab"
