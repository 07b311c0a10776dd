"""Wiring only: the plugin and the fixtures that this repository's suites and tests use."""

import os

import pytest

pytest_plugins = [
    "pytester",
    "netproof.front.plugin",
    "netproof.fixtures.cluster",
    "netproof.fixtures.fleet",
    "netproof.fixtures.policies",
    "netproof.fixtures.port_forward",
    "netproof.fixtures.doors",
]

WORKERS_PER_CPU = 2

CASES_PER_CPU = 4
"""A case on the lab waits for packets that do not come for longer than it computes."""

FLEETS = 4
"""On any other cluster: each worker has a fleet of pods there, whatever CPUs this machine has."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return what `-n auto` means here (a hook of pytest-xdist)."""
    if config.option.cluster not in (None, "lab"):
        return FLEETS
    return (CASES_PER_CPU if config.option.cluster else WORKERS_PER_CPU) * (os.cpu_count() or 1)
