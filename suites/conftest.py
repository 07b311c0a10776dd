"""Suites run on the embedded lab unless another cluster is named."""

import argparse
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("netproof fuzz", "netproof: random policies (suites/fuzz)")
    group.addoption(
        "--fuzz-examples", type=_count, default=20, help="bundles to try; 0: without end"
    )
    group.addoption("--fuzz-seed", type=int, default=1, help="what the random bundles begin with")
    group.addoption("--fuzz-bundle", type=_saved, help="a saved bundle to try again")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the lab the default cluster of a run that names the suites."""
    if config.option.cluster is None:
        config.option.cluster = "lab"


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bundles; 0 is without end")
    return int(text)


def _saved(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(
            f"there is no file {text!r}; a run that finds one names it"
        )
    return Path(text)
