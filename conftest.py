"""Wiring only; the plugin and its fixtures come by the entry point, as in any project."""

import pytest

from netproof.front.testworkers import usable_cpus

pytest_plugins = ["pytester"]

WORKERS_PER_CPU = 3
"""A test of netproof waits for processes more than it computes; cases of the suites wait longer.

With two of them all tests kept two CPUs busy for 1,130 s of the 1,570 s that these had.
"""


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return what `-n auto` means here where no cluster is asked for (a hook of pytest-xdist)."""
    return None if config.option.np_cluster else WORKERS_PER_CPU * usable_cpus()
